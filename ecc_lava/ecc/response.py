"""How integrate-and-fire neurons answer recorded input: spike counts for candidate thresholds, biases and initial potentials.

Compiled by numba; all in units of the threshold.
"""

from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from typing import Any

import numpy as np

from ecc_lava.arrays import Array

__all__ = ["spike_counts", "start_up"]


@cache
def _kernel() -> Any:
    import numba

    def counts(current: Array, scale: Array, bias: Array, v_init: Array, out: Array) -> None:
        rows, steps, channels = current.shape
        v = np.empty(channels, np.float32)
        for row in range(rows):
            v[:] = v_init
            for c in range(channels):
                out[row, c] = 0.0
            for t in range(steps):
                for c in range(channels):
                    potential = v[c] + current[row, t, c] * scale[c] + bias[c]
                    fires = potential >= np.float32(1.0)
                    v[c] = potential - np.float32(1.0) if fires else potential
                    out[row, c] += np.float32(1.0) if fires else np.float32(0.0)

    return numba.njit(nogil=True, cache=True)(counts)


def spike_counts(current: Array, scale: Array, bias: Array, v_init: Array) -> Array:
    """Return how often neurons fire: ``v <- v + current*scale + bias; s = v >= 1; v <- v - s``.

    Parameters
    ----------
    current : float32 array (M, T, C)
        Input of every step, without what `bias` adds.
    scale, bias, v_init : float arrays (C,)

    Returns
    -------
    float32 array (M, C)
    """
    out = np.empty((current.shape[0], current.shape[2]), np.float32)
    factors = [np.ascontiguousarray(values, np.float32) for values in (scale, bias, v_init)]
    run, threads = _kernel(), os.cpu_count() or 1
    edges = [len(current) * i // threads for i in range(threads + 1)]
    with ThreadPoolExecutor(threads) as pool:
        list(pool.map(lambda i: run(current[edges[i] : edges[i + 1]], *factors, out[edges[i] : edges[i + 1]]), range(threads)))
    return out


def start_up(current: Array) -> Array:
    """Return how far the mean input of every channel runs ahead of an even one: ``max_t D + min_t D``, ``D = sum_{s<=t} (I_s - mean I)``.

    Inputs do not come evenly: a bias acts from the first step on, spikes only when their sources have been charged. A neuron whose input
    runs ahead fires spikes that it cannot take back; one whose input lags sends its own spikes late, and those after it later still.

    Parameters
    ----------
    current : array (M, T, C)

    Returns
    -------
    array (C,), negative where the input lags
    """
    mean = current.mean(axis=0, dtype=np.float64)
    ahead = np.cumsum(mean - mean.mean(axis=0), axis=0)
    return np.maximum(ahead.max(axis=0), 0.0) + np.minimum(ahead.min(axis=0), 0.0)
