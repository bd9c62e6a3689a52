"""The fewest and shortest lists of synapses of a span of rows or columns in a convolution's target.

This count is independent of `hw_mappings.resources`, so that the lower bound and the mapper check each other.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import TypeAlias

import numpy as np

from ecc_lava.common import Int, Shape
from ecc_lava.geometry import Conv

__all__ = ["LeastLists", "Place", "Window", "least_along", "windows_of"]

Place: TypeAlias = tuple[int | None, int | None]
"""Row and column that a box contains; None is anywhere."""


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


@lru_cache(maxsize=4096)
def _sliding_least(axis: Window, place: int | None) -> LeastLists:
    """Grow a range of targets from every start and count the distinct patterns of the sources that it reads."""
    out, labels = axis.out, axis.labels
    profiles: list[set[tuple[int, ...]]] = [set() for _ in range(out)]
    least = np.full((2, out), np.iinfo(np.int64).max)
    for start in range(out if place is None else place + 1):
        patterns: dict[int, tuple[tuple[int, int], ...]] = {}
        alike: dict[tuple[tuple[int, int], ...], int] = {}
        used: set[tuple[int, int]] = set()
        for target in range(start, out):
            for tap in range(axis.taps):
                source, between = divmod(target * axis.stride + tap * axis.dilation - axis.before, axis.stretch)
                if between or not 0 <= source < axis.size:
                    continue
                old = patterns.get(source, ())
                if old:
                    alike[old] -= 1
                    if not alike[old]:
                        del alike[old]
                synapse = tap, labels[target] if labels else 0
                new = patterns[source] = (*old, synapse)
                alike[new] = alike.get(new, 0) + 1
                used.add(synapse)
            if place is not None and target < place:
                continue
            profiles[target - start].add(tuple(sorted((len(pattern) for pattern in alike), reverse=True)))
            found = least[:, target - start]
            np.minimum(found, (len(used), len(patterns)), out=found)
    shortest = [list(map(min, zip(*found, strict=False))) for found in profiles]
    entries = np.zeros((out, max(map(len, shortest))), np.int64)
    for row, lists in zip(entries, shortest, strict=True):
        row[: len(lists)] = lists
    return LeastLists(entries, *least)


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
