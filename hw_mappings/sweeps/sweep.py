"""The sweep: rows of all chips, and the limits of one of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from ecc_lava.common import Progress
from ecc_lava.errors import EccLavaError
from ecc_lava.networks import QuantisedNetwork, SpikingNetwork, refuse_stream
from hw_mappings.chips import BOARDS, CHIPS, DEFAULT_CHIP, ChipSpec
from hw_mappings.resources import SynapseModel
from hw_mappings.sweeps.planning import Plans
from hw_mappings.sweeps.rows import SweepRow, sweep_rows
from hw_mappings.sweeps.sensitivity import LimitSensitivity, sensitivity
from hw_mappings.sweeps.variants import WIDTHS, check_widths, requantised

__all__ = ["Sweep", "sweep"]


@dataclass(frozen=True)
class Sweep:
    """What a network needs.

    Attributes
    ----------
    rows : tuple of SweepRow
        By chip, model of synaptic memory, and variant of the network.
    sensitivity : LimitSensitivity or None
        The limits of one chip; None where the network has no integers in its number format.
    is_from_integers : bool
        Whether other widths and formats were rounded from the integers, as there was no float network.
    """

    rows: tuple[SweepRow, ...]
    sensitivity: LimitSensitivity | None
    is_from_integers: bool

    def as_dict(self) -> dict[str, Any]:
        """Return JSON values."""
        return {
            "rows": [row.as_dict() for row in self.rows],
            "sensitivity": None if self.sensitivity is None else self.sensitivity.as_dict(),
            "is_from_integers": self.is_from_integers,
        }


def sweep(
    network: QuantisedNetwork,
    chip: ChipSpec = DEFAULT_CHIP,
    *,
    snn: SpikingNetwork | None = None,
    bits: Sequence[int] | None = None,
    synapse_model: SynapseModel | str = SynapseModel.STRICT,
    progress: Progress | None = None,
) -> Sweep:
    """Return the cores and chips that a network needs on each chip, at each width, with each kind of payload, by each synapse model.

    Every row equals what `map_network` finds for the same integers, without the placement. The row of the chip's own format and width is of
    the network itself. A row of another width or number format is of the network quantised anew, and a row of other payloads is of the same
    integers with signs or without; none of these is calibrated, so that they say nothing of accuracy. The width counts by the bits of
    a synapse and by the thresholds and exponents that follow; zero weights are stored, so sparsity changes nothing. Payloads without a
    sign take no more than binary spikes, whatever their width.

    Parameters
    ----------
    network : QuantisedNetwork
    chip : ChipSpec
        The chip whose limits grow, in the network's own width or, in another number format, the width nearest to it. It has rows of its own
        beside the built-in chips.
    snn : SpikingNetwork, optional
        The float network that `network` was quantised from. Without it, other widths and formats are rounded from the integers.
    bits : sequence of int, optional
        Widths of weights beside the network's own, bits; `hw_mappings.sweeps.WIDTHS` by default.
    synapse_model : {"strict", "ideal"}
        Model of synaptic memory with which the limits grow; the rows have both.
    progress : callable (stage, done, total), optional

    Raises
    ------
    InvalidInput
        For a width that no number format holds, or an unknown synapse model.
    """
    refuse_stream(network, "the sweep")
    model, widths = SynapseModel(synapse_model), WIDTHS if bits is None else tuple(bits)
    check_widths(widths)
    built_in = [spec for spec in CHIPS.values() if spec not in BOARDS]
    chips = [chip, *(spec for spec in built_in if spec != chip)]
    plans = Plans(progress)
    rows = sweep_rows(network, snn, chips, tuple(SynapseModel), widths, plans)
    try:
        limits = sensitivity(requantised(network, snn, format=chip.format), chip, model, plans)
    except EccLavaError:  # the rows of this chip say why
        limits = None
    return Sweep(rows, limits, snn is None)
