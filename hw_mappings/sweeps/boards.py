"""How many chips hold some cores, and which board of the built-in ones."""

from __future__ import annotations

from typing import Final

from hw_mappings.chips import BOARDS, ChipSpec, figure_names

__all__ = ["chips_for", "cores_on", "smallest_board"]

_OF_BOARD: Final = frozenset({"chips", "board_columns", "board_rows", "cores"})
"""Figures in which the boards of one chip differ."""


def cores_on(chip: ChipSpec, chips: int) -> int:
    """Return the number of cores that are not blocked on the first chips of a board."""
    if not chip.blocked:
        return chips * chip.amount("cores")
    return sum(len(chip.usable(number)) for number in range(chips))


def chips_for(chip: ChipSpec, cores: int) -> int:
    """Return the fewest chips that hold so many cores, taken in order, as placers take them."""
    held = number = 0
    while held < cores:
        held += len(chip.usable(number))
        number += 1
    return number


def smallest_board(chip: ChipSpec, cores: int) -> str | None:
    """Return the name of the built-in board with the fewest cores that holds so many cores of this chip.

    Where no built-in board is of this chip, or none is large enough, it is the chip's own name if its own board is; None if no board is.
    """
    boards = [board for board in BOARDS if _is_same_core(board, chip) and board.cores_in_all >= cores]
    if chip.blocked or not boards:
        return chip.name if chip.cores_in_all >= cores else None
    return min(boards, key=lambda board: board.cores_in_all).name


def _is_same_core(board: ChipSpec, chip: ChipSpec) -> bool:
    """Whether the cores of two descriptions are equal in the value of every figure."""
    names = [name for name in figure_names() if name not in _OF_BOARD]
    return board.format == chip.format and all(board.limit(name) == chip.limit(name) for name in names)
