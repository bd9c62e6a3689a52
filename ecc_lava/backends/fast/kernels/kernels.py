"""Kernels of the fast back end compiled by numba, for machines without a C compiler: what `fast_kernels.c` does, one row at a time."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any, TypeVar, cast

import numba
import numpy as np

from ecc_lava.common import Array

__all__ = ["add_events", "add_graded", "add_masked", "add_sparse", "count_rows", "integrate", "list_events", "list_values", "spread"]

_log = logging.getLogger(__name__)

_Function = TypeVar("_Function", bound=Callable[..., Any])

_FLUSH = 256
"""Mantissas of 8 bits, even of -128, whose sum surely fits in 16."""


def _compiled(function: _Function) -> _Function:
    """Compile without the GIL, cached on disk where a cache can be written."""
    try:
        return cast(_Function, numba.njit(cache=True, nogil=True)(function))
    except RuntimeError:
        _log.warning("numba finds no folder to cache kernels in (set NUMBA_CACHE_DIR); compiling for this process only")
        return cast(_Function, numba.njit(nogil=True)(function))


@_compiled
def add_events(
    current: Array,
    offset: int,
    events: Array,
    starts: Array,
    rows: Array,
    column_starts: Array,
    columns: Array,
    weights: Array,
    gain: Array,
    shift: int,
) -> None:
    """Add the weight rows of events to a row of positions.

    Parameters
    ----------
    current : int32 (W', T, lanes of the block)
        Added to, from lane `offset` on.
    events, starts : as in `ecc_lava.backends.fast.jobs.Source`, of one image
    rows : int32 (kernel rows, 2)
        Source row, and where the weights of its kernel row begin.
    column_starts, columns : int32
        The piece's table of columns.
    weights : int8 (1 + rows, lanes)
        The first row is zero.
    gain : int32 (W',)
    shift : int
    """
    positions, steps, _ = current.shape
    lanes = weights.shape[1]
    narrow, wide = np.empty(lanes, np.int16), np.empty(lanes, np.int32)
    for x in range(positions):
        for t in range(steps):
            narrow[:] = 0
            wide[:] = 0
            number = 0
            for a in range(len(rows)):
                line = starts[rows[a, 0], t]
                for c in range(column_starts[x], column_starts[x + 1]):
                    base = rows[a, 1] + columns[c, 2] + 1
                    for e in range(line[columns[c, 0]], line[columns[c, 1]]):
                        row = weights[base + events[e]]
                        for o in range(lanes):
                            narrow[o] += row[o]
                        number += 1
                        if number % _FLUSH == 0:
                            for o in range(lanes):
                                wide[o] += narrow[o]
                            narrow[:] = 0
            if number:
                sums, factor = current[x, t], gain[x] << shift
                for o in range(lanes):
                    sums[offset + o] += (wide[o] + narrow[o]) * factor


@_compiled
def add_graded(
    current: Array,
    offset: int,
    events: Array,
    values: Array,
    starts: Array,
    rows: Array,
    column_starts: Array,
    columns: Array,
    weights: Array,
    gain: Array,
    shift: int,
) -> None:
    """Add the weight rows of graded events times their values to a row of positions; parameters as for `add_events`, with one step."""
    positions, lanes = len(current), weights.shape[1]
    total = np.empty(lanes, np.int32)
    for x in range(positions):
        total[:] = 0
        for a in range(len(rows)):
            line = starts[rows[a, 0], 0]
            for c in range(column_starts[x], column_starts[x + 1]):
                base = rows[a, 1] + columns[c, 2] + 1
                for e in range(line[columns[c, 0]], line[columns[c, 1]]):
                    row, value = weights[base + events[e]], np.int32(values[e])
                    for o in range(lanes):
                        total[o] += row[o] * value
        sums, factor = current[x, 0], gain[x] << shift
        for o in range(lanes):
            sums[offset + o] += total[o] * factor


@_compiled
def add_masked(
    current: Array,
    offset: int,
    bits: Array,
    rows: Array,
    column_starts: Array,
    columns: Array,
    weights: Array,
    channels: int,
    first: int,
    gain: Array,
    shift: int,
) -> None:
    """Add each lane's own weight where the bit of its channel is set.

    Parameters
    ----------
    current, offset : as for `add_events`
    bits : uint64 (H, T, words)
        Of one image.
    rows, column_starts, columns : as for `add_events`
    weights : int16 (taps, lanes)
    channels, first : bits of a position, and which of them is the first lane's
        Where that lies outside the row, its weight is zero.
    gain, shift : as for `add_events`
    """
    positions, steps, _ = current.shape
    lanes = weights.shape[1]
    last = bits.shape[2] * 64
    for x in range(positions):
        factor = gain[x] << shift
        for a in range(len(rows)):
            for c in range(column_starts[x], column_starts[x + 1]):
                for at in range(columns[c, 0], columns[c, 1]):
                    row = weights[rows[a, 1] + columns[c, 2] + at]
                    begin = at * channels + first
                    for t in range(steps):
                        line, sums = bits[rows[a, 0], t], current[x, t]
                        for o in range(max(0, -begin), min(lanes, last - begin)):
                            bit = begin + o
                            if line[bit >> 6] >> np.uint64(bit & 63) & np.uint64(1):
                                sums[offset + o] += row[o] * factor


@_compiled
def add_sparse(
    current: Array,
    offset: int,
    trains: Array,
    weights: Array,
    starts: Array,
    sources: Array,
    first: int,
    stride: int,
    lanes: int,
    shift: int,
) -> None:
    """Add synapses one by one.

    Parameters
    ----------
    current, offset : as for `add_events`
    trains : uint8 (neurons, T)
        Of one image.
    weights, starts, sources : as in `ecc_lava.geometry.Sparse`
    first, stride : neuron of the first lane of the first position, and neurons from one position to the next
    lanes : those that are neurons
    shift : int
    """
    positions, steps, _ = current.shape
    for x in range(positions):
        for o in range(lanes):
            neuron = first + x * stride + o
            for k in range(starts[neuron], starts[neuron + 1]):
                train, weight = trains[sources[k]], np.int32(weights[k]) << shift
                for t in range(steps):
                    current[x, t, offset + o] += weight * train[t]


@_compiled
def integrate(
    current: Array,
    constant: Array,
    vth: Array,
    v_init: Array,
    limit: int,
    spikes: bool,
    is_stateful: bool,
    row: int,
    lane: int,
    bits: Array,
    counts: Array,
    potential: Array,
    over_time: Array,
) -> tuple[int, int]:
    """Run all steps of a row of neurons, as `ecc_lava.common.neuron.integrate_and_fire` has it.

    Parameters
    ----------
    current : int32 (W', T, lanes of the block)
    constant : int32 (images * positions or 1, lanes)
    vth, v_init : int32 (positions or 1, lanes)
    limit : potential rail
    spikes, is_stateful : whether neurons fire, and keep their potential from step to step
    row, lane : of all images; first of the block
    bits : uint64 (rows, T, words)
        Set where a neuron fires.
    counts, potential : int32 (images, H, W', channels)
        Written.
    over_time : int32 (images, T, H, W', channels), or (0, ...)
        Written.

    Returns
    -------
    (int, int)
        How often the low and the high rail were reached. (After a reset 0 <= v < limit, so only integration can.)
    """
    positions, steps, block = current.shape
    height, channels = counts.shape[1], counts.shape[3]
    image, y = row // height, row % height
    lanes = min(block, channels - lane)
    v, fired = np.empty(lanes, np.int32), np.empty(lanes, np.int32)
    low = high = 0
    for x in range(positions):
        add = constant[row * positions + x if len(constant) > 1 else 0, lane:]
        threshold = vth[y * positions + x if len(vth) > 1 else 0, lane:]
        first = v_init[y * positions + x if len(v_init) > 1 else 0, lane:]
        for o in range(lanes):
            v[o], fired[o] = first[o], 0
        for t in range(steps):
            for o in range(lanes):
                now = current[x, t, o] + add[o]
                if is_stateful:
                    now += v[o]
                if now > limit:
                    now = limit
                    high += 1
                elif now < -limit:
                    now = -limit
                    low += 1
                if spikes and now >= threshold[o]:
                    if is_stateful:
                        now -= threshold[o]
                    fired[o] += 1
                    bit = x * channels + lane + o
                    bits[row, t, bit >> 6] |= np.uint64(1) << np.uint64(bit & 63)
                v[o] = now
                if len(over_time):
                    over_time[image, t, y, x, lane + o] = now
        for o in range(lanes):
            counts[image, y, x, lane + o] = fired[o]
            potential[image, y, x, lane + o] = v[o]
    return low, high


@_compiled
def count_rows(bits: Array, counts: Array) -> None:
    """Count the spikes of every row: uint64 (rows, T, words) into int64 (rows,)."""
    rows, steps, words = bits.shape
    for r in range(rows):
        counts[r] = 0
        for t in range(steps):
            for w in range(words):
                word = bits[r, t, w]
                while word:
                    word &= word - np.uint64(1)
                    counts[r] += 1


@_compiled
def list_events(bits: Array, channels: int, first: int, stop: int, row_base: Array, events: Array, starts: Array) -> None:
    """List the events of channels first..stop, those of row r from ``row_base[r]`` on; arrays as in `ecc_lava.backends.fast.jobs`."""
    rows, steps, _ = bits.shape
    width, kept = starts.shape[2] - 1, stop - first
    for r in range(rows):
        position = row_base[r]
        for t in range(steps):
            line, start = bits[r, t], starts[r, t]
            for x in range(width):
                start[x] = position
                for c in range(first, stop):
                    bit = x * channels + c
                    if line[bit >> 6] >> np.uint64(bit & 63) & np.uint64(1):
                        events[position] = x * kept + c - first
                        position += 1
            start[width] = position


@_compiled
def list_values(maps: Array, first: int, stop: int, events: Array, values: Array, starts: Array) -> None:
    """List the nonzero values of graded maps, uint8 (images, H, W, C), as events of one step."""
    images, height, width, _ = maps.shape
    number = 0
    for image in range(images):
        for y in range(height):
            start = starts[image * height + y, 0]
            for x in range(width):
                start[x] = number
                for c in range(first, stop):
                    if maps[image, y, x, c]:
                        events[number] = x * (stop - first) + c - first
                        values[number] = maps[image, y, x, c]
                        number += 1
            start[width] = number


@_compiled
def spread(bits: Array, height: int, by_neuron: bool, out: Array) -> None:
    """Write bits, uint64 (rows, T, words), as bytes: uint8 (images, neurons, T) or (images, T, neurons)."""
    rows, steps, _ = bits.shape
    row = (out.shape[1] if by_neuron else out.shape[2]) // height
    for r in range(rows):
        image, first = r // height, r % height * row
        for t in range(steps):
            for i in range(row):
                value = bits[r, t, i >> 6] >> np.uint64(i & 63) & np.uint64(1)
                if by_neuron:
                    out[image, first + i, t] = value
                else:
                    out[image, t, first + i] = value
