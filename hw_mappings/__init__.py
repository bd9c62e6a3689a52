"""Integer spiking networks onto the cores of a neuromorphic chip.

Chip descriptions, what a core can hold, how populations are cut and placed, and a lower bound to judge the result by. This package
imports `ecc_lava`; never the other way round.
"""

from hw_mappings.chips import LOIHI1, LOIHI2, ChipSpec, chip, load_chip
from hw_mappings.mapper import map_network
from hw_mappings.mapping import Mapping

__all__ = ["LOIHI1", "LOIHI2", "ChipSpec", "Mapping", "chip", "load_chip", "map_network"]
