"""The built-in chips and boards by name: the one place where they are listed."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from ecc_lava.errors import InvalidInput
from hw_mappings.chips.boards import BOARDS
from hw_mappings.chips.files import load_chip
from hw_mappings.chips.loihi1 import LOIHI1
from hw_mappings.chips.loihi2 import LOIHI2
from hw_mappings.chips.spec import ChipSpec

__all__ = ["CHIPS", "DEFAULT_CHIP", "chip"]

CHIPS: Final = {spec.name: spec for spec in (LOIHI1, LOIHI2, *BOARDS)}
"""Built-in chips and boards by name."""

DEFAULT_CHIP: Final = LOIHI2
"""The chip of `map_network` unless its caller names another."""


def chip(name_or_path: str | Path) -> ChipSpec:
    """Return a built-in chip by name, or the chip in a file.

    Raises
    ------
    InvalidInput
        If the argument is neither.
    """
    if str(name_or_path) in CHIPS:
        return CHIPS[str(name_or_path)]
    if not Path(name_or_path).exists():
        raise InvalidInput(f"chip {str(name_or_path)!r} is neither built in ({', '.join(CHIPS)}) nor a file")
    return load_chip(name_or_path)
