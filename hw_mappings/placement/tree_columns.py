"""A tree as its columns with targets, for compiled code.

A column with targets is an entry: its number, and one bit for each row. The entries of a tree are in no order. An exchange of two places
changes two columns. Where the tree's source stays, only these are counted anew; else all columns are, but not all targets.
"""

from __future__ import annotations

from typing import NamedTuple, TypeAlias

import numpy as np

from ecc_lava.common import Array
from hw_mappings.placement.compiled import borrowing, leading_zeros, lowest_bit

__all__ = ["Columns", "Place", "at", "change_moved", "ends", "has_target", "length_after", "length_of", "with_target", "without_target"]

Place: TypeAlias = tuple[int, int]
"""Column and row."""


class Columns(NamedTuple):
    """Trees on the board; the columns of tree t are entries ``starts[t]`` to ``starts[t] + used[t]``.

    Attributes
    ----------
    used : int64 (trees,)
    lengths : int64 (trees,), of all links of a tree
    numbers : int64 (targets of all trees,), the column of an entry
    rows : uint64 (targets of all trees, words), bits of the rows with a target
    entries : int32 (trees, columns of the board), the entry of each column, -1 for none
    across : uint64 (trees, words), bits of the columns with a target
    lines : int64 (columns,), int64 (rows,)
        Where columns and rows lie; a link is as long as its ends are apart.
    """

    used: Array
    lengths: Array
    numbers: Array
    rows: Array
    entries: Array
    across: Array
    lines: tuple[Array, Array]


@borrowing
def at(positions: Array, place: int) -> Place:
    """Return where a place is."""
    return positions[place, 0], positions[place, 1]


@borrowing
def _bit(words: Array, n: int, bit: int) -> bool:
    return (words[n, bit >> 6] >> np.uint64(bit & 63)) & np.uint64(1) != 0


@borrowing
def ends(words: Array, n: int, gone: int, come: int, own: int) -> Place:
    """Return the first and the last bit of ``words[n]`` and bit `own`, once bit `gone` leaves and bit `come` arrives (-1 for none)."""
    first, last = (min(come, own), max(come, own)) if come >= 0 else (own, own)
    if n >= 0:
        for word in range(words.shape[1]):
            bits = words[n, word]
            if gone >> 6 == word:
                bits &= ~(np.uint64(1) << np.uint64(gone & 63))
            if bits != 0:
                first, last = min(first, (word << 6) + lowest_bit(bits)), max(last, (word << 6) + 63 - leading_zeros(bits))
    return first, last


@borrowing
def _length(line: Array, words: Array, n: int, gone: int, come: int, own: int) -> int:
    """Return the length of what lies between the `ends`."""
    first, last = ends(words, n, gone, come, own)
    return line[last] - line[first]


@borrowing
def _is_alone(rows: Array, entry: int, row: int) -> bool:
    """Whether a column has no target but that in one row."""
    for word in range(rows.shape[1]):
        if rows[entry, word] != (np.uint64(1) << np.uint64(row & 63) if row >> 6 == word else np.uint64(0)):
            return False
    return True


@borrowing
def has_target(columns: Columns, tree: int, place: Place) -> bool:
    """Whether a tree has a target at a place."""
    entry = columns.entries[tree, place[0]]
    return entry >= 0 and _bit(columns.rows, entry, place[1])


@borrowing
def length_of(columns: Columns, tree: int, begin: int, source: Place) -> int:
    """Return the length of a tree, whose entries begin at `begin`, with its source at a place."""
    (across, along), rows = columns.lines, columns.rows
    length = _length(across, columns.across, tree, -1, -1, source[0])
    for entry in range(begin, begin + columns.used[tree]):
        length += _length(along, rows, entry, -1, -1, source[1])
    return length


@borrowing
def change_moved(columns: Columns, tree: int, gone: Place, come: Place, source: Place) -> int:
    """Return how much longer a tree is once its target at `gone` is at `come`, and its source at `source`, as before."""
    (across, along), rows = columns.lines, columns.rows
    left, joined = columns.entries[tree, gone[0]], columns.entries[tree, come[0]]
    change = -_length(along, rows, left, -1, -1, source[1])
    if gone[0] == come[0]:
        return change + _length(along, rows, left, gone[1], come[1], source[1])
    change += _length(along, rows, left, gone[1], -1, source[1])
    change += _length(along, rows, joined, -1, come[1], source[1]) - _length(along, rows, joined, -1, -1, source[1])
    empty = gone[0] if _is_alone(rows, left, gone[1]) else -1
    change -= _length(across, columns.across, tree, -1, -1, source[0])
    return change + _length(across, columns.across, tree, empty, come[0], source[0])


@borrowing
def length_after(columns: Columns, tree: int, begin: int, here: Place, there: Place, source: Place) -> int:
    """Return the length of a tree once two places exchange their cores, with its source at `source` then."""
    length = length_of(columns, tree, begin, source)
    is_here, is_there = has_target(columns, tree, here), has_target(columns, tree, there)
    if is_here == is_there:
        return length
    return length + change_moved(columns, tree, here if is_here else there, there if is_here else here, source)


@borrowing
def with_target(columns: Columns, tree: int, begin: int, place: Place) -> None:
    """Give a tree a target."""
    column, row = place
    entry = columns.entries[tree, column]
    if entry < 0:
        entry = begin + columns.used[tree]
        columns.used[tree] += 1
        columns.entries[tree, column], columns.numbers[entry] = entry, column
        columns.rows[entry, :] = 0
        columns.across[tree, column >> 6] |= np.uint64(1) << np.uint64(column & 63)
    columns.rows[entry, row >> 6] |= np.uint64(1) << np.uint64(row & 63)


@borrowing
def without_target(columns: Columns, tree: int, begin: int, place: Place) -> None:
    """Take a target from a tree."""
    column, row = place
    entry = columns.entries[tree, column]
    if not _is_alone(columns.rows, entry, row):
        columns.rows[entry, row >> 6] &= ~(np.uint64(1) << np.uint64(row & 63))
        return
    columns.used[tree] -= 1
    last = begin + columns.used[tree]  # the last column takes the place of an empty one
    columns.numbers[entry] = columns.numbers[last]
    for word in range(columns.rows.shape[1]):
        columns.rows[entry, word] = columns.rows[last, word]
    columns.entries[tree, columns.numbers[entry]], columns.entries[tree, column] = entry, -1
    columns.across[tree, column >> 6] &= ~(np.uint64(1) << np.uint64(column & 63))
