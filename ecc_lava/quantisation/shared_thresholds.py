"""Few distinct thresholds for many channels, where the neurons of a core share them."""

from __future__ import annotations

import numpy as np

from ecc_lava.common import Float

__all__ = ["shared_thresholds"]


def shared_thresholds(limits: Float, number: int, step: int) -> Float:
    """Return a threshold for every channel, at most its limit: multiples of `step`, at most `number` of them distinct.

    A channel's limit is the finest threshold, in units of the potential, at which its weights stay in their format; at a lower one they are
    quantised more coarsely. Whatever its limit, its weights are off by half a unit in so many, so what counts is
    ``sum_c 1 / threshold_c**2``, the variance of the rounding errors in thresholds, and the thresholds with the least are returned. Up to
    `number` channels lose nothing. A geometric grid from the least limit to the largest, the obvious choice, never does better: it
    spends thresholds on channels of hardly any weights, whose limits lie far beyond the others' and who have no use for them.

    Found by dynamic programming: in ascending order channels that share a threshold are neighbours, and it is the limit of their first.

    Parameters
    ----------
    limits : float array (C,)
        Positive and finite, none below `step`.
    number : int
    step : int
    """
    distinct, inverse, members = np.unique(np.floor(limits / step), return_inverse=True, return_counts=True)
    size = len(distinct)
    before = np.concatenate([[0], np.cumsum(members)])
    # cost[i, j]: of channels i to j (exclusive), with the limit of i
    cost = (before[None, 1:] - before[:-1, None]) / distinct[:, None] ** 2
    cost = np.where(np.arange(size)[:, None] <= np.arange(size)[None, :], cost, np.inf)
    least, firsts = cost[0], []
    for _ in range(min(number, size) - 1):
        totals = np.concatenate([[0.0], least[:-1]])[:, None] + cost
        totals[0] = cost[0]
        firsts.append(totals.argmin(axis=0))
        least = totals.min(axis=0)
    shared, stop = np.empty(size), size
    for first in reversed([np.zeros(size, np.int64), *firsts]):
        start = int(first[stop - 1])
        shared[start:stop] = distinct[start] * step
        stop = start
        if not stop:
            break
    result: Float = shared[inverse.reshape(limits.shape)]
    return result
