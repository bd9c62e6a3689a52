"""The synapses of one projection into one shard, cut from the network as plain data.

There are two kinds: taps of a kernel that positions share, and synapses listed one by one. A Dense projection is a convolution whose kernel
covers the whole source map.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import prod
from typing import NamedTuple

import numpy as np

from ecc_lava.common import Array, Int, Shape, check_memory, memory_limit
from ecc_lava.geometry import Conv, Dense, Sparse
from ecc_lava.networks import QuantisedNetwork, QuantisedPopulation, QuantisedProjection, Shard

__all__ = ["Channels", "Listed", "MapPiece", "ShardSynapses", "Taps", "cut_synapses"]


class MapPiece(NamedTuple):
    """The place of a shard's spikes: in the message of `node`, from `offset` on."""

    node: int
    offset: int
    shard: Shard


TAP_BYTES = 16
"""Bytes of a position and one of its taps: where it reads, and whether there."""


class Channels(NamedTuple):
    """One group: the box's channels from `source` on feed the written channels `start` to `stop`."""

    source: int
    start: int
    stop: int


@dataclass(frozen=True, eq=False)
class Taps:
    """A kernel over the box.

    ``sum[i, j, start + o] = gain[i, j] * sum_{a, b, c} kernel[a, b, c, o] * box[rows[i, a], columns[j, b], group(o) + c]``

    Attributes
    ----------
    kernel : int8 array (kh, kw, channels per group, channels written)
    rows, columns : int64 arrays (shard's height, kh) and (shard's width, kw)
        Index in the box that each tap reads; -1 outside the source's map.
    groups : tuple of Channels
    channels : (start, stop, number)
        The shard's channels that the projection writes, and how many the shard has.
    gain : int32 array (shard's height, shard's width) or None
    """

    kernel: Array
    rows: Int
    columns: Int
    groups: tuple[Channels, ...]
    channels: tuple[int, int, int]
    gain: Array | None

    @property
    def macs(self) -> int:
        """Multiplications of one step."""
        return self.kernel.size * len(self.rows) * len(self.columns)


@dataclass(frozen=True, eq=False)
class Listed:
    """Synapses one by one: ``sum.ravel()[n] = sum of weights[k] * box.ravel()[sources[k]] over starts[n] <= k < starts[n + 1]``.

    Attributes
    ----------
    weights : int8 array (synapses,)
    sources : int64 array (synapses,)
    starts : int64 array (shard's neurons + 1,)
    shape : the shard's (H, W, C)
    """

    weights: Array
    sources: Int
    starts: Int
    shape: Shape

    @property
    def macs(self) -> int:
        """Multiplications of one step."""
        return self.weights.size


@dataclass(frozen=True, eq=False)
class ShardSynapses:
    """One projection into one shard.

    Attributes
    ----------
    box : Shard
        The part of the source's map that the shard reads.
    pieces : tuple of MapPiece
        The places of the spikes in the box.
    delay : int
        Additional steps before a spike has its effect.
    factor : int
        Units of the potential per unit of the sum.
    payload_max : int
        The largest magnitude that the source sends.
    shares : bool
        Whether positions of the source share weights, as in a convolution.
    operator : Taps or Listed
    """

    box: Shard
    pieces: tuple[MapPiece, ...]
    delay: int
    factor: int
    payload_max: int
    shares: bool
    operator: Taps | Listed


def _reads(conv: Conv, axis: int, target: tuple[int, int], size: int) -> tuple[Int, tuple[int, int]] | None:
    """Return the taps' indices in the range of rows (axis 0) or columns (1) that they read, and the range; None if all read padding."""
    taps = np.arange(conv.kernel.shape[axis]) * conv.dilation[axis]
    reads = np.arange(*target)[:, None] * conv.strides[axis] + taps[None, :] - conv.padding[2 * axis]
    on_source = reads % conv.input_dilation[axis] == 0
    reads //= conv.input_dilation[axis]
    inside = on_source & (reads >= 0) & (reads < size)
    if not inside.any():
        return None
    low, high = int(reads[inside].min()), int(reads[inside].max())
    return np.where(inside, reads - low, -1).astype(np.int64), (low, high + 1)


