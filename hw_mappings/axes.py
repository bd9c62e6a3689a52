"""One axis of a projection: which source indices reach a range of target indices, and how their synapses repeat.

A geometry is a product of three axes (rows, columns, channels): source (r, s, c) has a synapse on target (i, j, o) exactly if r
reaches i, s reaches j and c reaches o. So a box of targets is counted axis by axis, in time that does not grow with the map's area.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from functools import lru_cache
from typing import TypeAlias

import numpy as np

from ecc_lava.arrays import Array, Int, Shape, read_only
from ecc_lava.geometry import Conv, Dense, Geometry, target_shape

__all__ = ["Axis", "BlockAxis", "Profile", "SlidingAxis", "axes_of", "profile", "reach_prefix"]


@dataclass(frozen=True)
class SlidingAxis:
    """Rows or columns of a Conv: target i reads source ``i * stride + tap * dilation - before``.

    Attributes
    ----------
    size, out : int
        Lengths of the source's and the target's axis.
    kernel, stride, dilation, before : int
    labels : tuple of int
        Targets with equal labels have equal gains; empty without a gain map.
    """

    size: int
    out: int
    kernel: int
    stride: int
    dilation: int
    before: int
    labels: tuple[int, ...] = ()


@dataclass(frozen=True)
class BlockAxis:
    """An axis in `groups` equal blocks, all to all within a block; no two sources share weights."""

    size: int
    out: int
    groups: int = 1


Axis: TypeAlias = SlidingAxis | BlockAxis


@dataclass(frozen=True)
class Profile:
    """What a range of target indices needs from the source axis.

    Attributes
    ----------
    reached : int
        Source indices with at least one target in the range.
    lists : tuple of (targets, count)
        Distinct patterns of synapses by their number of targets: source indices whose targets differ by a shift share one.
    """

    reached: int
    lists: tuple[tuple[int, int], ...]


def _labels(gain: Array | None, axis: int) -> tuple[int, ...]:
    """Give the rows (axis 0) or columns (axis 1) of a gain map numbers, equal ones the same."""
    if gain is None:
        return ()
    return tuple(int(n) for n in np.unique(gain, axis=axis, return_inverse=True)[1].ravel())


def axes_of(geometry: Geometry, source: Shape) -> tuple[Axis, Axis, Axis]:
    """Return the row, column and channel axis of an operator on a map of shape `source`."""
    out = target_shape(geometry, source)
    match geometry:
        case Dense():
            return BlockAxis(source[0], 1), BlockAxis(source[1], 1), BlockAxis(source[2], out[2])
        case Conv(kernel=kernel, strides=strides, padding=padding, dilation=dilation, groups=groups, gain=gain):
            rows = SlidingAxis(source[0], out[0], kernel.shape[0], strides[0], dilation[0], padding[0], _labels(gain, 0))
            columns = SlidingAxis(source[1], out[1], kernel.shape[1], strides[1], dilation[1], padding[2], _labels(gain, 1))
            return rows, columns, BlockAxis(source[2], out[2], groups)


def _patterns(axis: SlidingAxis, start: int, stop: int) -> dict[int, tuple[tuple[int, int], ...]]:
    """Return, for each source index reached, its (tap, label) pairs in the order of their targets.

    The distance between two targets of one source follows from their taps, so equal pairs mean equal patterns.
    """
    patterns: dict[int, tuple[tuple[int, int], ...]] = {}
    for target in range(start, stop):
        for tap in range(axis.kernel):
            source = target * axis.stride + tap * axis.dilation - axis.before
            if 0 <= source < axis.size:
                patterns[source] = (*patterns.get(source, ()), (tap, axis.labels[target] if axis.labels else 0))
    return patterns


def _blocks(axis: BlockAxis, start: int, stop: int) -> tuple[int, int, int, int]:
    """Return the first block touched, the one after the last, and a block's source and target length."""
    per_target = axis.out // axis.groups
    return start // per_target, -(-stop // per_target), axis.size // axis.groups, per_target


@lru_cache(maxsize=1 << 16)
def profile(axis: Axis, start: int, stop: int) -> Profile:
    """Return the profile of targets `start` to `stop`."""
    match axis:
        case SlidingAxis():
            patterns = _patterns(axis, start, stop)
            lists = Counter(len(pattern) for pattern in set(patterns.values()))
            return Profile(len(patterns), tuple(sorted(lists.items())))
        case BlockAxis():
            first, last, per_source, per_target = _blocks(axis, start, stop)
            lists = Counter()
            for block in range(first, last):
                lists[min(stop, (block + 1) * per_target) - max(start, block * per_target)] += per_source
            return Profile((last - first) * per_source, tuple(sorted(lists.items())))


@lru_cache(maxsize=1 << 14)
def reach_prefix(axis: Axis, start: int, stop: int) -> Int:
    """Return how many of the first n source indices reach targets `start` to `stop`, for n = 0..size."""
    reached = np.zeros(axis.size + 1, np.int64)
    match axis:
        case SlidingAxis():
            reached[[source + 1 for source in _patterns(axis, start, stop)]] = 1
        case BlockAxis():
            first, last, per_source, _ = _blocks(axis, start, stop)
            reached[first * per_source + 1 : last * per_source + 1] = 1
    return read_only(np.cumsum(reached))
