"""One row for each chip, model of synaptic memory, width and payload: the cores, the chips, and what limits them."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from ecc_lava.common import Int
from ecc_lava.errors import DoesNotFit, EccLavaError
from ecc_lava.networks import QuantisedNetwork, SpikingNetwork
from hw_mappings.chips import RESOURCES, ChipSpec
from hw_mappings.resources import SynapseModel
from hw_mappings.sweeps.boards import chips_for, smallest_board
from hw_mappings.sweeps.planning import Plans
from hw_mappings.sweeps.variants import Variant, variants

__all__ = ["SweepRow", "sweep_rows"]


@dataclass(frozen=True)
class SweepRow:
    """What one variant of a network takes on one chip.

    Attributes
    ----------
    chip : str
    synapse_model : str
    bits : tuple of int
        Distinct widths of the weights, ascending; binarised weights keep their own.
    payload_bits : int
    signed : bool
        The widest payload between populations, and whether it has a sign.
    is_own : bool
        Whether these are the network's own integers; else it was quantised anew, or given signs, for the count alone.
    cores, chips : int or None
        As `map_network` finds them; None where the variant does not fit.
    lower_bound_cores : int or None
        No mapping has fewer cores; None where there are no such integers.
    board : str or None
        The smallest built-in board that holds the cores, or the chip itself.
    limited_by : str or None
        The resource of which all cores together use the largest share.
    utilisation : float or None
        This share.
    reason : str or None
        Why the variant does not fit: the population, the limit and the smallest change that fits.
    seconds : float
        Time that the row took.
    """

    chip: str
    synapse_model: str
    bits: tuple[int, ...]
    payload_bits: int
    signed: bool
    is_own: bool
    cores: int | None = None
    chips: int | None = None
    lower_bound_cores: int | None = None
    board: str | None = None
    limited_by: str | None = None
    utilisation: float | None = None
    reason: str | None = None
    seconds: float = 0.0

    @property
    def fits(self) -> bool:
        """Whether the mapper finds a mapping."""
        return self.cores is not None

    @property
    def width(self) -> str:
        """The widths of the weights, in words."""
        return " and ".join(map(str, self.bits))

    @property
    def payload(self) -> str:
        """The payload, in words."""
        if self.payload_bits == 1:
            return "1 bit and sign" if self.signed else "binary"
        return f"{self.payload_bits} bits{' and sign' * self.signed}"

    def as_dict(self) -> dict[str, Any]:
        """Return the row as JSON values."""
        return {**asdict(self), "bits": list(self.bits), "fits": self.fits}


def limiting(usage: Int, chip: ChipSpec) -> tuple[str, float]:
    """Return the resource of which cores use the largest share together, and this share."""
    limited = {n: name for n, name in enumerate(RESOURCES) if chip.limit(name) is not None}
    shares = {name: float(np.mean(usage[:, n] / chip.amount(name))) for n, name in limited.items()}
    largest = max(shares, key=lambda name: shares[name])
    return largest, shares[largest]


def _row(variant: Variant, chip: ChipSpec, model: SynapseModel, plans: Plans) -> SweepRow:
    started = time.perf_counter()
    found: dict[str, Any] = {"reason": variant.reason}
    if variant.network is not None:
        try:
            planned = plans.planned(variant.network, chip, model)
            limited_by, share = limiting(planned.usage, chip)
            found = {"cores": planned.cores, "chips": chips_for(chip, planned.cores), "lower_bound_cores": planned.lower_bound_cores}
            found |= {"board": smallest_board(chip, planned.cores), "limited_by": limited_by, "utilisation": share}
        except DoesNotFit as misfit:
            found = {"reason": str(misfit), "lower_bound_cores": plans.lower_bound_cores(variant.network, chip, model)}
        except EccLavaError as error:
            found = {"reason": str(error)}
    return SweepRow(
        chip.name,
        model.value,
        variant.bits,
        variant.payload.bits,
        variant.payload.signed,
        variant.is_own,
        **found,
        seconds=round(time.perf_counter() - started, 3),
    )


def sweep_rows(
    network: QuantisedNetwork,
    snn: SpikingNetwork | None,
    chips: Sequence[ChipSpec],
    models: Sequence[SynapseModel],
    bits: Sequence[int],
    plans: Plans,
) -> tuple[SweepRow, ...]:
    """Return a row for each chip, model of synaptic memory and variant of the network, in this order."""
    known = {format: list(variants(network, snn, format, bits)) for format in dict.fromkeys(chip.format for chip in chips)}
    todo = [(variant, chip, model) for chip in chips for model in models for variant in known[chip.format]]
    rows = []
    for done, (variant, chip, model) in enumerate(todo):
        plans.tell("rows of the sweep", done, len(todo))
        rows.append(_row(variant, chip, model, plans))
    plans.tell("rows of the sweep", len(todo), len(todo))
    return tuple(rows)
