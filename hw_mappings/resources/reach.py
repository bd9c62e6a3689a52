"""The shards that every neuron of a population reaches; neurons of a shard that reach the same shards form a class.

For a Conv or Dense, rows, columns and channels have classes of their own, and those of the neurons are their products. With a Sparse among
the projections, every neuron is a class of its own.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import prod
from typing import NamedTuple

import numpy as np

from ecc_lava.common import Array, Int, Shape
from ecc_lava.geometry import Geometry, Sparse
from hw_mappings.resources.axes import axes_of
from hw_mappings.resources.meetings import fan_outs
from hw_mappings.resources.synapses import shard_of_neuron
from hw_mappings.resources.tiling import Cut, Cuts

__all__ = ["Outgoing", "ReachClasses", "reach_classes"]


class Outgoing(NamedTuple):
    """A projection from the population.

    Attributes
    ----------
    geometry : Geometry
    targets : cuts of the target
    population : bool
        Whether its axons are population axons, which deliver the spikes of every channel of a shard wherever one of them goes.
    """

    geometry: Geometry
    targets: Cuts
    population: bool


@dataclass(frozen=True, eq=False)
class ReachClasses:
    """Classes of a population's neurons.

    Attributes
    ----------
    shards, neurons : int64 arrays (classes,)
        The shard that a class is of, flat in the population's grid, and its number of neurons.
    reached : (classes, shards) for each projection
        Two int64 arrays: each pair is a class and a shard of the target, flat in its grid, where these neurons have synapses.
    """

    shards: Int
    neurons: Int
    reached: tuple[tuple[Int, Int], ...]


def _span_of(spans: Cut) -> Int:
    """Return the span of every index of an axis."""
    return np.repeat(np.arange(len(spans)), [stop - start for start, stop in spans])


def _by_axes(outgoing: Outgoing, source: Shape, sources: Cuts) -> list[Array]:
    """Return, for each axis, whether every source index reaches every target span, (source indices, target spans)."""
    reached = [fan_outs(axis, spans) > 0 for axis, spans in zip(axes_of(outgoing.geometry, source), outgoing.targets, strict=True)]
    if outgoing.population:
        starts = [start for start, _ in sources[2]]
        reached[2] = np.logical_or.reduceat(reached[2], starts)[_span_of(sources[2])]
    return reached


def _firsts(spans: Cut, reached: Sequence[Array]) -> tuple[Int, Int]:
    """Return one index of each class of an axis, and the number of indices in it."""
    signatures = np.concatenate([_span_of(spans)[:, None], *reached], axis=1)
    _, firsts, counts = np.unique(signatures, axis=0, return_index=True, return_counts=True)
    return firsts.astype(np.int64), counts.astype(np.int64)


def _one_by_one(outgoing: Outgoing, source: Shape, sources: Cuts) -> tuple[Int, Int]:
    """Return (neuron, shard) of every pair that a Sparse joins."""
    sparse = outgoing.geometry
    assert isinstance(sparse, Sparse)
    number = prod(len(spans) for spans in outgoing.targets)
    reached = np.repeat(shard_of_neuron(outgoing.targets), np.diff(sparse.starts))
    neurons = sparse.sources.astype(np.int64)
    if outgoing.population:  # every channel of the shard goes where one of them goes
        starts, stops = np.array(sources[2]).T
        position, span = neurons // source[2], _span_of(sources[2])[neurons % source[2]]
        groups = np.unique((position * len(starts) + span) * number + reached)
        reached, (position, span) = groups % number, np.divmod(groups // number, len(starts))
        lengths = (stops - starts)[span]
        within = np.arange(lengths.sum()) - np.repeat(np.cumsum(lengths) - lengths, lengths)
        return np.repeat(position * source[2] + starts[span], lengths) + within, np.repeat(reached, lengths)
    pairs = np.unique(neurons * number + reached)
    return pairs // number, pairs % number


def _flat(y: Int, x: Int, c: Int, shape: Sequence[int]) -> Int:
    """Return the flat indices of all combinations of a row, a column and a channel."""
    result: Int = ((y[:, None, None] * shape[1] + x[:, None]) * shape[2] + c).ravel()
    return result


def reach_classes(source: Shape, sources: Cuts, outgoing: Sequence[Outgoing]) -> ReachClasses:
    """Return the classes of a population's neurons.

    Parameters
    ----------
    source : (H, W, C) of the population
    sources : its cuts
    outgoing : all projections from it
    """
    by_axes = [None if isinstance(out.geometry, Sparse) else _by_axes(out, source, sources) for out in outgoing]
    if None in by_axes:
        axes = [(np.arange(size), np.ones(size, np.int64)) for size in source]
    else:
        axes = [_firsts(spans, [found[n] for found in by_axes if found is not None]) for n, spans in enumerate(sources)]
    firsts = [first for first, _ in axes]
    y, x, c = (_span_of(spans)[first] for spans, first in zip(sources, firsts, strict=True))
    reached = []
    for out, found in zip(outgoing, by_axes, strict=True):
        if found is None:
            reached.append(_one_by_one(out, source, sources))
            continue
        (fy, ty), (fx, tx), (fc, tc) = (matrix[first].nonzero() for matrix, first in zip(found, firsts, strict=True))
        grid = [len(spans) for spans in out.targets]
        reached.append((_flat(fy, fx, fc, [len(first) for first in firsts]), _flat(ty, tx, tc, grid)))
    ny, nx, nc = (counts for _, counts in axes)
    neurons = (ny[:, None, None] * nx[:, None] * nc).ravel()
    return ReachClasses(_flat(y, x, c, [len(spans) for spans in sources]), neurons, tuple(reached))
