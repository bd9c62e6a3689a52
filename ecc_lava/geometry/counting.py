"""How many synapses an operator has, in all and from every source neuron, and the memory that its tables take."""

from __future__ import annotations

from math import prod

import numpy as np

from ecc_lava.common import Int, Shape
from ecc_lava.geometry.types import Conv, Dense, Geometry, Sparse, stretched, target_shape

__all__ = ["axis_fan_out", "built_bytes", "fan_out", "synapses"]

TOGETHER = 2**21
"""Pairs of an output index and a tap that are counted at once."""

PAIR_BYTES = 150
"""Bytes of a pair of an output index and a tap in the tables of the back end `fast` and of the mapper, which are lists of tuples first."""

SYNAPSE_BYTES = 60
"""Bytes of a synapse of a Sparse, where the mapper sorts all of them by shard."""

VALUE_BYTES = 8
"""Bytes of a value of a map that a convolution slides over."""


def axis_fan_out(size: int, out: int, taps: int, stride: int, dilation: int, before: int, input_dilation: int) -> Int:
    """Count, for each input index of one axis, the (output, tap) pairs that read it."""
    counts, together = np.zeros(size, np.int64), max(1, TOGETHER // out)
    for first in range(0, taps, together):
        reads = np.arange(out)[:, None] * stride + np.arange(first, min(first + together, taps))[None, :] * dilation - before
        reads = reads[reads % input_dilation == 0] // input_dilation
        counts += np.bincount(reads[(reads >= 0) & (reads < size)], minlength=size)
    return counts


def _fan_outs(conv: Conv, source: Shape) -> tuple[Int, Int]:
    """Return the (output, tap) pairs that read each row, and each column."""
    out = target_shape(conv, source)
    rows, columns = (
        axis_fan_out(
            *(source[a], out[a], conv.kernel.shape[a], conv.strides[a], conv.dilation[a], conv.padding[2 * a], conv.input_dilation[a])
        )
        for a in (0, 1)
    )
    return rows, columns


def fan_out(geometry: Geometry, source: Shape) -> Int:
    """Return the number of synapses of each source neuron, (H, W, C).

    Only outputs inside the map count. A weight of 0 counts as a synapse.
    """
    match geometry:
        case Dense(kernel=kernel):
            return np.full(source, kernel.shape[1], np.int64)
        case Sparse(sources=sources):
            return np.bincount(sources, minlength=prod(source)).reshape(source).astype(np.int64)
        case Conv(kernel=kernel, groups=groups):
            rows, columns = _fan_outs(geometry, source)
            positions = rows[:, None] * columns[None, :]
            channels = np.zeros(source[2], np.int64)
            channels[slice(*(geometry.reads or (0, source[2])))] = kernel.shape[3] // groups
            return positions[:, :, None] * channels


def synapses(geometry: Geometry, source: Shape) -> int:
    """Return the number of synapses of a projection from a map of shape `source`: the sum of `fan_out`."""
    match geometry:
        case Dense(kernel=kernel) | Sparse(kernel=kernel):
            return int(kernel.size)
        case Conv(kernel=kernel):
            rows, columns = _fan_outs(geometry, source)
            return int(rows.sum()) * int(columns.sum()) * int(kernel.shape[2] * kernel.shape[3])


def built_bytes(geometry: Geometry, source: Shape) -> int:
    """Return the bytes of what is built to run or map an operator on one map of shape `source`, as far as they exceed its own arrays.

    A kernel of few bytes may have padding, strides and taps that make any number of them.
    """
    match geometry:
        case Dense():
            return 0
        case Sparse(kernel=kernel):
            return SYNAPSE_BYTES * int(kernel.size)
        case Conv():
            out = target_shape(geometry, source)
            pairs = sum(out[axis] * geometry.kernel.shape[axis] for axis in (0, 1))
            sides = [
                stretched(source[axis], geometry.input_dilation[axis]) + sum(max(p, 0) for p in geometry.padding[2 * axis : 2 * axis + 2])
                for axis in (0, 1)
            ]
            return PAIR_BYTES * pairs + VALUE_BYTES * prod(sides) * source[2]
