"""A tree as its columns with targets, for compiled code.

A column is an entry: its number, the first and the last row with a target, and one bit for each row. The entries of a tree are in no order.
An exchange of two places changes two columns. Where the tree's source stays, only these are counted anew; else all columns are, but not all
targets.
"""

from __future__ import annotations

from typing import NamedTuple, TypeAlias

import numpy as np

from ecc_lava.common import Array
from hw_mappings.placement.compiled import compiled

__all__ = ["Columns", "Place", "at", "change_moved", "has_target", "length_after", "settle", "with_target", "without_target"]

Place: TypeAlias = tuple[int, int]
"""Column and row."""


class Columns(NamedTuple):
    """Trees on the board; the columns of tree t are entries ``starts[t]`` to ``starts[t] + used[t]``.

    Attributes
    ----------
    used : int64 (trees,)
    lengths : int64 (trees,), of all links of a tree
    spans : int64 (targets of all trees, 4)
        Column, first and last row, and the length of the links along the column.
    rows : uint64 (targets of all trees, words), bits of the rows with a target
    entries : int32 (trees, columns of the board + 2)
        The entry of each column, -1 for none; then the first and the last column with a target.
    """

    used: Array
    lengths: Array
    spans: Array
    rows: Array
    entries: Array


@compiled
def at(positions: Array, place: int) -> Place:
    """Return where a place is."""
    return positions[place, 0], positions[place, 1]


@compiled
def _is_set(rows: Array, entry: int, row: int) -> bool:
    return (rows[entry, row >> 6] >> np.uint64(row & 63)) & np.uint64(1) != 0


@compiled
def _height(spans: Array, rows: Array, along: Array, entry: int, gone: int, come: int, own: int) -> int:
    """Return the length of a column once row `gone` leaves and row `come` arrives (-1 for none); -1 if no target is left.

    An entry of -1 is a column without targets.
    """
    if entry < 0:
        return abs(along[come] - along[own]) if come >= 0 else -1
    first, last = spans[entry, 1], spans[entry, 2]
    if gone == first:
        first += 1
        while first <= last and not _is_set(rows, entry, first):
            first += 1
    if gone == last:
        last -= 1
        while last >= first and not _is_set(rows, entry, last):
            last -= 1
    if come >= 0:
        first, last = (come, come) if first > last else (min(first, come), max(last, come))
    if first > last:
        return -1
    return along[max(last, own)] - along[min(first, own)]


@compiled
def length_after(
    spans: Array, rows: Array, lines: tuple[Array, Array], begin: int, stop: int, here: Place, there: Place, source: Place
) -> int:
    """Return the length of a tree once two places exchange their cores, with its source at `source` then.

    Parameters
    ----------
    spans : int64 (entries, 3)
        Column, first and last row.
    rows : uint64 (entries, words)
        Bits of the rows with a target.
    lines : int64 (columns,), int64 (rows,)
        Where columns and rows lie; a link is as long as its ends are apart.
    begin, stop : the tree's entries
    here, there : the places; (-1, -1) twice for none
    """
    across, along = lines
    left, right, own, length, at_here, at_there = source[0], source[0], source[1], 0, -1, -1
    for entry in range(begin, stop):
        column = spans[entry, 0]
        if column == here[0]:
            at_here = entry
        if column == there[0]:
            at_there = entry
        if column != here[0] and column != there[0]:
            left, right = min(left, column), max(right, column)
            length += along[max(spans[entry, 2], own)] - along[min(spans[entry, 1], own)]
    was_here = at_here >= 0 and _is_set(rows, at_here, here[1])
    was_there = at_there >= 0 and _is_set(rows, at_there, there[1])
    leaves, comes = was_here and not was_there, was_there and not was_here
    gone_here, come_here = here[1] if leaves else -1, here[1] if comes else -1
    gone_there, come_there = there[1] if comes else -1, there[1] if leaves else -1
    if here[0] == there[0]:
        gone_here, come_here = max(gone_here, gone_there), max(come_here, come_there)
    else:
        height = _height(spans, rows, along, at_there, gone_there, come_there, own)
        if height >= 0:
            left, right, length = min(left, there[0]), max(right, there[0]), length + height
    height = _height(spans, rows, along, at_here, gone_here, come_here, own)
    if height >= 0:
        left, right, length = min(left, here[0]), max(right, here[0]), length + height
    return length + across[right] - across[left]


