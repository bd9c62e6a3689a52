"""A projection seen from its source: how many of a shard's neurons have a synapse on each core of the target."""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass
from math import prod
from typing import TypeAlias

import numpy as np

from ecc_lava.arrays import Int, Shape
from ecc_lava.geometry import Sparse
from ecc_lava.quantised import QuantisedNetwork
from ecc_lava.shard import Shard
from hw_mappings.axes import Axis, axes_of, reach_prefix
from hw_mappings.reach import entries_of, neurons_of

__all__ = ["AxesOutgoing", "ListedOutgoing", "Outgoing", "outgoing", "ranges"]


def ranges(shard: Shard) -> tuple[tuple[int, int], tuple[int, int], tuple[int, int]]:
    """Return the shard's row, column and channel range."""
    return shard.y, shard.x, shard.c


@dataclass(frozen=True, eq=False)
class AxesOutgoing:
    """A projection that is a product of axes, and where its destinations' cores reach.

    Attributes
    ----------
    target : str
    prefixes : three arrays (distinct ranges, size + 1)
        Per axis, how many of the first n source indices each distinct range of targets reads.
    indices : three arrays (cores,)
        Which of the distinct ranges each destination core has.
    """

    target: str
    prefixes: tuple[Int, Int, Int]
    indices: tuple[Int, Int, Int]

    def _along(self, axis: int, start: int, stop: int) -> Int:
        """Return, per distinct range of an axis, how many source indices in `start` to `stop` it reads."""
        prefix = self.prefixes[axis]
        counts: Int = prefix[:, stop] - prefix[:, start]
        return counts

    def alike(self, axis: int, start: int, stop: int) -> Hashable:
        """Return what two parts of an axis, of one length, have in common if their shards send as much."""
        return self._along(axis, start, stop).tobytes()

    def axons(self, shard: Shard) -> Int:
        """Return the number of the shard's neurons with a synapse on each destination core, (cores,)."""
        counts = [self._along(axis, *bounds)[self.indices[axis]] for axis, bounds in enumerate(ranges(shard))]
        result: Int = counts[0] * counts[1] * counts[2]
        return result


@dataclass(frozen=True, eq=False)
class ListedOutgoing:
    """A projection given synapse by synapse.

    Attributes
    ----------
    target : str
    shape : (H, W, C) of the source
    starts : int64 array (source neurons + 1,)
    cores : int64 array (pairs,)
        The destination cores that source neuron n has a synapse on are entries ``starts[n]`` to ``starts[n + 1]``.
    number : int
        Destination cores in all.
    """

    target: str
    shape: Shape
    starts: Int
    cores: Int
    number: int

    def alike(self, axis: int, start: int, stop: int) -> Hashable:
        """Return the part itself: nothing is known to repeat."""
        return start, stop

    def axons(self, shard: Shard) -> Int:
        """Return the number of the shard's neurons with a synapse on each destination core, (cores,)."""
        return np.bincount(self.cores[entries_of(self.starts, neurons_of(shard, self.shape))], minlength=self.number)


Outgoing: TypeAlias = AxesOutgoing | ListedOutgoing


def _by_axes(target: str, axes: tuple[Axis, Axis, Axis], destinations: Sequence[Shard]) -> AxesOutgoing:
    prefixes, indices = [], []
    for axis, bounds in zip(axes, zip(*(ranges(d) for d in destinations), strict=True), strict=True):
        distinct = {span: number for number, span in enumerate(dict.fromkeys(bounds))}
        prefixes.append(np.stack([reach_prefix(axis, *span) for span in distinct]))
        indices.append(np.array([distinct[span] for span in bounds], np.int64))
    return AxesOutgoing(target, (prefixes[0], prefixes[1], prefixes[2]), (indices[0], indices[1], indices[2]))


def _listed(target: str, sparse: Sparse, destinations: Sequence[Shard]) -> ListedOutgoing:
    owners = np.zeros(sparse.target, np.int64)
    for core, shard in enumerate(destinations):
        owners[shard.slices] = core
    number = len(destinations)
    pairs = np.unique(sparse.sources.astype(np.int64) * number + np.repeat(owners.ravel(), np.diff(sparse.starts)))
    sources, cores = np.divmod(pairs, number)
    return ListedOutgoing(target, sparse.source, np.searchsorted(sources, np.arange(prod(sparse.source) + 1)), cores, number)


def outgoing(network: QuantisedNetwork, population: str, partition: Mapping[str, Sequence[Shard]]) -> tuple[Outgoing, ...]:
    """Return the projections out of a population, given the shards (one a core) of the populations they end in."""
    shape: Shape = network.by_name[population].shape
    return tuple(
        _listed(p.target, p.geometry, partition[p.target])
        if isinstance(p.geometry, Sparse)
        else _by_axes(p.target, axes_of(p.geometry, shape), partition[p.target])
        for p in network.projections
        if p.source == population
    )
