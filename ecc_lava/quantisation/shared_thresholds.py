"""Few distinct thresholds for many channels, for formats in which the neurons of a core share them."""

from __future__ import annotations

import numpy as np

from ecc_lava.common import Float

__all__ = ["shared_thresholds"]


def shared_thresholds(limits: Float, number: int, step: int) -> Float:
    """Return a threshold for every channel, at most its limit: multiples of `step`, at most `number` of them distinct.

    A channel's limit is the largest threshold, in units of the potential, at which its weights stay in their format; a lower threshold
    quantises them more coarsely. A weight is off by half a unit at most, so the variance of the rounding errors, relative to thresholds,
    is proportional to ``sum_c 1 / threshold_c**2``. The returned thresholds minimise this sum. Up to `number` channels lose nothing. A
    geometric grid from the least limit to the largest never does better: it spends thresholds on channels with tiny weights, whose limits
    lie far beyond the others' and which need none.

    Dynamic programming finds them: in ascending order, channels that share a threshold are neighbours, and the threshold is the limit of
    their first.

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
    # cost[i, j]: cost of the limits i to j (inclusive) at the threshold of i
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
