"""The fewest and shortest lists of synapses of a span of rows or columns in a convolution's target.

This count is independent of `hw_mappings.resources`, so that the lower bound and the mapper check each other.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Final, TypeAlias

import numpy as np

from ecc_lava.common import Int, Shape
from ecc_lava.geometry import Conv

__all__ = ["LeastLists", "Place", "SpanKinds", "Window", "least_along", "span_kinds", "windows_of"]

Place: TypeAlias = tuple[int | None, int | None]
"""Row and column that a box contains; None is anywhere."""
_Pattern: TypeAlias = tuple[tuple[int, int], ...]
"""The synapses of a source: (tap, label of the target) of each."""
_Profile: TypeAlias = tuple[int, ...]
"""Numbers of entries of distinct lists, the longest first."""
_LONG: Final = 32
"""Length of an axis above which all spans of a length count as the least of them."""


@dataclass(frozen=True, eq=False)
class LeastLists:
    """What a span of each length has at least, anywhere on the axis or around one place; row 0 is length 1.

    Attributes
    ----------
    entries : int64 array (lengths, lists)
        Entries of the distinct lists, the longest first, then zeros. Every such span has at least as many lists, each at least as long.
    weights, reached : int64 arrays (lengths,)
    """

    entries: Int
    weights: Int
    reached: Int


@dataclass(frozen=True)
class Window:
    """Rows or columns of a convolution: target i reads source ``(i * stride + tap * dilation - before) / stretch`` where that is whole.

    Attributes
    ----------
    taps, stride, dilation, before, stretch : int
    size, out : int
        Lengths of the source's and the target's axis.
    labels : tuple of int
        Targets with equal labels have equal gains; empty without a gain map.
    """

    taps: int
    stride: int
    dilation: int
    before: int
    stretch: int
    size: int
    out: int
    labels: tuple[int, ...]


def _grown(axis: Window, start: int) -> Iterator[tuple[dict[_Pattern, int], int, int]]:
    """Grow a range of targets from `start`; yield its patterns with their numbers of sources, its distinct weights and its sources."""
    patterns: dict[int, _Pattern] = {}
    alike: dict[_Pattern, int] = {}
    used: set[tuple[int, int]] = set()
    for target in range(start, axis.out):
        for tap in range(axis.taps):
            source, between = divmod(target * axis.stride + tap * axis.dilation - axis.before, axis.stretch)
            if between or not 0 <= source < axis.size:
                continue
            old = patterns.get(source, ())
            if old:
                alike[old] -= 1
                if not alike[old]:
                    del alike[old]
            synapse = tap, axis.labels[target] if axis.labels else 0
            new = patterns[source] = (*old, synapse)
            alike[new] = alike.get(new, 0) + 1
            used.add(synapse)
        yield alike, len(used), len(patterns)


def _profile(alike: dict[_Pattern, int]) -> _Profile:
    return tuple(sorted((len(pattern) for pattern in alike), reverse=True))


def _padded(profiles: Sequence[_Profile]) -> Int:
    """Return profiles of any lengths as rows that end with zeros."""
    entries = np.zeros((len(profiles), max(map(len, profiles))), np.int64)
    for row, lists in zip(entries, profiles, strict=True):
        row[: len(lists)] = lists
    return entries


@lru_cache(maxsize=4096)
def _sliding_least(axis: Window, place: int | None) -> LeastLists:
    """Grow a range of targets from every start and count the distinct patterns of the sources that it reads."""
    out = axis.out
    profiles: list[set[_Profile]] = [set() for _ in range(out)]
    least = np.full((2, out), np.iinfo(np.int64).max)
    for start in range(out if place is None else place + 1):
        for target, (alike, weights, reached) in enumerate(_grown(axis, start), start):
            if place is None or target >= place:
                profiles[target - start].add(_profile(alike))
                found = least[:, target - start]
                np.minimum(found, (weights, reached), out=found)
    return LeastLists(_padded([tuple(map(min, zip(*found, strict=False))) for found in profiles]), *least)


@dataclass(frozen=True, eq=False)
class SpanKinds:
    """The spans of rows or columns of a population, by what they have.

    Attributes
    ----------
    lengths : int64 array (kinds,)
    of_span : int64 array (length + 1, length + 1)
        Kind of the span from a start to a stop.
    exact : bool
        Whether spans of a kind have the same; else a kind is all spans of a length, and counts as the least of them.
    along : for each window, what spans of each kind have; row is kind
    """

    lengths: Int
    of_span: Int
    exact: bool
    along: tuple[LeastLists, ...]


@lru_cache(maxsize=256)
def span_kinds(windows: tuple[Window, ...], length: int) -> SpanKinds:
    """Return the kinds of spans of an axis that convolutions of these windows write."""
    starts, stops = np.meshgrid(np.arange(length + 1), np.arange(length + 1), indexing="ij")
    if length > _LONG or not windows:
        along = tuple(_sliding_least(window, None) for window in windows)
        return SpanKinds(np.arange(1, length + 1), np.maximum(stops - starts - 1, 0), False, along)
    kinds: dict[tuple[int, tuple[tuple[_Profile, int, int], ...]], int] = {}
    of_span = np.zeros((length + 1, length + 1), np.int64)
    for start in range(length):
        grown = zip(*([(_profile(alike), *counts) for alike, *counts in _grown(window, start)] for window in windows), strict=True)
        for stop, found in enumerate(grown, start + 1):
            of_span[start, stop] = kinds.setdefault((stop - start, found), len(kinds))
    along = tuple(
        LeastLists(_padded([found[n][0] for _, found in kinds]), *np.array([found[n][1:] for _, found in kinds], np.int64).T)
        for n in range(len(windows))
    )
    return SpanKinds(np.array([length for length, _ in kinds]), of_span, True, along)


@lru_cache(maxsize=1 << 12)  # by the operator itself, whose arrays never change
def windows_of(conv: Conv, source: Shape, target: Shape) -> tuple[Window, Window]:
    """Return the rows and the columns of a convolution."""
    rows, columns = (_window(conv, axis, source[axis], target[axis]) for axis in (0, 1))
    return rows, columns


def _window(conv: Conv, axis: int, size: int, out: int) -> Window:
    labels: tuple[int, ...] = ()
    if conv.gain is not None:
        labels = tuple(int(n) for n in np.unique(conv.gain, axis=axis, return_inverse=True)[1].ravel())
    return Window(
        taps=conv.kernel.shape[axis],
        stride=conv.strides[axis],
        dilation=conv.dilation[axis],
        before=conv.padding[2 * axis],
        stretch=conv.input_dilation[axis],
        size=size,
        out=out,
        labels=labels,
    )


def least_along(conv: Conv, axis: int, source: Shape, target: Shape, place: Place) -> LeastLists:
    """Return what spans of rows (axis 0) or columns (axis 1) of a convolution's target have at least."""
    return _sliding_least(windows_of(conv, source, target)[axis], place[axis])
