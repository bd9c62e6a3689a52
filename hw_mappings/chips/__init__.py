"""Chip descriptions: built in, or read from a file.

A description holds the number format, limits, mesh, board and costs of a chip; each figure is public with a source, or assumed with a
reason. Nothing here knows a network. To add a chip, write a file like `loihi2.py` and give it a line in `table.py`.
"""

from hw_mappings.chips.boards import BOARDS
from hw_mappings.chips.bounds import BOUNDS
from hw_mappings.chips.figures import Figure
from hw_mappings.chips.files import chip_from_json, chip_to_json, load_chip
from hw_mappings.chips.loihi1 import LOIHI1
from hw_mappings.chips.loihi2 import LOIHI2
from hw_mappings.chips.mesh import Address, board_positions, mesh_position
from hw_mappings.chips.spec import COSTS, RESOURCES, ChipSpec, figure_names
from hw_mappings.chips.table import CHIPS, DEFAULT_CHIP, chip

__all__ = [
    "BOARDS",
    "BOUNDS",
    "CHIPS",
    "COSTS",
    "DEFAULT_CHIP",
    "LOIHI1",
    "LOIHI2",
    "RESOURCES",
    "Address",
    "ChipSpec",
    "Figure",
    "board_positions",
    "chip",
    "chip_from_json",
    "chip_to_json",
    "figure_names",
    "load_chip",
    "mesh_position",
]
