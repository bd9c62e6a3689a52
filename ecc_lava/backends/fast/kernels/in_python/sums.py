"""Kernels that add the input of a row of positions, one kernel for each kind of piece."""

from __future__ import annotations

import numpy as np

from ecc_lava.backends.fast.kernels.in_python.compiled import compiled
from ecc_lava.backends.fast.kernels.in_python.lists import list_events
from ecc_lava.common import Array

__all__ = ["add_events", "add_graded", "add_masked", "add_scaled", "add_sparse"]


@compiled
def add_events(
    current: Array,
    offset: int,
    bits: Array,
    channels: int,
    first: int,
    kept: int,
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
        The sums, from lane `offset` on.
    bits : uint64 (H, T, words)
        Spikes of one image of the source.
    channels, first, kept : int
        Channels of the source; the first of those that are read, and their number.
    rows : int32 (kernel rows, 2)
        Source row, and first weight row of its kernel row.
    column_starts, columns : int32
        The piece's table of columns.
    weights : int8 (1 + rows, lanes)
        The first row is zero.
    gain : int32 (W',)
    shift : int
    """
    positions, steps, _ = current.shape
    lanes = weights.shape[1]
    width = bits.shape[2] * 64 // channels
    events, starts, wide = np.empty(width * kept, np.int64), np.empty(width + 1, np.int64), np.empty(lanes, np.int32)
    for t in range(steps):
        for a in range(len(rows)):
            list_events(bits[rows[a, 0], t], channels, first, kept, events, starts)
            for x in range(positions):
                wide[:] = 0
                number = 0
                for c in range(column_starts[x], column_starts[x + 1]):
                    base = rows[a, 1] + columns[c, 2] + 1
                    for e in range(starts[columns[c, 0]], starts[columns[c, 1]]):
                        row = weights[base + events[e]]
                        for o in range(lanes):
                            wide[o] += row[o]
                        number += 1
                if number:
                    sums, factor = current[x, t], gain[x] << shift
                    for o in range(lanes):
                        sums[offset + o] += wide[o] * factor


@compiled
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
    """Add the weight rows of graded events times their values to a row of positions; parameters as for `add_events`."""
    positions, steps, _ = current.shape
    lanes = weights.shape[1]
    total = np.empty(lanes, np.int32)
    for x in range(positions):
        for t in range(steps):
            total[:] = 0
            for a in range(len(rows)):
                line = starts[rows[a, 0], t]
                for c in range(column_starts[x], column_starts[x + 1]):
                    base = rows[a, 1] + columns[c, 2] + 1
                    for e in range(line[columns[c, 0]], line[columns[c, 1]]):
                        row, value = weights[base + events[e] & 0xFFFF], np.int32(values[e])
                        for o in range(lanes):
                            total[o] += row[o] * value
            sums, factor = current[x, t], gain[x] << shift
            for o in range(lanes):
                sums[offset + o] += total[o] * factor


@compiled
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
        Spikes of one image.
    rows, column_starts, columns : as for `add_events`
    weights : int16 (taps, lanes)
    channels, first : bits of a position, and the first lane's bit among them
        A lane whose bit lies outside the row has weight zero.
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


@compiled
def add_scaled(
    current: Array,
    offset: int,
    plane: Array,
    rows: Array,
    column_starts: Array,
    columns: Array,
    weights: Array,
    channels: int,
    first: int,
    gain: Array,
    shift: int,
) -> None:
    """Add each lane's own weight times the value of its channel, uint8 (H, T, W * C) of one image; else as `add_masked`."""
    positions, steps, _ = current.shape
    lanes, last = weights.shape[1], plane.shape[2]
    for x in range(positions):
        factor = gain[x] << shift
        for a in range(len(rows)):
            for c in range(column_starts[x], column_starts[x + 1]):
                for at in range(columns[c, 0], columns[c, 1]):
                    row = weights[rows[a, 1] + columns[c, 2] + at]
                    begin = at * channels + first
                    for t in range(steps):
                        line, sums = plane[rows[a, 0], t], current[x, t]
                        for o in range(max(0, -begin), min(lanes, last - begin)):
                            sums[offset + o] += np.int32(line[begin + o]) * row[o] * factor


@compiled
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
    """Add the input of synapses one by one.

    Parameters
    ----------
    current, offset : as for `add_events`
    trains : uint8 (neurons, T)
        Spikes of one image.
    weights, starts, sources : as in `ecc_lava.geometry.Sparse`
    first, stride : neuron of the first lane of the first position, and neurons from one position to the next
    lanes : number of lanes that are neurons
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
