"""The mapper that a study calls: how much of a chip a network takes."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ecc_lava.backends import simulate
from ecc_lava.common import Images
from ecc_lava.errors import DoesNotFit, InvalidInput
from ecc_lava.networks import QuantisedNetwork
from ecc_lava.studies import Mapped, Mapper

__all__ = ["chip_mapper"]

PLACER = "row-major"
"""The fastest placer; the number of cores does not depend on the placement."""


def chip_mapper(names: Sequence[str]) -> tuple[Mapper, str]:
    """Return a function that maps a network to the chip of its format, and a text that identifies the chips.

    Raises
    ------
    InvalidInput
        If two chips have the same format, or a chip does not exist.
    """
    import hw_mappings

    chips = [hw_mappings.chip(name) for name in names]
    by_format = {chip.format: chip for chip in chips}
    if len(by_format) < len(chips):
        raise InvalidInput(f"--chip {' '.join(names)}: two are of the same number format; give one for each format")
    known = " ".join(f"{chip.name} {hashlib.sha256(repr(chip).encode()).hexdigest()[:16]}" for chip in chips)
    return _ChipMapper(by_format, " ".join(names)), known


@dataclass(frozen=True)
class _ChipMapper:
    """Maps a network to the chip of its format; it can be sent to a worker.

    Attributes
    ----------
    by_format : name of a number format -> ChipSpec
    names : str
        As they were given.
    """

    by_format: Mapping[str, Any]
    names: str

    def __call__(self, network: QuantisedNetwork, images: Images) -> Mapped:
        """Return what the network takes of its chip, and what the images cost there."""
        import hw_mappings
        from hw_mappings.costs import estimate, events
        from hw_mappings.mapping import deployed

        if network.format.name not in self.by_format:
            raise InvalidInput(f"--chip {self.names}: none computes in {network.format.name}; give one for each format")
        chip = self.by_format[network.format.name]
        activity = simulate(network, images, record=tuple(network.by_name))
        number = activity.images
        try:
            mapping = hw_mappings.map_network(network, chip, activity, placer=PLACER)
        except DoesNotFit:
            return Mapped(chip.name, mapped_images=number)
        cost = estimate(events(deployed(mapping, network, activity)), chip)
        return Mapped(chip.name, len(mapping.cores), mapping.chips, cost.total_uj, cost.latency_us, number)
