"""The spikes that one population sent, as bits or values, and also as the lists that other populations read."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

import numpy as np

from ecc_lava.backends.fast.jobs import SPARE, Kernels, SpikeSource
from ecc_lava.backends.fast.memory import Memory
from ecc_lava.backends.fast.plan import PieceKind, View
from ecc_lava.common import BINARY, Array, Payload, Shape
from ecc_lava.errors import InvalidInput

__all__ = ["Sent", "SentSpikes", "SentValues", "bits_of", "of_input", "planes_of"]

_MOST = 2**31 - 1 - SPARE


class Sent(Protocol):
    """What one population sent."""

    def source(self, kernels: Kernels, view: View, kind: PieceKind) -> SpikeSource:
        """Return what was sent as a kind of piece reads it."""

    def record(self, kernels: Kernels, raster: Array) -> None:
        """Write what was sent at every step, (images, T, H, W, C)."""

    def forget(self) -> None:
        """Give all memory back."""


class _Made:
    """The sources made of what was sent, each of them once, and the memory that they take.

    Parameters
    ----------
    memory : Memory
    taken : list of arrays of `memory`
        Given back by `forget`.
    """

    def __init__(self, memory: Memory, taken: list[Array]) -> None:
        self._memory, self._taken = memory, taken
        self._made: dict[tuple[PieceKind, int, int, bool], SpikeSource] = {}

    def once(self, view: View, kind: PieceKind, make: Callable[[], SpikeSource]) -> SpikeSource:
        """Return the source that a kind of piece reads."""
        key = (kind, view.first, view.stop, view.negative)
        if key not in self._made:
            self._made[key] = make()
        return self._made[key]

    def take(self, shape: tuple[int, ...], dtype: type[np.generic]) -> Array:
        """Return an uninitialised array."""
        self._taken.append(self._memory.take(shape, dtype))
        return self._taken[-1]

    def forget(self) -> None:
        """Give all memory back."""
        for array in self._taken:
            self._memory.give(array)


class SentSpikes:
    """The bits that one population sent.

    Parameters
    ----------
    memory : Memory
    shape : (H, W, C)
    bits : uint64 array (rows, T, words)
    """

    def __init__(self, memory: Memory, shape: Shape, bits: Array) -> None:
        self._shape, self._bits, self._made = shape, bits, _Made(memory, [bits])

    def source(self, kernels: Kernels, view: View, kind: PieceKind) -> SpikeSource:
        """Return the spikes as a kind of piece reads them."""
        return self._made.once(view, kind, lambda: self._spikes(kernels, view, kind))

    def record(self, kernels: Kernels, raster: Array) -> None:
        """Write the spikes of every step."""
        kernels.spread(self._bits, self._shape, False, raster)

    def forget(self) -> None:
        """Give all memory back."""
        self._made.forget()

    def _spikes(self, kernels: Kernels, view: View, kind: PieceKind) -> SpikeSource:
        height, width, channels = self._shape
        rows, steps, _ = self._bits.shape
        if kind is PieceKind.MASKED:
            return SpikeSource(self._shape, bits=self._bits)
        if kind is PieceKind.SPARSE:
            trains = self._made.take((rows // height, height * width * channels, steps), np.uint8)
            kernels.spread(self._bits, self._shape, True, trains)
            return SpikeSource(self._shape, trains=trains)
        most = kernels.most_spikes(self._bits)
        _check_number(most * height, self._shape, steps)
        return SpikeSource(self._shape, first=view.first, bits=self._bits, kept=view.stop - view.first, most=most)


class SentValues:
    """The values that one population sent: payloads, or the same graded values at every step.

    Parameters
    ----------
    memory : Memory
    shape : (H, W, C)
    planes : tuple of uint8 arrays (rows, T, W * C)
        Values; of signed payloads the positive, and the magnitudes of the negative if there are any.
    nonzero : tuple of int
        How many values of each plane are not 0.
    """

    def __init__(self, memory: Memory, shape: Shape, planes: tuple[Array, ...], nonzero: tuple[int, ...]) -> None:
        self._shape, self._planes, self._nonzero = shape, planes, nonzero
        self._made = _Made(memory, list(planes))

    def source(self, kernels: Kernels, view: View, kind: PieceKind) -> SpikeSource:
        """Return the values as a kind of piece reads them."""
        return self._made.once(view, kind, lambda: self._values(kernels, view, kind))

    def record(self, kernels: Kernels, raster: Array) -> None:
        """Write the values of every step."""
        height, width, channels = self._shape
        by_row = [plane.reshape(-1, height, plane.shape[1], width, channels).swapaxes(1, 2) for plane in self._planes]
        raster[...] = by_row[0]
        for negative in by_row[1:]:
            np.subtract(raster, negative, out=raster)

    def forget(self) -> None:
        """Give all memory back."""
        self._made.forget()

    def _values(self, kernels: Kernels, view: View, kind: PieceKind) -> SpikeSource:
        which, (height, width, channels) = int(view.negative), self._shape
        if which >= len(self._planes) or not self._nonzero[which]:
            return SpikeSource(self._shape, is_silent=True)
        plane, number = self._planes[which], self._nonzero[which]
        rows, steps, _ = plane.shape
        if kind is PieceKind.SPARSE:
            trains = plane.reshape(rows // height, height, steps, -1).swapaxes(2, 3)
            return SpikeSource(self._shape, trains=np.ascontiguousarray(trains).reshape(rows // height, -1, steps))
        if kind is PieceKind.MASKED or number >= kernels.dense_from * plane.size:
            return SpikeSource(self._shape, plane=plane, first=view.first)
        _check_number(number, self._shape, steps)
        events, carried = self._made.take((number + SPARE,), np.uint16), self._made.take((number + SPARE,), np.uint8)
        starts = self._made.take((rows, steps, width + 1), np.int32)
        each_step = plane.reshape(rows * steps, 1, width, channels)
        kernels.list_values(each_step, (view.first, view.stop), events, carried, starts.reshape(rows * steps, 1, width + 1))
        return SpikeSource(self._shape, events, starts, carried)


def _check_number(spikes: int, shape: Shape, steps: int) -> None:
    if spikes > _MOST:
        raise InvalidInput(
            f"{spikes} spikes of a map {shape} in {steps} steps of one image; the fast back end counts to {_MOST}; "
            "run fewer timesteps, or the back end 'golden'"
        )


def of_input(memory: Memory, x: Array, payload: Payload) -> Sent:
    """Return an input's graded values (N, H, W, C) or spikes (N, T, H, W, C) as what it sent."""
    shape = (x.shape[-3], x.shape[-2], x.shape[-1])
    by_step = x[:, None] if x.ndim == 4 else x
    images, steps = by_step.shape[:2]
    by_row = by_step.reshape(images, steps, shape[0], -1).swapaxes(1, 2).reshape(images * shape[0], steps, -1)
    if x.ndim == 5 and payload == BINARY:
        bits = bits_of(memory, shape, images, steps)
        packed = np.packbits(by_row, axis=-1, bitorder="little")
        bits.view(np.uint8)[..., : packed.shape[-1]] = packed
        return SentSpikes(memory, shape, bits)
    planes = planes_of(memory, shape, images, steps, payload.signed and x.ndim == 5)
    for plane, sign in zip(planes, (1, -1), strict=False):
        plane[...] = np.maximum(by_row * sign, 0) if len(planes) > 1 else by_row
    return SentValues(memory, shape, planes, tuple(int(np.count_nonzero(plane)) for plane in planes))


def bits_of(memory: Memory, shape: Shape, images: int, timesteps: int, is_filled: bool = False) -> Array:
    """Return bits without spikes, uninitialised if every word `is_filled` later, (rows, T, words), with a spare word on either side."""
    height, width, channels = shape
    words = -(-width * channels // 64)
    whole = memory.take((images * height * timesteps * words + 2,), np.uint64)
    if not is_filled:
        whole.view(np.uint8).fill(0)
    return whole[1:-1].reshape(images * height, timesteps, words)


def planes_of(memory: Memory, shape: Shape, images: int, timesteps: int, is_signed: bool) -> tuple[Array, ...]:
    """Return one plane of uninitialised values, or of signed ones two, (rows, T, W * C), each with spare bytes before and behind."""
    height, width, channels = shape
    size = images * height * timesteps * width * channels
    flat = [memory.take((size + 2 * SPARE,), np.uint8)[SPARE:-SPARE] for _ in range(1 + is_signed)]
    return tuple(values.reshape(images * height, timesteps, width * channels) for values in flat)
