"""Cutting cores in two such that few spikes cross; compiled code."""

from __future__ import annotations

from typing import Final

import numpy as np

from ecc_lava.common import Array
from hw_mappings.placement.compiled import borrowing, compiled
from hw_mappings.placement.moves_kernel import gains_of, moved_in_turn
from hw_mappings.placement.nets_kernel import Nets, count, list_members, within

__all__ = ["halves"]

_TURNS: Final = 8
"""Most times that all cores are moved in turn."""


@borrowing
def _spread(nets: Nets, number: int, first: int, order: Array, side: Array, counts: Array) -> None:
    """Fill `order` with all cores: the first one, then those that share nets with it, then those that share nets with these."""
    side[:], counts[:] = 0, 0
    head = stop = following = 0
    while head < order.shape[0]:
        if head == stop:
            core = first
            while side[core]:
                core, following = following, following + 1
            order[stop], side[core], stop = core, 1, stop + 1
        for k in range(nets.firsts[order[head]], nets.firsts[order[head] + 1]):
            net = nets.members[k]
            if counts[net, 0]:
                continue
            counts[net, 0] = 1
            for n in range(nets.starts[net], nets.starts[net + 1]):
                core = nets.pins[n]
                if not side[core]:
                    order[stop], side[core], stop = core, 1, stop + 1
        head += 1


@borrowing
def _in_order(nets: Nets, number: int, order: Array, side: Array, counts: Array, bounds: tuple[int, int], is_reversed: bool) -> float:
    """Put the first cores of an order on side 0, or the last, such that the fewest spikes cross; return these."""
    cores, best, best_crossing = side.shape[0], bounds[0], np.inf
    side[:] = 1
    crossing = count(nets, number, side, counts)
    for held in range(bounds[1] + 1):
        if held >= bounds[0] and crossing < best_crossing:
            best, best_crossing = held, crossing
        if held == bounds[1]:
            break
        core = order[cores - 1 - held if is_reversed else held]
        for k in range(nets.firsts[core], nets.firsts[core + 1]):
            net = nets.members[k]
            was = counts[net, 0] > 0 and counts[net, 1] > 0
            counts[net, 0], counts[net, 1] = counts[net, 0] + 1, counts[net, 1] - 1
            now = counts[net, 0] > 0 and counts[net, 1] > 0
            crossing += nets.spikes[net] * (int(now) - int(was))
    for held in range(best):
        side[order[cores - 1 - held if is_reversed else held]] = 0
    return best_crossing


@compiled
def halves(nets: Nets, cores: Array, side: Array, seen: Array, bounds: tuple[int, int], starts: int) -> None:
    """Put some cores on side 0 or 1 such that few spikes cross.

    Parameters
    ----------
    nets : Nets
    cores : int64, in the order of the network
    side : int64 (all cores,), where cores elsewhere stay; gets that of these cores
    seen : bool (nets,), all False
    bounds : fewest and most cores on side 0
    starts : orders that are cut and improved, from either end: that of the network, and others that spread from one core
    """
    size, number = cores.shape[0], 0
    local = np.full(side.shape[0], -1)
    for n in range(size):
        local[cores[n]] = n
        number += nets.firsts[cores[n] + 1] - nets.firsts[cores[n]]
    inside = Nets(
        np.empty(number + 1, np.int64),
        np.empty(number + 1, np.int64),
        np.empty(number, np.float64),
        np.empty(size + 1, np.int64),
        np.empty(number, np.int64),
        np.empty((number + 1, 2), np.int64),
    )
    number = within(nets, cores, local, side, seen, inside)
    list_members(inside, number, size)
    counts, order, best = np.empty((number, 2), np.int64), np.empty(size, np.int64), np.inf
    gains = gains_of(size)
    tried, spread = np.empty(size, np.int64), np.arange(size)
    for start in range(2 * starts):
        if start > 1 and start % 2 == 0:
            _spread(inside, number, (start // 2 - 1) * size // (starts - 1), spread, tried, counts)
        crossing = _in_order(inside, number, spread, tried, counts, bounds, start % 2 == 1)
        count(inside, number, tried, counts)
        for _ in range(_TURNS):
            fewer = moved_in_turn(inside, tried, counts, gains, order, bounds, crossing)
            crossing -= fewer
            if fewer <= 0:
                break
        if crossing < best:
            best = crossing
            for n in range(size):
                side[cores[n]] = tried[n]
