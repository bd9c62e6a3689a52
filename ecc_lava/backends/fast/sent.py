"""The spikes that one population sent, as bits and as the lists that other populations read."""

from __future__ import annotations

import numpy as np

from ecc_lava.backends.fast.jobs import SPARE, Kernels, SpikeSource
from ecc_lava.backends.fast.memory import Memory
from ecc_lava.backends.fast.plan import PieceKind, View
from ecc_lava.common import Array, Shape
from ecc_lava.errors import InvalidInput

__all__ = ["SentSpikes", "of_input", "silent"]


class SentSpikes:
    """The bits that one population sent, and the lists made of them for their readers. `forget` gives the memory back.

    Parameters
    ----------
    memory : Memory
    shape : (H, W, C)
    bits : uint64 array (rows, T, words), or None for a graded input
    values : uint8 array (images, H, W, C) of a graded input, or None
    """

    def __init__(self, memory: Memory, shape: Shape, bits: Array | None, values: Array | None = None) -> None:
        self._memory, self._shape, self._bits, self._values = memory, shape, bits, values
        self._made: dict[tuple[PieceKind, int, int], SpikeSource] = {}
        self._taken: list[Array] = [] if bits is None else [bits]

    def source(self, kernels: Kernels, view: View, kind: PieceKind) -> SpikeSource:
        """Return the spikes as a kind of piece reads them."""
        key = (kind, view.first, view.stop)
        if key not in self._made:
            self._made[key] = self._graded(kernels, view, kind) if self._bits is None else self._spikes(kernels, view, kind, self._bits)
        return self._made[key]

    def forget(self) -> None:
        """Give all memory back."""
        for array in self._taken:
            self._memory.give(array)

    def _take(self, shape: tuple[int, ...], dtype: type[np.generic]) -> Array:
        self._taken.append(self._memory.take(shape, dtype))
        return self._taken[-1]

    def _graded(self, kernels: Kernels, view: View, kind: PieceKind) -> SpikeSource:
        values = self._values
        assert values is not None
        images, height, width, _ = values.shape
        if kind is PieceKind.SPARSE:
            return SpikeSource(self._shape, trains=values.reshape(images, -1, 1))
        events, carried = self._take((values.size + SPARE,), np.int32), self._take((values.size + SPARE,), np.uint8)
        starts = self._take((images * height, 1, width + 1), np.int32)
        kernels.list_values(values, (view.first, view.stop), events, carried, starts)
        return SpikeSource(self._shape, events, starts, carried)

    def _spikes(self, kernels: Kernels, view: View, kind: PieceKind, bits: Array) -> SpikeSource:
        height, width, channels = self._shape
        rows, steps, _ = bits.shape
        if kind is PieceKind.MASKED:
            return SpikeSource(self._shape, bits=bits)
        if kind is PieceKind.SPARSE:
            trains = self._take((rows // height, height * width * channels, steps), np.uint8)
            kernels.spread(bits, self._shape, True, trains)
            return SpikeSource(self._shape, trains=trains)
        ends = np.cumsum(kernels.row_spikes(bits) + SPARE)  # the events of all channels leave room for any range of channels
        if ends[-1] >= 2**31:
            raise InvalidInput(
                f"{ends[-1]} spikes of a map {self._shape} in {steps} steps of one image; the fast back end counts to {2**31 - 1}; "
                "run fewer timesteps, or the back end 'golden'"
            )
        events, starts = self._take((int(ends[-1]),), np.int32), self._take((rows, steps, width + 1), np.int32)
        row_base = np.concatenate([[0], ends[:-1]])
        kernels.list_events(bits, self._shape, (view.first, view.stop), row_base, events, starts)
        return SpikeSource(self._shape, events, starts)


def of_input(memory: Memory, x: Array) -> SentSpikes:
    """Return an input's graded values (N, H, W, C) or binary spikes (N, T, H, W, C) as what it sent."""
    height, width, channels = x.shape[-3:]
    if x.ndim == 4:
        return SentSpikes(memory, (height, width, channels), None, np.array(x, order="C"))
    images, steps = x.shape[:2]
    bits = silent(memory, (height, width, channels), images, steps)
    packed = np.packbits(x.reshape(images, steps, height, width * channels).swapaxes(1, 2), axis=-1, bitorder="little")
    bits.view(np.uint8)[..., : packed.shape[-1]] = packed.reshape(images * height, steps, -1)
    return SentSpikes(memory, (height, width, channels), bits)


def silent(memory: Memory, shape: Shape, images: int, timesteps: int) -> Array:
    """Return bits without spikes, (rows, T, words), with a spare word before and behind them."""
    height, width, channels = shape
    words = -(-width * channels // 64)
    whole = memory.take((images * height * timesteps * words + 2,), np.uint64)
    whole[:] = 0
    return whole[1:-1].reshape(images * height, timesteps, words)
