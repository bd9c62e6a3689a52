"""The compiled loops of the joint bound: the least cost of cuts of an axis, and messages between populations."""

from __future__ import annotations

import numba
import numpy as np

from ecc_lava.common import Array, compiled_by

__all__ = ["by_length", "by_span", "to_source", "to_target"]

_MOST = 1e7
"""`hw_mappings.partition.joint_demand.MOST`."""


def _by_length(values: Array, total: int) -> Array:
    """Return a lower bound on the cost of n spans whose lengths add up to `total`, for n = 1..total, (rows, total).

    n spans of mean length total / n cost at least n times the lower convex envelope of the costs at this length.

    Parameters
    ----------
    values : float64 (rows, lengths), cost of a span of length 1, 2, ...; infinity if there is no such span
    """
    result = np.full((values.shape[0], total), np.inf)
    corners = np.zeros(values.shape[1], np.int64)
    for p in range(values.shape[0]):
        costs = values[p]
        number = 0
        for i in range(values.shape[1]):
            if costs[i] == np.inf:
                continue
            while number >= 2:
                a, b = corners[number - 2], corners[number - 1]
                if (costs[b] - costs[a]) * (i - a) < (costs[i] - costs[a]) * (b - a):
                    break
                number -= 1
            corners[number] = i
            number += 1
        last = number - 1
        for spans in range(1, total + 1):
            if number == 0 or total > (corners[number - 1] + 1) * spans:
                continue
            if total < (corners[0] + 1) * spans:
                break
            while last > 0 and (corners[last - 1] + 1) * spans >= total:
                last -= 1
            b = corners[last]
            cost = costs[b]
            if last > 0:
                a = corners[last - 1]
                cost -= (costs[b] - costs[a]) * (b + 1 - total / spans) / (b - a)
            result[p, spans - 1] = spans * cost
    return result


by_length = compiled_by(numba.njit, _by_length)


def _by_span(values: Array, of_span: Array) -> Array:
    """Return the least cost of n spans that cover an axis, for n = 1..length, (rows, length).

    Parameters
    ----------
    values : float64 (rows, kinds), cost of a span of each kind
    of_span : int64 (length + 1, length + 1), kind of the span from a start to a stop
    """
    length = of_span.shape[0] - 1
    result = np.full((values.shape[0], length), np.inf)
    best, longer, cost = np.empty(length + 1), np.empty(length + 1), np.empty((length + 1, length + 1))
    for p in range(values.shape[0]):
        least = np.inf
        for kind in range(values.shape[1]):
            least = min(least, values[p, kind])
        if least == np.inf:
            continue
        for start in range(length):
            for stop in range(start + 1, length + 1):
                cost[start, stop] = values[p, of_span[start, stop]]
        for stop in range(length + 1):
            best[stop] = np.inf if stop else 0.0
        for spans in range(length):
            for stop in range(length + 1):
                longer[stop] = np.inf
            for start in range(spans, length):
                if best[start] < np.inf:
                    for stop in range(start + 1, length + 1):
                        longer[stop] = min(longer[stop], best[start] + cost[start, stop])
            result[p, spans] = longer[length]
            for stop in range(length + 1):
                best[stop] = longer[stop]
    return result


by_span = compiled_by(numba.njit, _by_span)


def _joined(pairs: float, price: float, more: float, room: float, allowed: bool) -> float:
    """Return what a source and a target cost beside what each costs alone."""
    return min(price * pairs + more, _MOST) if allowed and pairs <= room else _MOST


joined = compiled_by(numba.njit, _joined)


def _to_target(given: Array, prices: Array, pairs: Array, more: Array, level: Array, room: Array, allowed: Array) -> Array:
    """Return the least cost of source and link for every label of the target, (its channel parts, its map parts).

    Parameters
    ----------
    given : float64 (source's channel parts, its map parts), cost of the source's labels
    prices, pairs, more, level, room, allowed : as in `hw_mappings.partition.joint_bound.Link`
    """
    result = np.full(pairs.shape, np.inf)
    for k in range(pairs.shape[0]):
        for p in range(pairs.shape[1]):
            for i in range(given.shape[0]):
                for j in range(given.shape[1]):
                    cost = given[i, j] + joined(pairs[k, p], prices[i], more[level[k], i, j], room[i, j], allowed[i, p])
                    result[k, p] = min(result[k, p], cost)
    return result


to_target = compiled_by(numba.njit, _to_target)


def _to_source(given: Array, prices: Array, pairs: Array, more: Array, level: Array, room: Array, allowed: Array) -> Array:
    """Return the least cost of target and link for every label of the source, (its channel parts, its map parts); as `to_target`."""
    result = np.full(room.shape, np.inf)
    for k in range(pairs.shape[0]):
        for p in range(pairs.shape[1]):
            for i in range(result.shape[0]):
                for j in range(result.shape[1]):
                    cost = given[k, p] + joined(pairs[k, p], prices[i], more[level[k], i, j], room[i, j], allowed[i, p])
                    result[i, j] = min(result[i, j], cost)
    return result


to_source = compiled_by(numba.njit, _to_source)
