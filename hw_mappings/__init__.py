"""Integer spiking networks onto the cores of a neuromorphic chip.

Chip descriptions, what a core can hold, how populations are cut and placed, and a lower bound to judge the result by; and deployment:
a mapping as Lava processes, compared with the network it came from. This package
imports `ecc_lava`; never the other way round.
"""

from hw_mappings.chips import LOIHI1, LOIHI2, ChipSpec, chip, load_chip
from hw_mappings.deployment import CoreCounters, Deployment, deploy, predicted_counters
from hw_mappings.mapper import map_network
from hw_mappings.mapping import Mapping
from hw_mappings.report import chip_page
from hw_mappings.vectors import export_vectors

__all__ = [
    "LOIHI1",
    "LOIHI2",
    "ChipSpec",
    "CoreCounters",
    "Deployment",
    "Mapping",
    "chip",
    "chip_page",
    "deploy",
    "export_vectors",
    "load_chip",
    "map_network",
    "predicted_counters",
]
