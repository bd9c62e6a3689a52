"""The compiled sum of the prices of shards."""

from __future__ import annotations

import math

import numba

from ecc_lava.common import Array, compiled_by

__all__ = ["cost"]

_SMALL = 0.25
"""A shard that takes at most this fraction of a core fits in most gaps."""
_SMALLEST = 1e-4
"""A shard that takes a smaller fraction of a core counts as this fraction."""


def _cost(shards: Array, limits: Array, prices: Array, adds_up: Array, unshared: float, coarse: float) -> float:
    """Return the cost of shards, as `hw_mappings.partition.prices.Prices` defines it.

    Parameters
    ----------
    shards : int64 (shards, resources)
    limits, prices : int64 and float64 (resources,)
    adds_up : bool (resources,), whether the usage of a core's shards adds up
    unshared, coarse : float
    """
    total = 0.0
    for shard in shards:
        fullest = _SMALLEST
        for r in range(shard.shape[0]):
            if shard[r] > limits[r]:
                return math.inf
            share = shard[r] / limits[r]
            total += share * prices[r]
            if adds_up[r]:
                fullest = max(fullest, share)
        total += unshared / math.floor(1.0 / fullest) + coarse * max(fullest - _SMALL, 0.0)
    return total


cost = compiled_by(numba.njit, _cost)
