"""The synapses of one projection into one shard: what is cut from the network, and its exact integer sum.

A Dense projection is a convolution whose kernel covers the whole source map, so there is one kind of synapses here. Independent of
`ecc_lava.geometry.apply`: gathered taps and one matrix product.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from ecc_lava.arrays import Array, Int
from ecc_lava.geometry import Conv, Dense
from ecc_lava.network import Kind
from ecc_lava.quantised import QuantisedNetwork, QuantisedProjection
from ecc_lava.shard import Shard

__all__ = ["Piece", "Synapses", "SynapticSum", "cut_synapses"]

_EXACT = ((2**24, np.float32), (2**53, np.float64))
"""Largest sum of magnitudes that each float type adds exactly, in any order."""


_BLOCK = 2**18
"""Gathered inputs that are multiplied at a time: few enough to stay in the cache."""


class Piece(NamedTuple):
    """A shard's place: `node` sends the spikes of `shard` in its message, from `offset` on."""

    node: int
    offset: int
    shard: Shard


class Channels(NamedTuple):
    """One group: source channels of the box from `source` on feed the written channels `start` to `stop`."""

    source: int
    start: int
    stop: int


@dataclass(frozen=True, eq=False)
class Synapses:
    """One projection into one shard.

    Attributes
    ----------
    box : Shard
        The part of the source's map that the shard reads.
    pieces : tuple of Piece
        Where the box comes from.
    delay : int
        Extra steps before a spike has its effect.
    factor : int
        Units of the potential per unit of the sum.
    payload_max : int
        Largest value that a source sends.
    kernel : int8 array (kh, kw, channels per group, channels written)
    rows, columns : int64 arrays (shard's height, kh) and (shard's width, kw)
        Index in the box that each tap reads; -1 outside the source's map.
    groups : tuple of Channels
    channels : (start, stop, number)
        The shard's channels that the projection writes, and how many the shard has.
    gain : int32 array (shard's height, shard's width) or None
    """

    box: Shard
    pieces: tuple[Piece, ...]
    delay: int
    factor: int
    payload_max: int
    kernel: Array
    rows: Int
    columns: Int
    groups: tuple[Channels, ...]
    channels: tuple[int, int, int]
    gain: Array | None


def _reads(conv: Conv, axis: int, target: tuple[int, int], size: int) -> tuple[Int, tuple[int, int]] | None:
    """Return the taps' indices within the range of rows (axis 0) or columns (1) read, and that range; None if all lie in the padding."""
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


def cut_synapses(network: QuantisedNetwork, projection: QuantisedProjection, shard: Shard, places: Sequence[Piece]) -> Synapses | None:
    """Return what `shard` needs of a projection, or None if the projection gives it nothing but padding.

    Parameters
    ----------
    network : QuantisedNetwork
    projection : QuantisedProjection
    shard : Shard
        Part of the projection's target.
    places : sequence of Piece
        The shards of the projection's source, and where they are.
    """
    source = network.by_name[projection.source]
    match projection.geometry:
        case Dense(kernel=kernel):
            conv = Conv(kernel.reshape(*source.shape, -1))
        case Conv() as conv:
            pass
    rows = _reads(conv, 0, shard.y, source.shape[0])
    columns = _reads(conv, 1, shard.x, source.shape[1])
    offset = conv.writes[0] if conv.writes else 0
    start, stop = max(shard.c[0] - offset, 0), min(shard.c[1] - offset, conv.kernel.shape[3])  # of the kernel's outputs
    if rows is None or columns is None or start >= stop:
        return None
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
    return Synapses(
        box,
        tuple(piece for piece in places if _overlap(piece.shard, box)),
        projection.delay,
        2 ** network.format.shift(projection.exponent),
        2**network.format.payload_bits - 1 if source.kind is Kind.INPUT else 1,
        conv.kernel[:, :, :, start:stop].copy(),
        rows[0],
        columns[0],
        groups,
        (start + offset - shard.c[0], stop + offset - shard.c[0], shard.c[1] - shard.c[0]),
        None if conv.gain is None else conv.gain[slice(*shard.y), slice(*shard.x)].copy(),
    )


def _box_slices(outer: Shard, inner: Shard) -> tuple[slice, slice, slice]:
    """Index of the overlap of both boxes in an array that holds `outer`."""
    spans = ((a, max(a[0], b[0]), min(a[1], b[1])) for a, b in ((outer.y, inner.y), (outer.x, inner.x), (outer.c, inner.c)))
    y, x, c = (slice(low - own[0], high - own[0]) for own, low, high in spans)
    return y, x, c


