"""What a box of targets needs from a projection's source: axis by axis where the operator is a product of axes, else synapse by synapse."""

from __future__ import annotations

from collections import Counter
from collections.abc import Hashable
from dataclasses import dataclass
from functools import lru_cache
from math import prod
from typing import TypeAlias

import numpy as np

from ecc_lava.arrays import Array, Int, Shape
from ecc_lava.geometry import Geometry, Sparse
from ecc_lava.shard import Shard
from hw_mappings.axes import Axis, Profile, axes_of, profile

__all__ = ["AxesReach", "ListedReach", "Reach", "Span", "entries_of", "neurons_of", "reach_of"]

Span: TypeAlias = tuple[int, int]
Spans: TypeAlias = tuple[Span, ...]


@lru_cache(maxsize=1 << 16)
def _reads(axis: Axis, spans: Spans) -> int:
    """Return how many source indices the spans of one axis read, summed over the spans."""
    return sum(profile(axis, *span).reached for span in spans)


@dataclass(frozen=True)
class AxesReach:
    """A projection that is a product of a row, a column and a channel axis."""

    axes: tuple[Axis, Axis, Axis]

    def profile(self, shard: Shard) -> Profile:
        """Return what the shard needs."""
        rows, columns, channels = (profile(axis, *span) for axis, span in zip(self.axes, (shard.y, shard.x, shard.c), strict=True))
        lists: Counter[int] = Counter()
        for row_targets, row_lists in rows.lists:
            for column_targets, column_lists in columns.lists:
                for channel_targets, channel_lists in channels.lists:
                    lists[row_targets * column_targets * channel_targets] += row_lists * column_lists * channel_lists
        return Profile(rows.reached * columns.reached * channels.reached, tuple(sorted(lists.items())))

    def alike(self, axis: int, start: int, stop: int) -> Hashable:
        """Return what two parts of an axis, of one length, have in common if their shards need as much."""
        return profile(self.axes[axis], start, stop)

    def arrivals(self, cuts: tuple[Spans, Spans, Spans]) -> int:
        """Return how many source neurons the shards of a tiling need, summed over the shards."""
        return prod(_reads(axis, spans) for axis, spans in zip(self.axes, cuts, strict=True))

    @property
    def source_channels(self) -> int | None:
        """Channels of the source, where every target reads all of them."""
        channels = self.axes[2].size
        return channels if profile(self.axes[2], 0, 1).reached == channels else None


@dataclass(frozen=True, eq=False)
class ListedReach:
    """A projection given synapse by synapse: every source neuron has a list of its own."""

    sparse: Sparse

    def profile(self, shard: Shard) -> Profile:
        """Return what the shard needs."""
        synapses = entries_of(self.sparse.starts, neurons_of(shard, self.sparse.target))
        per_source = np.unique(self.sparse.sources[synapses], return_counts=True)[1]
        lists = Counter(per_source.tolist())
        return Profile(len(per_source), tuple(sorted(lists.items())))

    def alike(self, axis: int, start: int, stop: int) -> Hashable:
        """Return the part itself: nothing is known to repeat."""
        return start, stop

    def arrivals(self, cuts: tuple[Spans, Spans, Spans]) -> int:
        """Return how many source neurons the shards of a tiling need, summed over the shards."""
        rows, columns, channels = (np.repeat(np.arange(len(spans)), [stop - start for start, stop in spans]) for spans in cuts)
        shards = (rows[:, None, None] * len(cuts[1]) + columns[:, None]) * len(cuts[2]) + channels
        per_synapse = np.repeat(shards.ravel(), np.diff(self.sparse.starts))
        return len(np.unique(per_synapse * prod(self.sparse.source) + self.sparse.sources))

    @property
    def source_channels(self) -> None:
        """No channel is known to be read by all targets."""
        return None


Reach: TypeAlias = AxesReach | ListedReach


def reach_of(geometry: Geometry, source: Shape) -> Reach:
    """Return the reach of an operator on a map of shape `source`."""
    return ListedReach(geometry) if isinstance(geometry, Sparse) else AxesReach(axes_of(geometry, source))


def neurons_of(shard: Shard, shape: Shape) -> Int:
    """Return the flat indices of a shard's neurons in its population."""
    rows, columns, channels = (np.arange(*span) for span in (shard.y, shard.x, shard.c))
    flat: Int = ((rows[:, None, None] * shape[1] + columns[:, None]) * shape[2] + channels).ravel()
    return flat


def entries_of(starts: Array, rows: Int) -> Int:
    """Return the indices of all entries of some rows, where row r has entries ``starts[r]`` to ``starts[r + 1]``."""
    lengths = starts[rows + 1] - starts[rows]
    ends = np.cumsum(lengths)
    result: Int = np.arange(ends[-1]) + np.repeat(starts[rows] - (ends - lengths), lengths)
    return result
