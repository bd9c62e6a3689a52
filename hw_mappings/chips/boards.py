"""Boards of one kind of chip. The number of chips on each board is published; their layout is assumed."""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from hw_mappings.chips.figures import assumed, public
from hw_mappings.chips.loihi1 import LOIHI1
from hw_mappings.chips.loihi2 import LOIHI2
from hw_mappings.chips.spec import ChipSpec

__all__ = ["BOARDS"]

_LAYOUT: Final = "how the chips join is not published"
_HALA_CORES: Final = "Intel, Hala Point announcement, 2024: 140,544 neuromorphic cores on 1,152 chips, 122 a chip"


def _board(chip: ChipSpec, name: str, columns: int, rows: int, source: str) -> ChipSpec:
    return replace(
        chip,
        name=name,
        chips=public(columns * rows, source),
        board_columns=assumed(columns, _LAYOUT),
        board_rows=assumed(rows, _LAYOUT),
    )


BOARDS: Final = (
    _board(LOIHI1, "kapoho-bay", 2, 1, "Intel, Kapoho Bay: a USB device of two Loihi chips, 262,144 neurons"),
    _board(LOIHI1, "nahuku", 8, 4, "Intel, Nahuku: boards of 8 to 32 Loihi chips"),
    _board(LOIHI1, "pohoiki-springs", 24, 32, "Intel, Pohoiki Springs announcement, 2020: 768 chips in one system"),
    _board(LOIHI2, "oheo-gulch", 1, 1, "Intel, Oheo Gulch: a board of one Loihi 2 chip"),
    _board(LOIHI2, "kapoho-point", 4, 2, "Intel, Kapoho Point: a board of eight Loihi 2 chips"),
    replace(_board(LOIHI2, "hala-point", 36, 32, "Intel, Hala Point announcement, 2024: 1,152 chips"), cores=public(122, _HALA_CORES)),
)
"""Systems that Intel built."""