class SynapticSum:
    """The state of one `Synapses`: a delay ring of source boxes, and the sum of the oldest.

    ``sum[i, j, start + o] = gain[i, j] * factor * sum_{a, b, c} kernel[a, b, c, o] * box[rows[i, a], columns[j, b], group(o) + c]``

    The product runs in the narrowest float type in which every partial sum is an exact integer, whatever the order of the additions.
    """

    def __init__(self, synapses: Synapses) -> None:
        self._synapses = synapses
        height, width, channels = synapses.box.shape
        # a row of zeros after the box's positions is what taps in the padding read
        self._ring = np.zeros((synapses.delay + 1, height * width + 1, channels), np.uint8)
        taps = np.where(
            (synapses.rows[:, None, :, None] < 0) | (synapses.columns[None, :, None, :] < 0),
            height * width,
            synapses.rows[:, None, :, None] * width + synapses.columns[None, :, None, :],
        )
        self._shape = (len(synapses.rows), len(synapses.columns), synapses.kernel.shape[3])
        self._taps = taps.reshape(self._shape[0] * self._shape[1], -1)
        self._block = max(1, _BLOCK // (self._taps.shape[1] * channels))
        self._depthwise = synapses.kernel.shape[2] == 1 and len(synapses.groups) > 1
        magnitudes = np.abs(synapses.kernel.astype(np.int64)).sum(axis=(0, 1, 2)) * synapses.payload_max
        exact = next((dtype for bound, dtype in _EXACT if magnitudes.max() < bound), np.int64)
        weights = synapses.kernel.reshape(-1, *synapses.kernel.shape[2:]).astype(exact)
        self._dtype = weights.dtype
        if self._depthwise:
            self._weights: list[Array] = [weights[:, 0]]
            self._of = np.concatenate([np.full(g.stop - g.start, g.source) for g in synapses.groups])
        else:
            self._weights = [np.ascontiguousarray(weights[:, :, g.start : g.stop].reshape(-1, g.stop - g.start)) for g in synapses.groups]
        self._routes = [
            (
                p.node,
                slice(p.offset, p.offset + p.shard.neurons),
                p.shard.shape,
                _box_slices(p.shard, synapses.box),
                _box_slices(synapses.box, p.shard),
            )
            for p in synapses.pieces
        ]

    @property
    def _slots(self) -> int:
        return self._synapses.delay + 1

    def current(self, step: int) -> Int:
        """Return the summed input of the shard at `step`, int64 (H, W, C), in units of the potential."""
        box = self._ring[step % self._slots]
        start, stop, channels = self._synapses.channels
        current = np.zeros((*self._shape[:2], channels), np.int64)
        if not box.any():
            return current
        box = box.astype(self._dtype)
        total = np.empty((len(self._taps), self._shape[2]), self._dtype)
        for position in range(0, len(total), self._block):
            positions = slice(position, position + self._block)
            self._product(box[self._taps[positions]], total[positions])
        summed: Int = total.reshape(self._shape).astype(np.int64)
        if self._synapses.gain is not None:
            summed *= self._synapses.gain[:, :, None]
        current[..., start:stop] = summed * self._synapses.factor
        return current

    def _product(self, gathered: Array, total: Array) -> None:
        """Multiply gathered inputs (positions, taps, channels of the box) by the weights into `total` (positions, channels written)."""
        if self._depthwise:
            np.einsum("ptc,tc->pc", gathered[:, :, self._of], self._weights[0], out=total)
            return
        depth = self._synapses.kernel.shape[2]
        for group, weights in zip(self._synapses.groups, self._weights, strict=True):
            part = gathered if len(self._weights) == 1 else gathered[:, :, group.source : group.source + depth]
            total[:, group.start : group.stop] = part.reshape(len(gathered), -1) @ weights

    def receive(self, step: int, messages: dict[int, Array]) -> None:
        """Store what was sent at `step`; it is summed at step + 1 + delay, whose slot this is."""
        height, width, _ = self._synapses.box.shape
        box = self._ring[step % self._slots][: height * width].reshape(self._synapses.box.shape)
        for node, where, shape, take, put in self._routes:
            box[put] = messages[node][where].reshape(shape)[take]
