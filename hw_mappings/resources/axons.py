"""Axons of one projection between two tilings: table entries on the source's cores and on the target's cores.

- A *discrete* axon stands for one source neuron. It takes one entry on every core where the neuron has a synapse, and one entry on the
  neuron's own core for each such core.
- A *population* axon stands for all source neurons of a shard at one position; the spike carries the channel. It takes one entry on every
  core where one of these neurons has a synapse, and `population_slots` entries on their own core for each such core.

There is no multicast. Each projection uses the kind with fewer entries in total, discrete axons on a tie. Spikes from the host take no
entries on the source's side.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from math import prod

import numpy as np

from ecc_lava.common import Int, Shape
from ecc_lava.geometry import Geometry, Sparse
from hw_mappings.chips import ChipSpec
from hw_mappings.resources.axes import Axis, axes_of
from hw_mappings.resources.meetings import meeting, meeting_sums
from hw_mappings.resources.synapses import shard_of_neuron
from hw_mappings.resources.tiling import Cut, Cuts, even_cut

__all__ = ["Axons", "Edges", "axons", "edges", "host_cuts"]


@dataclass(frozen=True, eq=False)
class Axons:
    """Table entries of one projection.

    Attributes
    ----------
    population : bool
        Whether the axons are population axons.
    arriving : int64 array, the target's (rows, columns, channels)
    leaving : int64 array, the source's (rows, columns, channels)
    """

    population: bool
    arriving: Int
    leaving: Int

    @property
    def total(self) -> int:
        """Total number of entries."""
        return int(self.arriving.sum() + self.leaving.sum())


@dataclass(frozen=True, eq=False)
class Edges:
    """Pairs of shards that a projection joins.

    Attributes
    ----------
    sources, targets : int64 arrays (pairs,)
        Flat indices of the shards in their grids.
    senders : int64 array (pairs,)
        Number of neurons of the source shard that send their spikes to the target shard.
    """

    sources: Int
    targets: Int
    senders: Int


def host_cuts(shape: Shape, chip: ChipSpec) -> Cuts:
    """Return the host's groups of an input's neurons: all channels of a position together, up to the size of a population axon."""
    atoms = chip.limit("population_atoms") or 1
    return ((0, shape[0]),), ((0, shape[1]),), even_cut(shape[2], -(-shape[2] // atoms))


@lru_cache(maxsize=1 << 12)
def _longest(spans: Cut) -> int:
    return max(stop - start for start, stop in spans)


def _has_population_axons(sources: Cuts, chip: ChipSpec) -> bool:
    atoms = chip.limit("population_atoms")
    return atoms is not None and _longest(sources[2]) <= atoms


def _outer(y: Int, x: Int, c: Int) -> Int:
    result: Int = y[:, None, None] * x[:, None] * c
    return result


def _by_axes(axes: tuple[Axis, Axis, Axis], sources: Cuts, targets: Cuts, kinds: Sequence[bool], slots: int) -> Axons:
    y_in, y_out, y_all = meeting_sums(axes[0], sources[0], targets[0], False)
    x_in, x_out, x_all = meeting_sums(axes[1], sources[1], targets[1], False)
    found = []
    for population in kinds:
        c_in, c_out, c_all = meeting_sums(axes[2], sources[2], targets[2], population)  # it stands for every channel of its shard
        entries = slots if population else 1
        found.append((y_all * x_all * c_all * (1 + entries), population, c_in, entries * c_out))
    _, population, c_in, c_out = min(found, key=lambda choice: choice[0])
    return Axons(population, _outer(y_in, x_in, c_in), _outer(y_out, x_out, c_out))


def _pairs(sparse: Sparse, sources: Cuts, targets: Cuts, population: bool) -> tuple[Int, Int]:
    """Return (source shard, target shard) of every axon: one for each neuron, or position of a shard, and core that it reaches."""
    number = prod(len(spans) for spans in targets)
    reached = np.repeat(shard_of_neuron(targets), np.diff(sparse.starts))
    shards = shard_of_neuron(sources)[sparse.sources]
    senders = shards * prod(sparse.source) + (sparse.sources // sparse.source[2] if population else sparse.sources)
    distinct = np.unique(senders * number + reached)
    return distinct // number // prod(sparse.source), distinct % number


def _one_by_one(sparse: Sparse, sources: Cuts, targets: Cuts, population: bool, slots: int) -> Axons:
    grids = [tuple(len(spans) for spans in cuts) for cuts in (sources, targets)]
    leaving, arriving = (
        np.bincount(shards, minlength=prod(grid)).astype(np.int64).reshape(grid)
        for shards, grid in zip(_pairs(sparse, sources, targets, population), grids, strict=True)
    )
    return Axons(population, arriving, (slots if population else 1) * leaving)


def axons(geometry: Geometry, source: Shape, sources: Cuts, targets: Cuts, chip: ChipSpec) -> Axons:
    """Return the axons of a projection.

    Parameters
    ----------
    geometry : Geometry
    source : (H, W, C) of the source
    sources, targets : cuts of source and target
    chip : ChipSpec
    """
    kinds = (False, True) if _has_population_axons(sources, chip) else (False,)
    slots = chip.amount("population_slots")
    if isinstance(geometry, Sparse):
        return min((_one_by_one(geometry, sources, targets, population, slots) for population in kinds), key=lambda choice: choice.total)
    return _by_axes(axes_of(geometry, source), sources, targets, kinds, slots)


def edges(geometry: Geometry, source: Shape, sources: Cuts, targets: Cuts, population: bool) -> Edges:
    """Return the pairs of shards that are joined, and the number of sending neurons of each pair.

    A population axon delivers the spikes of every channel of its shard.
    """
    if isinstance(geometry, Sparse):
        number = prod(len(spans) for spans in targets)
        froms, tos = _pairs(geometry, sources, targets, population)
        pairs, senders = np.unique(froms * number + tos, return_counts=True)
        froms, tos = pairs // number, pairs % number
        if population:
            lengths = np.array([stop - start for start, stop in sources[2]])
            senders = senders * lengths[froms % len(lengths)]
        return Edges(froms, tos, senders.astype(np.int64))
    along = []
    for axis, spans, other in zip(axes_of(geometry, source), sources, targets, strict=True):
        matrix = meeting(axis, spans, other)
        froms, tos = matrix.nonzero()
        along.append((froms, tos, matrix[froms, tos]))
    if population:
        froms, tos, _ = along[2]
        along[2] = (froms, tos, np.array([stop - start for start, stop in sources[2]])[froms])
    (fy, ty, ny), (fx, tx, nx), (fc, tc, nc) = along

    def flat(y: Int, x: Int, c: Int, cuts: Cuts) -> Int:
        result: Int = ((y[:, None, None] * len(cuts[1]) + x[:, None]) * len(cuts[2]) + c).ravel()
        return result

    return Edges(flat(fy, fx, fc, sources), flat(ty, tx, tc, targets), _outer(ny, nx, nc).ravel())
