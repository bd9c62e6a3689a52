"""The compiled sum of the prices of shards."""

from __future__ import annotations

import math

import numba
import numpy as np

from ecc_lava.common import Array, compiled_by

__all__ = ["cost", "cost_with"]

_SMALL = 0.25
"""A shard that takes at most this fraction of a core fits in most gaps."""
_SMALLEST = 1e-4
"""A shard that takes a smaller fraction of a core counts as this fraction."""


def _with_shard(total: float, shard: Array, limits: Array, prices: Array, adds_up: Array, unshared: float, coarse: float) -> float:
    """Return the cost with one more shard, (resources,); infinity if it exceeds a limit."""
    fullest = _SMALLEST
    for r in range(shard.shape[0]):
        if shard[r] > limits[r]:
            return math.inf
        share = shard[r] / limits[r]
        total += share * prices[r]
        if adds_up[r]:
            fullest = max(fullest, share)
    return total + (unshared / math.floor(1.0 / fullest) + coarse * max(fullest - _SMALL, 0.0))


with_shard = compiled_by(numba.njit, _with_shard)


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
        total = with_shard(total, shard, limits, prices, adds_up, unshared, coarse)
        if total == math.inf:
            break
    return total


cost = compiled_by(numba.njit, _cost)


def _cost_with(
    shards: Array, axons: tuple[Array, Array], table: Array, limits: Array, prices: Array, adds_up: Array, weights: tuple[float, float]
) -> float:
    """Return the cost of shards with more axons.

    Parameters
    ----------
    shards, limits, prices, adds_up : as of `cost`
    axons : int64 (shards,) twice
        Axons that arrive at every shard and that leave it.
    table : int64 (5,)
        Indices of input axons, output axons and memory, and the bits of memory that an axon of either kind takes.
    weights : unshared and coarse
    """
    arriving, leaving = axons
    total, shard = 0.0, np.empty(shards.shape[1], np.int64)
    for n in range(shards.shape[0]):
        for r in range(shard.shape[0]):
            shard[r] = shards[n, r]
        shard[table[0]] += arriving[n]
        shard[table[1]] += leaving[n]
        shard[table[2]] += arriving[n] * table[3] + leaving[n] * table[4]
        total = with_shard(total, shard, limits, prices, adds_up, weights[0], weights[1])
        if total == math.inf:
            break
    return total


cost_with = compiled_by(numba.njit, _cost_with)
