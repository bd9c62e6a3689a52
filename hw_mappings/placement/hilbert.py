"""Cores in the order of the network along a Hilbert curve: neighbours in the network are neighbours on the mesh."""

from __future__ import annotations

from itertools import islice

from hw_mappings.chips import Address
from hw_mappings.placement.problem import PlacementProblem

__all__ = ["along_a_curve", "hilbert"]


def _place(step: int, side: int) -> tuple[int, int]:
    """Return (column, row) of a step of the curve through a square whose side is a power of two."""
    column = row = 0
    size = 1
    while size < side:
        right = 1 & (step // 2)
        up = 1 & (step ^ right)
        if not up:
            if right:
                column, row = size - 1 - column, size - 1 - row
            column, row = row, column
        column, row, step, size = column + size * right, row + size * up, step // 4, size * 2
    return column, row


def along_a_curve(columns: int, rows: int) -> list[int]:
    """Return the places of a mesh, row * columns + column, along the curve through the smallest square around it."""
    side = 1 << (max(columns, rows) - 1).bit_length()
    places: list[int] = []
    waiting = [(0, side)]
    while waiting:
        first, size = waiting.pop()  # size**2 steps, which fill a square
        column, row = _place(first, side)
        if column // size * size >= columns or row // size * size >= rows:
            continue
        if size == 1:
            places.append(row * columns + column)
        else:
            half = size // 2
            waiting += [(first + quarter * half * half, half) for quarter in (3, 2, 1, 0)]
    return places


def hilbert(problem: PlacementProblem) -> tuple[Address, ...]:
    """Fill chips along a curve over the board, and the cores of each along a curve over its mesh; traffic plays no part."""
    chip = problem.chip
    board = along_a_curve(chip.amount("board_columns"), chip.amount("board_rows"))
    mesh = along_a_curve(chip.amount("mesh_columns"), chip.amount("mesh_rows"))
    chips = (number for number in board if number < chip.amount("chips"))
    usable = ((number, set(chip.usable(number))) for number in chips)
    return tuple(islice((Address(number, core) for number, cores in usable for core in mesh if core in cores), problem.cores))
