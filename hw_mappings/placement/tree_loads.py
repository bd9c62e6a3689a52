"""The spikes on every link while cores exchange places; compiled code."""

from __future__ import annotations

from typing import Final, NamedTuple

import numpy as np

from ecc_lava.common import Array
from hw_mappings.placement.compiled import borrowing, compiled
from hw_mappings.placement.tree_columns import Place, at, ends
from hw_mappings.placement.tree_kernel import Board, Columns, Forest

__all__ = ["POWER", "Carried", "carry", "reload", "strain"]

_DOUBLINGS: Final = 3
POWER: Final = 2**_DOUBLINGS
"""Strain is the sum of this power of the spikes on each link: its root is little more than the spikes on the busiest."""


class Carried(NamedTuple):
    """The spikes on every link.

    Attributes
    ----------
    loads : float64 (4, columns, rows)
        Spikes on the links rightwards from a place, leftwards to it, down from it and up to it.
    scale : float
        Spikes on a link that count as strain 1.
    """

    loads: Array
    scale: float


@borrowing
def _strained(load: float, scale: float) -> float:
    share = load / scale
    for _ in range(_DOUBLINGS):
        share *= share
    return share


@borrowing
def strain(carried: Carried) -> float:
    """Return the sum over all links of a high power of the spikes on them, in units of the scale: that of the busiest counts most."""
    total = 0.0
    ways, width, height = carried.loads.shape
    for way in range(ways):
        for column in range(width):
            for row in range(height):
                total += _strained(carried.loads[way, column, row], carried.scale)
    return total


@borrowing
def _put(carried: Carried, way: int, column: int, row: int, spikes: float) -> float:
    before = carried.loads[way, column, row]
    after = max(before + spikes, 0.0)
    carried.loads[way, column, row] = after
    return _strained(after, carried.scale) - _strained(before, carried.scale)


@borrowing
def _put_along(carried: Carried, ahead: int, lane: int, start: int, stop: int, spikes: float) -> float:
    """Put spikes on the links from one place of a row (`ahead` 0) or a column (2) to another, and return the change of strain."""
    change, way = 0.0, ahead if start < stop else ahead + 1
    for n in range(min(start, stop), max(start, stop)):
        change += _put(carried, way, n if ahead == 0 else lane, lane if ahead == 0 else n, spikes)
    return change


@borrowing
def _load_columns(columns: Columns, begin: int, stop: int, row: int, only: Place, spikes: float, carried: Carried) -> tuple[float, int]:
    """Put spikes on the links of two columns of a tree, of all for (-1, -1), and return the change of strain and the links."""
    change, links = 0.0, 0
    for entry in range(begin, stop):
        column = columns.numbers[entry]
        if only[0] < 0 or column == only[0] or column == only[1]:
            first, last = ends(columns.rows, entry, -1, -1, row)
            change += _put_along(carried, 2, column, row, last, spikes)
            change += _put_along(carried, 2, column, row, first, spikes)
            links += last - first
    return change, links


@compiled
def carry(forest: Forest, board: Board, columns: Columns) -> Array:
    """Return the spikes on every link, as in `Carried`."""
    carried = Carried(np.zeros((4, *board.grid.shape)), 1.0)
    for tree in range(forest.sources.shape[0]):
        begin, spikes = forest.starts[tree], forest.spikes[tree]
        stop = begin + columns.used[tree]
        column, row = at(board.positions, board.place_of[forest.sources[tree]])
        left, right = ends(columns.across, tree, -1, -1, column)
        _put_along(carried, 0, row, column, left, spikes)
        _put_along(carried, 0, row, column, right, spikes)
        _load_columns(columns, begin, stop, row, (-1, -1), spikes, carried)
    return carried.loads


@borrowing
def reload(
    forest: Forest,
    board: Board,
    columns: Columns,
    trees: Array,
    lie: Array,
    exchanged: tuple[int, int, int, int],
    sign: float,
    carried: Carried,
) -> tuple[float, int]:
    """Take trees off links before an exchange (sign -1) or put them there after it (1); return the change of strain and the links.

    `exchanged` are both cores and the columns of their places. Where the source stays, only these columns and the ends of the row differ.
    """
    change, links = 0.0, 0
    for n in range(trees.shape[0]):
        tree = trees[n]
        begin, spikes, source = forest.starts[tree], forest.spikes[tree], forest.sources[tree]
        stop, moved = begin + columns.used[tree], source == exchanged[0] or source == exchanged[1]
        column, row = at(board.positions, board.place_of[source])
        left, right = ends(columns.across, tree, -1, -1, column)
        only = (-1, -1) if moved else (exchanged[2], exchanged[3])
        more, number = _load_columns(columns, begin, stop, row, only, sign * spikes, carried)
        change, links = change + more, links + number
        if sign < 0 and not moved:
            lie[0, n], lie[1, n] = left, right
            continue
        before = (column, column) if moved else (lie[0, n], lie[1, n])
        for old, new in ((before[0], left), (before[1], right)):
            further = abs(new - column) - abs(old - column)
            start, end = (old, new) if further > 0 else (new, old)
            change += _put_along(carried, 0, row, start, end, sign * spikes if further > 0 else -sign * spikes)
            links += abs(further)
    return change, links
