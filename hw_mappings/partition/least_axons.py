"""The fewest output axons of a box: those that leave it for the shards of the populations that it sends to.

A neuron that reaches R neurons of a target reaches at least R / M shards of it, where M is the most of those R that a box of the target
holds and still fits a core. A population axon takes `population_slots` entries for all neurons of a position together, a discrete one takes
an entry for each neuron.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import numpy as np

from ecc_lava.common import Int, Shape
from ecc_lava.geometry import Conv, Dense
from ecc_lava.networks import QuantisedProjection
from hw_mappings.chips import ChipSpec
from hw_mappings.partition.least_lists import Window, windows_of

__all__ = ["leaving", "readers", "shards_reached"]

_LARGE_MAP: Final = 1_024
"""Positions of a map above which every position counts as the one that reaches fewest shards."""


def readers(window: Window) -> Int:
    """Return the number of targets that every source index of an axis reaches."""
    counts = np.zeros(window.size, np.int64)
    for target in range(window.out):
        sources = {
            source
            for source, between in (
                divmod(target * window.stride + tap * window.dilation - window.before, window.stretch) for tap in range(window.taps)
            )
            if not between and 0 <= source < window.size
        }
        counts[list(sources)] += 1
    return counts


def shards_reached(projection: QuantisedProjection, source: Shape, target: Shape, boxes: Int) -> Int:
    """Return the fewest shards of the target that a neuron of each position of the source reaches, (H, W); 0 where that is not known.

    Parameters
    ----------
    projection : QuantisedProjection
    source, target : (H, W, C)
    boxes : int64 array (boxes, 3)
        The sizes of all boxes of the target that fit a core.
    """
    match projection.geometry:
        case Conv() as conv if conv.reads is None or conv.reads == (0, source[2]):
            rows, columns = (readers(window) for window in windows_of(conv, source, target))
            channels = conv.kernel.shape[3] // conv.groups
        case Dense():
            rows, columns = np.ones(source[0], np.int64), np.ones(source[1], np.int64)
            channels = target[2]
        case _:
            return np.zeros(source[:2], np.int64)
    height, width, depth = boxes.T
    table = np.zeros((rows.max() + 1, columns.max() + 1), np.int64)
    for a in np.unique(rows[rows > 0]):
        for b in np.unique(columns[columns > 0]):
            most = int((np.minimum(height, a) * np.minimum(width, b) * np.minimum(depth, channels)).max())
            table[a, b] = -(-int(a * b) * channels // most)
    reached: Int = table[rows[:, None], columns[None, :]]
    return reached


def _least_sums(values: Int) -> Int:
    """Return the least sum over windows of every size, (rows, columns); row 0 is height 1."""
    height, width = values.shape
    if height * width > _LARGE_MAP:
        return values.min() * np.arange(1, height + 1)[:, None] * np.arange(1, width + 1)
    sums = np.zeros((height + 1, width + 1), np.int64)
    sums[1:, 1:] = values.cumsum(0).cumsum(1)
    least = np.zeros_like(values)
    for rows in range(1, height + 1):
        bands = sums[rows:] - sums[:-rows]
        for columns in range(1, width + 1):
            least[rows - 1, columns - 1] = (bands[:, columns:] - bands[:, :-columns]).min()
    return least


def leaving(senders: Sequence[Int], boxes: Int, chip: ChipSpec) -> Int:
    """Return the fewest entries of output axons of boxes of each size, (boxes,).

    Parameters
    ----------
    senders : for each projection, the fewest shards that a neuron of each position reaches, (H, W)
    boxes : int64 array (boxes, 3)
    chip : ChipSpec
    """
    depth = boxes[:, 2]
    grouped = chip.limit("population_atoms") is not None
    entries = np.minimum(depth, chip.amount("population_slots")) if grouped else depth
    total = np.zeros(len(boxes), np.int64)
    for shards in senders:
        total += entries * _least_sums(shards)[boxes[:, 0] - 1, boxes[:, 1] - 1]
    return total
