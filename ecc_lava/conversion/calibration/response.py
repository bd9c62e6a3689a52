"""Sums over what neurons answer, and how far their input runs ahead.

Numba compiles the loops.
"""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np

from ecc_lava.common import Array, Float, compiled_by, in_parts

__all__ = ["errors", "moments", "start_up"]


@cache
def _sums() -> tuple[Any, Any]:
    import numba

    def moments(target: Array, rates: Array, first: int, end: int, energy: Array, match: Array) -> None:
        for row in range(len(target)):
            for c in range(first, end):
                energy[c] += np.float64(rates[row, c] * rates[row, c])
                match[c] += np.float64(target[row, c] * rates[row, c])

    def errors(target: Array, rates: Array, first: int, end: int, gain: Array, total: Array, square: Array) -> None:
        for row in range(len(target)):
            for c in range(first, end):
                error = np.float64(target[row, c]) - np.float64(rates[row, c]) * gain[c]
                total[c] += error
                square[c] += error * error

    return compiled_by(numba.njit, moments), compiled_by(numba.njit, errors)


def moments(target: Array, rates: Array) -> tuple[Float, Float]:
    """Return ``sum rates^2`` and ``sum target * rates`` over the rows of float32 arrays (M, C); float64 (C,)."""
    energy, match = np.zeros((2, target.shape[1]))
    run, _ = _sums()
    # a part holds channels, so that a channel's rows are added in order
    in_parts(target.shape[1], target.size, lambda first, end: run(target, rates, first, end, energy, match))
    return energy, match


def errors(target: Array, rates: Array, gain: Array) -> tuple[Float, Float]:
    """Return the means of ``e = target - rates * gain`` and of ``e^2`` over the rows of float32 arrays (M, C); float64 (C,)."""
    total, square = np.zeros((2, target.shape[1]))
    _, run = _sums()
    gain = np.ascontiguousarray(gain, np.float64)
    in_parts(target.shape[1], target.size, lambda first, end: run(target, rates, first, end, gain, total, square))
    return total / len(target), square / len(target)


def start_up(current: Array) -> Array:
    """Return how far the mean input of every channel runs ahead of an even one: ``max_t D + min_t D``, ``D = sum_{s<=t} (I_s - mean I)``.

    Inputs are not even over time: a bias acts from the first step on, but sources must charge before they spike. A neuron whose input runs
    ahead fires spikes that it cannot take back. A neuron whose input lags fires late and delays the layers that follow.

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