def _overlap(a: Shard, b: Shard) -> bool:
    return all(p[0] < q[1] and q[0] < p[1] for p, q in ((a.y, b.y), (a.x, b.x), (a.c, b.c)))


def cut_synapses(
    network: QuantisedNetwork, projection: QuantisedProjection, shard: Shard, places: Sequence[MapPiece]
) -> ShardSynapses | None:
    """Return the synapses of a projection into `shard`, or None if the shard reads nothing but padding.

    Parameters
    ----------
    network : QuantisedNetwork
    projection : QuantisedProjection
    shard : Shard
        Part of the projection's target.
    places : sequence of MapPiece
        The shards of the projection's source and the places of their spikes.
    """
    source = network.by_name[projection.source]
    cut: tuple[Shard, Taps | Listed] | None
    match projection.geometry:
        case Sparse() as sparse:
            cut = _cut_list(sparse, source.name, shard)
        case Dense(kernel=kernel):
            cut = _cut_taps(Conv(kernel.reshape(*source.shape, -1)), source, shard)
        case Conv() as conv:
            cut = _cut_taps(conv, source, shard)
    if cut is None:
        return None
    box, operator = cut
    return ShardSynapses(
        box,
        tuple(piece for piece in places if _overlap(piece.shard, box)),
        projection.delay,
        2 ** network.format.shift(projection.exponent),
        network.largest_sent[source.name],
        isinstance(projection.geometry, Conv),
        operator,
    )


def _cut_taps(conv: Conv, source: QuantisedPopulation, shard: Shard) -> tuple[Shard, Taps] | None:
    """Return the box that the shard reads and the part of a Conv over it; None if the shard reads nothing but padding."""
    rows = _reads(conv, 0, shard.y, source.shape[0])
    columns = _reads(conv, 1, shard.x, source.shape[1])
    offset = conv.writes[0] if conv.writes else 0
    start, stop = max(shard.c[0] - offset, 0), min(shard.c[1] - offset, conv.kernel.shape[3])  # of the kernel's outputs
    if rows is None or columns is None or start >= stop:
        return None
    check_memory(f"the taps of {shard}", TAP_BYTES * rows[0].size * columns[0].size, memory_limit(), "use smaller shards")
    per_group_in, per_group_out = conv.kernel.shape[2], conv.kernel.shape[3] // conv.groups
    first, last = start // per_group_out, (stop - 1) // per_group_out
    groups = tuple(
        Channels(
            (group - first) * per_group_in,
            max(group * per_group_out, start) - start,
            min((group + 1) * per_group_out, stop) - start,
        )
        for group in range(first, last + 1)
    )
    lowest = conv.reads[0] if conv.reads else 0
    box = Shard(source.name, rows[1], columns[1], (lowest + first * per_group_in, lowest + (last + 1) * per_group_in))
    return box, Taps(
        conv.kernel[:, :, :, start:stop].copy(),
        rows[0],
        columns[0],
        groups,
        (start + offset - shard.c[0], stop + offset - shard.c[0], shard.c[1] - shard.c[0]),
        None if conv.gain is None else conv.gain[slice(*shard.y), slice(*shard.x)].copy(),
    )


def _cut_list(sparse: Sparse, source: str, shard: Shard) -> tuple[Shard, Listed] | None:
    """Return the smallest box around all that the shard reads, and its synapses; None if the shard has no synapse."""
    neurons = np.arange(prod(sparse.target)).reshape(sparse.target)[shard.slices].ravel()
    starts = np.concatenate([[0], np.cumsum(np.diff(sparse.starts)[neurons])])
    if not starts[-1]:
        return None
    synapses = np.arange(starts[-1]) + np.repeat(sparse.starts[neurons] - starts[:-1], np.diff(starts))
    places = np.unravel_index(sparse.sources[synapses], sparse.source)
    y, x, c = ((int(along.min()), int(along.max()) + 1) for along in places)
    box = Shard(source, y, x, c)
    inside = np.ravel_multi_index(tuple(along - low for along, (low, _) in zip(places, (y, x, c), strict=True)), box.shape)
    return box, Listed(sparse.kernel[synapses], inside, starts, shard.shape)
