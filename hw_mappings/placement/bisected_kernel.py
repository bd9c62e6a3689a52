"""The compiled loop that cuts cores and places in two again and again."""

from __future__ import annotations

from typing import Final

import numpy as np

from ecc_lava.common import Array
from hw_mappings.placement.compiled import borrowing, compiled
from hw_mappings.placement.cut_kernel import halves
from hw_mappings.placement.nets_kernel import Nets

__all__ = ["bisect"]

_STARTS: Final = 8
"""Orders of the cores from which cuts between chips start; those within a chip start from that of the network alone."""
_MANY: Final = 4_000
"""Cores from which on there are fewer."""


@borrowing
def _line(positions: Array, places: Array, mesh: Array) -> tuple[int, int, bool]:
    """Return the axis and the line at which places are cut, and whether it is between chips: along the longer side, near its middle."""
    axis, line, widest, between = 0, 0, 0, False
    for across_chips in (True, False):
        if widest > 0:
            break
        for each in range(2):
            unit = mesh[each] if across_chips else 1
            low = high = positions[places[0], each] // unit
            for n in range(places.shape[0]):
                at = positions[places[n], each] // unit
                low, high = min(low, at), max(high, at)
            if (high - low) * unit > widest:
                axis, line, widest, between = each, (low + high + 1) // 2 * unit, (high - low) * unit, across_chips
    return axis, line, between


@borrowing
def _part(numbers: Array, is_second: Array, spare: Array) -> int:
    """Bring numbers that are not of the second part to the front, each part in its order; return where the second begins."""
    first = second = 0
    for n in range(numbers.shape[0]):
        if is_second[n]:
            spare[second] = numbers[n]
            second += 1
        else:
            numbers[first] = numbers[n]
            first += 1
    for n in range(second):
        numbers[first + n] = spare[n]
    return first


@borrowing
def _center(positions: Array, places: Array, cores: Array, at: Array) -> None:
    """Let cores stand at the mean of some places."""
    for axis in range(2):
        total = 0.0
        for n in range(places.shape[0]):
            total += positions[places[n], axis]
        for n in range(cores.shape[0]):
            at[cores[n], axis] = total / places.shape[0]


@compiled
def bisect(nets: Nets, number: int, positions: Array, mesh: Array) -> Array:
    """Return the place of every core.

    Parameters
    ----------
    nets : Nets
    number : int
        Cores, in the order of the network; at most as many as places.
    positions : int64 (places, 2)
        Column and row on the board; places of a chip in the order in which few cores take them.
    mesh : int64 (2,), columns and rows of a chip
    """
    cores, places, place_of = np.arange(number), np.arange(positions.shape[0]), np.zeros(number, np.int64)
    at, side, seen = np.zeros((number, 2)), np.zeros(number, np.int64), np.zeros(nets.spikes.shape[0], np.bool_)
    waiting, head = [(0, number, 0, positions.shape[0])], 0
    spare, is_second = np.zeros(positions.shape[0], np.int64), np.zeros(positions.shape[0], np.bool_)
    while head < len(waiting):
        begin, stop, first, last = waiting[head]
        head += 1
        if stop - begin < 2:
            if stop > begin:
                place_of[cores[begin]] = places[first]
            continue
        axis, line, between = _line(positions, places[first:last], mesh)
        if not between and last - first > stop - begin:
            waiting.append((begin, stop, first, first + stop - begin))
            continue
        for n in range(first, last):
            is_second[n - first] = positions[places[n], axis] >= line
        middle = first + _part(places[first:last], is_second, spare)
        size, room, other = stop - begin, middle - first, last - middle
        bounds = (max(size - other, 0), min(size, room)) if between else (room, room)
        for core in range(number):
            side[core] = at[core, axis] >= line
        halves(nets, cores[begin:stop], side, seen, bounds, min(_STARTS, max(1, _STARTS * _MANY // size)) if between else 1)
        for n in range(begin, stop):
            is_second[n - begin] = side[cores[n]] == 1
        split = begin + _part(cores[begin:stop], is_second, spare)
        _center(positions, places[first:middle], cores[begin:split], at)
        _center(positions, places[middle:last], cores[split:stop], at)
        waiting.append((begin, split, first, middle))
        waiting.append((split, stop, middle, last))
    return place_of
