"""What integrate-and-fire neurons send on recorded input, for candidate thresholds, biases and initial potentials.

Numba compiles the loops. All quantities are in units of the threshold.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from itertools import pairwise
from typing import Any

import numpy as np

from ecc_lava.common import Array, Float, Payload, compiled_by, usable_cores

__all__ = ["errors", "moments", "sent_sums", "start_up"]


@cache
def _kernel() -> Any:
    import numba

    def sums(current: Array, scale: Array, bias: Array, v_init: Array, most: Any, is_signed: bool, out: Array) -> None:
        rows, steps, channels = current.shape
        v = np.empty(channels, np.float32)
        for row in range(rows):
            v[:] = v_init
            for c in range(channels):
                out[row, c] = 0.0
            for t in range(steps):
                for c in range(channels):
                    potential = v[c] + current[row, t, c] * scale[c] + bias[c]
                    least = -min(most, out[row, c]) if is_signed else np.float32(0.0)
                    sent = min(max(np.floor(potential), least), most)
                    v[c] = potential - sent
                    out[row, c] += sent

    return compiled_by(numba.njit, sums)


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


_WORTH_A_THREAD = 1 << 16
"""Additions. To hand a part to a thread takes about as long."""


@cache
def _pool(process: int) -> ThreadPoolExecutor:
    """Return threads of a process, which stay: a calibration calls them thousands of times, and most calls are shorter than a start.

    A fork has another number and none of the threads.
    """
    return ThreadPoolExecutor(usable_cores(), thread_name_prefix="calibration")


def _in_parts(number: int, additions: int, run: Callable[[int, int], None]) -> None:
    """Call ``run(first, end)`` for parts of `number` items, a part in every thread that `additions` keep busy."""
    parts = max(1, min(usable_cores(), additions // _WORTH_A_THREAD))
    edges = [number * i // parts for i in range(parts + 1)]
    pool = _pool(os.getpid())
    others = [pool.submit(run, first, end) for first, end in pairwise(edges[:-1])]
    run(*edges[-2:])
    for other in others:
        other.result()


def moments(target: Array, rates: Array) -> tuple[Float, Float]:
    """Return ``sum rates^2`` and ``sum target * rates`` over the rows of float32 arrays (M, C); float64 (C,)."""
    energy, match = np.zeros((2, target.shape[1]))
    run, _ = _sums()
    # a part holds channels, so that a channel's rows are added in order
    _in_parts(target.shape[1], target.size, lambda first, end: run(target, rates, first, end, energy, match))
    return energy, match


def errors(target: Array, rates: Array, gain: Array) -> tuple[Float, Float]:
    """Return the means of ``e = target - rates * gain`` and of ``e^2`` over the rows of float32 arrays (M, C); float64 (C,)."""
    total, square = np.zeros((2, target.shape[1]))
    _, run = _sums()
    gain = np.ascontiguousarray(gain, np.float64)
    _in_parts(target.shape[1], target.size, lambda first, end: run(target, rates, first, end, gain, total, square))
    return total / len(target), square / len(target)


def sent_sums(current: Array, scale: Array, bias: Array, v_init: Array, payload: Payload) -> Array:
    """Return what neurons send in all: ``v <- v + current*scale + bias; k = clip(floor(v), low, m); v <- v - k``.

    Parameters
    ----------
    current : float32 array (M, T, C)
        Input of every step, without what `bias` adds.
    scale, bias, v_init : float arrays (C,)
    payload : Payload
        Gives m and low; binary spikes are counted.

    Returns
    -------
    float32 array (M, C)
    """
    out = np.empty((current.shape[0], current.shape[2]), np.float32)
    factors = [np.ascontiguousarray(values, np.float32) for values in (scale, bias, v_init)]
    run, limits = _kernel(), (np.float32(payload.largest), payload.signed)
    _in_parts(len(current), current.size, lambda first, end: run(current[first:end], *factors, *limits, out[first:end]))
    return out


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
