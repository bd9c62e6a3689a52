"""One axis of a projection: the source indices that reach a range of target indices, and how their synapses repeat.

A Conv or Dense is a product of three axes (rows, columns, channels): source (r, s, c) has a synapse on target (i, j, o) exactly if r
reaches i, s reaches j and c reaches o. The synapses of a box of targets are therefore counted axis by axis, in time independent of the
map's area.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from functools import lru_cache
from typing import TypeAlias

import numpy as np

from ecc_lava.common import Array, Int, Shape
from ecc_lava.geometry import Conv, Dense, target_shape, written
from hw_mappings.resources.tiling import Cut

__all__ = ["Axis", "AxisNeeds", "BlockAxis", "SlidingAxis", "SpanNeeds", "axes_of", "axis_needs", "blocks", "patterns", "span_needs"]


@dataclass(frozen=True)
class SlidingAxis:
    """Rows or columns of a Conv: target i reads source ``(i * stride + tap * dilation - before) / stretch`` where that is whole.

    Attributes
    ----------
    size, out : int
        Lengths of the source's and the target's axis.
    kernel, stride, dilation, before : int
    labels : tuple of int
        Targets with equal labels have equal gains; empty without a gain map.
    stretch : int
        Input dilation.
    """

    size: int
    out: int
    kernel: int
    stride: int
    dilation: int
    before: int
    labels: tuple[int, ...] = ()
    stretch: int = 1


@dataclass(frozen=True)
class BlockAxis:
    """An axis in `groups` equal blocks, all to all within a block; no two sources share weights.

    Attributes
    ----------
    size : int
        Length of the source's axis.
    reads, writes : (start, stop)
        Source and target indices that the blocks divide; all others have no synapses.
    groups : int
    """

    size: int
    reads: tuple[int, int]
    writes: tuple[int, int]
    groups: int = 1


Axis: TypeAlias = SlidingAxis | BlockAxis


@dataclass(frozen=True)
class SpanNeeds:
    """What a span of target indices needs from the source axis.

    Attributes
    ----------
    reached : int
        Number of source indices with at least one target in the span.
    lists : tuple of (targets, count)
        Distinct patterns of synapses by number of targets; source indices whose targets differ by a shift share a pattern.
    weights : int
        Number of distinct weights in use.
    synapses : int
    """

    reached: int
    lists: tuple[tuple[int, int], ...]
    weights: int
    synapses: int


def _labels(gain: Array | None, axis: int) -> tuple[int, ...]:
    """Give numbers to the rows (axis 0) or columns (axis 1) of a gain map, equal numbers to equal rows or columns."""
    if gain is None:
        return ()
    return tuple(int(n) for n in np.unique(gain, axis=axis, return_inverse=True)[1].ravel())


@lru_cache(maxsize=1 << 12)  # by the operator itself, whose arrays never change
def axes_of(geometry: Conv | Dense, source: Shape) -> tuple[Axis, Axis, Axis]:
    """Return the row, column and channel axis of an operator on a map of shape `source`."""
    out = target_shape(geometry, source)
    match geometry:
        case Dense():
            height, width, channels = source
            return (
                BlockAxis(height, (0, height), (0, 1)),
                BlockAxis(width, (0, width), (0, 1)),
                BlockAxis(channels, (0, channels), (0, out[2])),
            )
        case Conv():
            rows, columns = (_sliding(geometry, axis, source[axis], out[axis]) for axis in (0, 1))
            first, stop, _ = written(geometry).indices(out[2])
            return rows, columns, BlockAxis(source[2], geometry.reads or (0, source[2]), (first, stop), geometry.groups)


def _sliding(conv: Conv, axis: int, size: int, out: int) -> SlidingAxis:
    return SlidingAxis(
        size,
        out,
        conv.kernel.shape[axis],
        conv.strides[axis],
        conv.dilation[axis],
        conv.padding[2 * axis],
        _labels(conv.gain, axis),
        conv.input_dilation[axis],
    )


def patterns(axis: SlidingAxis, start: int, stop: int) -> dict[int, tuple[tuple[int, int], ...]]:
    """Return, for each reached source index, its (tap, label) pairs in the order of their targets.

    The distance between two targets of one source follows from their taps, so equal pairs mean equal patterns.
    """
    found: dict[int, list[tuple[int, int]]] = {}
    for target in range(start, stop):
        for tap in range(axis.kernel):
            source, between = divmod(target * axis.stride + tap * axis.dilation - axis.before, axis.stretch)
            if not between and 0 <= source < axis.size:
                found.setdefault(source, []).append((tap, axis.labels[target] if axis.labels else 0))
    return {source: tuple(pattern) for source, pattern in found.items()}


def blocks(axis: BlockAxis, start: int, stop: int) -> tuple[int, int, int, list[int]]:
    """Return the first block in the span, the block after the last, the source length of a block, and the targets of each block in it."""
    per_source = (axis.reads[1] - axis.reads[0]) // axis.groups
    per_target = (axis.writes[1] - axis.writes[0]) // axis.groups
    start, stop = max(start - axis.writes[0], 0), min(stop, axis.writes[1]) - axis.writes[0]
    if start >= stop:
        return 0, 0, per_source, []
    first, last = start // per_target, -(-stop // per_target)
    return first, last, per_source, [min(stop, (b + 1) * per_target) - max(start, b * per_target) for b in range(first, last)]


@lru_cache(maxsize=1 << 16)
def span_needs(axis: Axis, start: int, stop: int) -> SpanNeeds:
    """Return what targets `start` to `stop` need from the source axis."""
    match axis:
        case SlidingAxis():
            reached = patterns(axis, start, stop)
            distinct = set(reached.values())
            lists = Counter(len(pattern) for pattern in distinct)
            weights = len({synapse for pattern in distinct for synapse in pattern})
            return SpanNeeds(len(reached), tuple(sorted(lists.items())), weights, sum(map(len, reached.values())))
        case BlockAxis():
            first, last, per_source, targets = blocks(axis, start, stop)
            lists = Counter()
            for number in targets:
                lists[number] += per_source
            synapses = sum(targets) * per_source
            return SpanNeeds((last - first) * per_source, tuple(sorted(lists.items())), synapses, synapses)


@dataclass(frozen=True, eq=False)
class AxisNeeds:
    """What the spans of one axis need: one row for each kind of span.

    Attributes
    ----------
    kinds : int64 array (spans,)
        Row of every span.
    lengths, reached, weights, synapses : int64 arrays (rows,)
    entries, counts : int64 arrays (rows, lists)
        Targets of a list, and the number of such lists.
    """

    kinds: Int
    lengths: Int
    reached: Int
    weights: Int
    synapses: Int
    entries: Int
    counts: Int


@lru_cache(maxsize=1 << 14)
def axis_needs(axis: Axis, spans: Cut) -> AxisNeeds:
    """Return what the spans of an axis need."""
    keys = [(stop - start, span_needs(axis, start, stop)) for start, stop in spans]
    rows = {key: row for row, key in enumerate(dict.fromkeys(keys))}
    entries = np.zeros((len(rows), max(1, *(len(need.lists) for _, need in rows))), np.int64)
    counts = np.zeros_like(entries)
    for (_, need), row in rows.items():
        for column, (targets, count) in enumerate(need.lists):
            entries[row, column], counts[row, column] = targets, count
    figures = np.array([(length, need.reached, need.weights, need.synapses) for length, need in rows], np.int64)
    lengths, reached, weights, synapses = figures.T
    return AxisNeeds(np.array([rows[key] for key in keys], np.int64), lengths, reached, weights, synapses, entries, counts)
