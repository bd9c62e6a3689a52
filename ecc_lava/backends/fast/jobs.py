"""What the fast back end's kernels work on while images run: what populations sent, as its readers take it, and where results go.

Several images are run together, row after row: row r is row r % H of image r // H.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np

from ecc_lava.backends.fast.plan import FastPlan, LayerPlan, PieceKind, View
from ecc_lava.common import Array, Shape
from ecc_lava.errors import InvalidInput

__all__ = ["SPARE", "STEPS", "Job", "Kernels", "Memory", "Part", "Scratch", "SentSpikes", "SpikeSource"]

SPARE = 64
"""Entries behind the end of a list that kernels may read, or write before they are needed."""

STEPS = 32
"""Steps of one pass over a position."""

AHEAD = 8
"""Steps whose events are listed together."""


class Memory:
    """Buffers of one thread, handed out again once given back: fresh pages for every population would cost as much as its arithmetic."""

    def __init__(self) -> None:
        self._free: list[Array] = []

    def take(self, shape: tuple[int, ...], dtype: type[np.generic]) -> Array:
        """Return an uninitialised array."""
        size = int(np.prod(shape)) * np.dtype(dtype).itemsize
        best = min((buffer for buffer in self._free if buffer.nbytes >= size), key=lambda buffer: buffer.nbytes, default=None)
        if best is None:
            self._free = self._free[1:]  # one that is too small now mostly stays so
            best = np.empty(size + size // 4, np.uint8)
        else:
            self._free = [buffer for buffer in self._free if buffer is not best]
        return np.ndarray(shape, dtype, best)

    def give(self, array: Array) -> None:
        """Take an array back."""
        assert isinstance(array.base, np.ndarray)
        self._free.append(array.base)


@dataclass(frozen=True, eq=False)
class SpikeSource:
    """What one population sent, as one piece reads it; what its kind of piece does not read is None.

    Attributes
    ----------
    shape : (H, W, C)
    events : int32 array
        ``x * channels + c`` of every event, one (row, step) after the other, ascending.
    starts : int32 array (rows, T, W + 1)
        First event of every position; the last entry of a row ends it.
    values : uint8 array or None
        What graded events carry.
    bits : uint64 array (rows, T, words) or None
        Spikes; a word to spare lies before and behind.
    trains : uint8 array (images, neurons, T) or None
    """

    shape: Shape
    events: Array | None = None
    starts: Array | None = None
    values: Array | None = None
    bits: Array | None = None
    trains: Array | None = None


@dataclass(frozen=True, eq=False)
class Scratch:
    """Memory of one thread: sums of a block (steps, lanes), events of a window, their values, and where runs of them begin and end."""

    current: Array
    events: Array
    values: Array
    runs: Array

    @staticmethod
    def of(plan: FastPlan) -> Scratch:
        """Return scratch for a network."""
        events = AHEAD * plan.longest_list + SPARE
        current, runs = np.zeros(STEPS * plan.widest_block, np.int32), np.zeros((plan.most_runs, 3), np.int64)
        return Scratch(current, np.zeros(events, np.int32), np.zeros(events, np.uint8), runs)


@dataclass(frozen=True, eq=False)
class Job:
    """One population of some images to run.

    Attributes
    ----------
    steps : int
    sources : tuple of SpikeSource
        In the order of the layer's `sources`.
    constant : int32 array (images * positions or 1, lanes)
        Added at every step.
    bits : uint64 array (rows, T, words)
        Zero; spikes are set.
    counts, potential : int32 arrays (images, H, W, C)
        Written.
    over_time : int32 array (images, T, H, W, C) or None
        Written.
    """

    steps: int
    sources: tuple[SpikeSource, ...]
    constant: Array
    bits: Array
    counts: Array
    potential: Array
    over_time: Array | None


@dataclass(frozen=True)
class Part:
    """Rows, of all images, and blocks of a population that one call runs."""

    rows: tuple[int, int]
    blocks: tuple[int, int]


class Kernels(Protocol):
    """A set of kernels; all sets give the same integers."""

    def prepare(self, layer: LayerPlan) -> Any:
        """Return a layer as `run` and `run_graded` take it."""

    def run(self, prepared: Any, job: Job, part: Part, scratch: Scratch) -> tuple[int, int]:
        """Run all steps of a part of a population; return how often the low and the high rail were reached."""

    def run_graded(self, prepared: Any, job: Job, part: Part, scratch: Scratch) -> None:
        """Add the input from graded values to the job's `constant`, which then has all positions."""

    def row_spikes(self, bits: Array) -> Array:
        """Return the number of spikes of every row, int64."""

    def list_events(self, bits: Array, shape: Shape, view: tuple[int, int], row_base: Array, events: Array, starts: Array) -> None:
        """List the events of a range of channels, those of row r from ``row_base[r]`` on."""

    def list_values(self, values: Array, view: tuple[int, int], events: Array, carried: Array, starts: Array) -> None:
        """List the nonzero values of graded maps (images, H, W, C) as events of one step."""

    def spread(self, bits: Array, shape: Shape, by_neuron: bool, out: Array) -> None:
        """Write bits as bytes: spike trains (images, neurons, T), or a raster (images, T, neurons)."""


class SentSpikes:
    """What one population sent: bits, and the lists made of them for their readers; memory goes back with `forget`.

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
        """Return it as pieces of a kind read it."""
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
        ends = np.cumsum(kernels.row_spikes(bits) + SPARE)  # of all channels: room enough for any range of them
        if ends[-1] >= 2**31:
            raise InvalidInput(
                f"{ends[-1]} spikes of a map {self._shape} in {steps} steps of one image; the fast back end counts to {2**31}"
            )
        events, starts = self._take((int(ends[-1]),), np.int32), self._take((rows, steps, width + 1), np.int32)
        row_base = np.concatenate([[0], ends[:-1]])
        kernels.list_events(bits, self._shape, (view.first, view.stop), row_base, events, starts)
        return SpikeSource(self._shape, events, starts)
