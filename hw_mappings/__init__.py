"""Map integer spiking networks to the cores of a neuromorphic chip.

The mapper cuts the populations of a network into shards, packs the shards on cores and places the cores. A lower bound on the cores
judges the result. `deploy` runs a mapping as Lava processes and compares the run with the network. `sweep` says what the same network
needs on other chips and at other widths. A mapping leaves as test vectors, or as files of SANA-FE. This package imports `ecc_lava`; of
`ecc_lava` only the command line imports this package.
"""

from hw_mappings.chips import LOIHI1, LOIHI2, ChipSpec, chip, load_chip
from hw_mappings.deployment import CoreCounters, Deployment, deploy, predicted_counters
from hw_mappings.mapper import map_network
from hw_mappings.mapping import Mapping
from hw_mappings.report import chip_page
from hw_mappings.sanafe import export_sanafe
from hw_mappings.sweeps import Sweep, sweep
from hw_mappings.vectors import export_vectors

__all__ = [
    "LOIHI1",
    "LOIHI2",
    "ChipSpec",
    "CoreCounters",
    "Deployment",
    "Mapping",
    "Sweep",
    "chip",
    "chip_page",
    "deploy",
    "export_sanafe",
    "export_vectors",
    "load_chip",
    "map_network",
    "predicted_counters",
    "sweep",
]
