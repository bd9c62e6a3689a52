"""Adds up the input of a shard's synapses at each step, in exact integers.

The sums share no code with `ecc_lava.geometry.apply`: they gather taps for one matrix product, or sources for one sum per neuron.
"""

from __future__ import annotations

import numpy as np

from ecc_lava.backends.lava.cores.counters import EventCounter
from ecc_lava.backends.lava.cores.synapses import Listed, ShardSynapses, Taps
from ecc_lava.common import Array, Int
from ecc_lava.networks import Shard

__all__ = ["SynapticSum"]

_EXACT = ((2**24, np.float32), (2**53, np.float64))
"""Largest sum of magnitudes that each float type adds exactly, in any order."""

_BLOCK = 2**18
"""Gathered inputs that one product takes: few enough to stay in the cache."""


class _TapSum:
    """The sum of `Taps`.

    The product runs in the narrowest float type in which every partial sum is an exact integer, whatever the order of the additions.
    """

    def __init__(self, taps: Taps, box: Shard, payload_max: int) -> None:
        self._operator = taps
        height, width, channels = box.shape
        reads = np.where(
            (taps.rows[:, None, :, None] < 0) | (taps.columns[None, :, None, :] < 0),
            height * width,
            taps.rows[:, None, :, None] * width + taps.columns[None, :, None, :],
        )
        self._shape = (len(taps.rows), len(taps.columns), taps.kernel.shape[3])
        self._taps = reads.reshape(self._shape[0] * self._shape[1], -1)
        self._block = max(1, _BLOCK // (self._taps.shape[1] * channels))
        self._depthwise = taps.kernel.shape[2] == 1 and len(taps.groups) > 1
        magnitudes = np.abs(taps.kernel.astype(np.int64)).sum(axis=(0, 1, 2)) * payload_max
        exact = next((dtype for bound, dtype in _EXACT if magnitudes.max() < bound), np.int64)
        weights = taps.kernel.reshape(-1, *taps.kernel.shape[2:]).astype(exact)
        self._dtype = weights.dtype
        if self._depthwise:
            self._weights: list[Array] = [weights[:, 0]]
            self._of = np.concatenate([np.full(g.stop - g.start, g.source) for g in taps.groups])
        else:
            self._weights = [np.ascontiguousarray(weights[:, :, g.start : g.stop].reshape(-1, g.stop - g.start)) for g in taps.groups]

    def of(self, box: Array) -> Int:
        """Return the sum, int64 (H, W, C), over a box (positions, channels) whose last position is 0."""
        start, stop, channels = self._operator.channels
        result = np.zeros((*self._shape[:2], channels), np.int64)
        box = box.astype(self._dtype)
        total = np.empty((len(self._taps), self._shape[2]), self._dtype)
        for position in range(0, len(total), self._block):
            positions = slice(position, position + self._block)
            self._product(box[self._taps[positions]], total[positions])
        summed: Int = total.reshape(self._shape).astype(np.int64)
        if self._operator.gain is not None:
            summed *= self._operator.gain[:, :, None]
        result[..., start:stop] = summed
        return result

    def _product(self, gathered: Array, total: Array) -> None:
        """Multiply gathered inputs (positions, taps, channels of the box) by the weights into `total` (positions, channels written)."""
        if self._depthwise:
            np.einsum("ptc,tc->pc", gathered[:, :, self._of], self._weights[0], out=total)
            return
        depth = self._operator.kernel.shape[2]
        for group, weights in zip(self._operator.groups, self._weights, strict=True):
            part = gathered if len(self._weights) == 1 else gathered[:, :, group.source : group.source + depth]
            total[:, group.start : group.stop] = part.reshape(len(gathered), -1) @ weights


class _ListSum:
    """The sum of `Listed` synapses."""

    def __init__(self, listed: Listed) -> None:
        self._operator = listed
        self._weights = listed.weights.astype(np.int64)
        self._reached = np.diff(listed.starts) > 0
        self._first = listed.starts[:-1][self._reached]

    def of(self, box: Array) -> Int:
        """Return the sum, int64 (H, W, C), over a box (positions, channels)."""
        result = np.zeros(len(self._reached), np.int64)
        result[self._reached] = np.add.reduceat(self._weights * box.ravel()[self._operator.sources], self._first)
        return result.reshape(self._operator.shape)


def _box_slices(outer: Shard, inner: Shard) -> tuple[slice, slice, slice]:
    """Return the index of the overlap of both boxes in an array that holds `outer`."""
    spans = ((a, max(a[0], b[0]), min(a[1], b[1])) for a, b in ((outer.y, inner.y), (outer.x, inner.x), (outer.c, inner.c)))
    y, x, c = (slice(low - own[0], high - own[0]) for own, low, high in spans)
    return y, x, c


class SynapticSum:
    """The state of one `ShardSynapses`: a delay ring of source boxes of a dtype, and the sum of the oldest times the factor."""

    def __init__(self, synapses: ShardSynapses, dtype: type[np.generic]) -> None:
        height, width, channels = synapses.box.shape
        self._box, self._slots, self._factor = synapses.box, synapses.delay + 1, synapses.factor
        # taps in the padding read the row of zeros after the box's positions
        self._ring = np.zeros((self._slots, height * width + 1, channels), dtype)
        self._sum: _TapSum | _ListSum
        match synapses.operator:
            case Taps() as taps:
                self._sum = _TapSum(taps, synapses.box, synapses.payload_max)
            case Listed() as listed:
                self._sum = _ListSum(listed)
        self._counter = EventCounter(synapses)
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

    def current(self, step: int) -> Int | int:
        """Return the shard's summed input at `step` in units of the potential: int64 (H, W, C), or 0 if nothing came."""
        box = self._ring[step % self._slots]
        return self._sum.of(box) * self._factor if box.any() else 0

    def events(self, step: int) -> tuple[int, int]:
        """Return (spikes, synops) of the input at `step`."""
        box = self._ring[step % self._slots]
        return self._counter.of(box[:-1]) if box.any() else (0, 0)

    def receive(self, step: int, messages: dict[int, Array]) -> None:
        """Store the messages of `step` in the slot of step + 1 + delay, which sums them."""
        height, width, _ = self._box.shape
        box = self._ring[step % self._slots][: height * width].reshape(self._box.shape)
        for node, where, shape, take, put in self._routes:
            box[put] = messages[node][where].reshape(shape)[take]