@compiled
def _entry_of(spans: Array, begin: int, stop: int, column: int) -> int:
    """Return the entry of a column of a tree, -1 without one."""
    for entry in range(begin, stop):
        if spans[entry, 0] == column:
            return entry
    return -1


@compiled
def with_target(spans: Array, rows: Array, begin: int, stop: int, place: Place) -> int:
    """Give a tree a target and return the end of its entries."""
    entry, row = _entry_of(spans, begin, stop, place[0]), place[1]
    if entry < 0:
        entry, stop = stop, stop + 1
        spans[entry, 0], spans[entry, 1], spans[entry, 2] = place[0], row, row
        for word in range(rows.shape[1]):
            rows[entry, word] = 0
    spans[entry, 1], spans[entry, 2] = min(spans[entry, 1], row), max(spans[entry, 2], row)
    rows[entry, row >> 6] |= np.uint64(1) << np.uint64(row & 63)
    return stop


@compiled
def without_target(spans: Array, rows: Array, begin: int, stop: int, place: Place) -> int:
    """Take a target from a tree and return the end of its entries."""
    entry, row = _entry_of(spans, begin, stop, place[0]), place[1]
    rows[entry, row >> 6] &= ~(np.uint64(1) << np.uint64(row & 63))
    while spans[entry, 1] <= spans[entry, 2] and not _is_set(rows, entry, spans[entry, 1]):
        spans[entry, 1] += 1
    while spans[entry, 2] >= spans[entry, 1] and not _is_set(rows, entry, spans[entry, 2]):
        spans[entry, 2] -= 1
    if spans[entry, 1] <= spans[entry, 2]:
        return stop
    for side in range(4):  # the last column takes the place of an empty one
        spans[entry, side] = spans[stop - 1, side]
    for word in range(rows.shape[1]):
        rows[entry, word] = rows[stop - 1, word]
    return stop - 1


@compiled
def settle(spans: Array, entries: Array, along: Array, tree: int, begin: int, stop: int, own: int) -> None:
    """Count lengths of a tree's columns and its `entries` anew, with its source in row `own`; `entries` of columns that left stay."""
    left = right = spans[begin, 0] if begin < stop else 0
    for entry in range(begin, stop):
        column = spans[entry, 0]
        left, right = min(left, column), max(right, column)
        entries[tree, column] = entry
        spans[entry, 3] = along[max(spans[entry, 2], own)] - along[min(spans[entry, 1], own)]
    entries[tree, -2], entries[tree, -1] = left, right


@compiled
def has_target(rows: Array, entries: Array, tree: int, place: Place) -> bool:
    """Whether a tree has a target at a place."""
    entry = entries[tree, place[0]]
    return entry >= 0 and _is_set(rows, entry, place[1])


@compiled
def change_moved(
    spans: Array,
    rows: Array,
    entries: Array,
    lines: tuple[Array, Array],
    tree: int,
    ends: Place,
    places: tuple[Place, Place],
    source: Place,
) -> int:
    """Return how much longer a tree is once two places exchange their cores and neither is its source's, which is at `source`.

    Its entries are ``ends[0]`` to ``ends[1]``; other parameters as in `Columns` and `length_after`.
    """
    (across, along), (gone, come) = lines, places
    leaves, stays = has_target(rows, entries, tree, gone), has_target(rows, entries, tree, come)
    if leaves == stays:
        return 0
    if stays:
        gone, come = come, gone
    shrunk, grown = entries[tree, gone[0]], entries[tree, come[0]]
    change = -spans[shrunk, 3]
    if gone[0] == come[0]:
        return change + _height(spans, rows, along, shrunk, gone[1], come[1], source[1])
    left, right = entries[tree, -2], entries[tree, -1]
    change -= across[max(right, source[0])] - across[min(left, source[0])]
    height = _height(spans, rows, along, shrunk, gone[1], -1, source[1])
    if height >= 0:
        change += height
    elif gone[0] == left or gone[0] == right:
        left = right = come[0]
        for entry in range(ends[0], ends[1]):
            if entry != shrunk:
                left, right = min(left, spans[entry, 0]), max(right, spans[entry, 0])
    if grown >= 0:
        change -= spans[grown, 3]
    change += _height(spans, rows, along, grown, -1, come[1], source[1])
    return change + across[max(right, come[0], source[0])] - across[min(left, come[0], source[0])]
