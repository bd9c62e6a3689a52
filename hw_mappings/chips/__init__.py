"""Chip descriptions: built in, or read from a file."""

from hw_mappings.chips.boards import BOARDS
from hw_mappings.chips.figures import Figure
from hw_mappings.chips.files import CHIPS, chip, chip_from_json, chip_to_json, load_chip
from hw_mappings.chips.loihi1 import LOIHI1
from hw_mappings.chips.loihi2 import LOIHI2
from hw_mappings.chips.spec import COSTS, RESOURCES, ChipSpec

__all__ = [
    "BOARDS",
    "CHIPS",
    "COSTS",
    "LOIHI1",
    "LOIHI2",
    "RESOURCES",
    "ChipSpec",
    "Figure",
    "chip",
    "chip_from_json",
    "chip_to_json",
    "load_chip",
]
