"""The fast back end: exact, event-driven, output-stationary, on all cores.

An image runs through the whole network, one population after the other (exact: see `ecc_lava.backends.stepwise`). Spikes are kept as bits,
and as lists of events while they are read; a population's sums exist for one position at a time. For an image of T steps a thread holds,
over the populations still to be read, T * H * (W * C / 8 + 4 * (W + 1)) bytes and 4 for every spike; a result takes 8 bytes a neuron.
The result does not depend on the number of threads.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import cache, partial
from itertools import pairwise
from typing import Any
from weakref import WeakKeyDictionary

import numpy as np

from ecc_lava.backends.activity import Activity, Recording, input_activity
from ecc_lava.backends.fast.jobs import Job, Kernels, Memory, Part, Scratch, SentSpikes
from ecc_lava.backends.fast.plan import LANES, TYPICAL_ACTIVITY, FastPlan, LayerPlan
from ecc_lava.backends.fast.planning import fast_plan
from ecc_lava.common import Array, Shape
from ecc_lava.networks import Kind, QuantisedNetwork

__all__ = ["fast", "images_per_batch", "kernels"]

GROUP_BYTES = 16 * 2**20
"""Of spikes and lists of the images that one thread runs together: few images would fetch a deep layer's weights too often (with 4 MiB its
sums took a third longer), and lists that do not stay in a cache are at least read in order."""

RESULT_BYTES = 2**30
"""Bytes that a batch's results and lists take by default."""


@cache
def kernels() -> Kernels:
    """Return the kernels of this machine: compiled from C where there is a compiler, else from Python by numba."""
    from ecc_lava.backends.fast.kernels.compile import load_library

    library = load_library()
    if library is not None:
        from ecc_lava.backends.fast.kernels.native import NativeKernels

        return NativeKernels(library)
    from ecc_lava.backends.fast.kernels.with_numba import NumbaKernels

    return NumbaKernels()


@dataclass(frozen=True, eq=False)
class _PreparedNetwork:
    """A network as one set of kernels reads it."""

    kernels: Kernels
    plan: FastPlan
    prepared: tuple[Any, ...]

    @staticmethod
    def of(network: QuantisedNetwork, with_kernels: Kernels) -> _PreparedNetwork:
        plan = fast_plan(network)
        return _PreparedNetwork(with_kernels, plan, tuple(with_kernels.prepare(layer) for layer in plan.layers))


_runners: WeakKeyDictionary[QuantisedNetwork, _PreparedNetwork] = WeakKeyDictionary()


def _runner(network: QuantisedNetwork, with_kernels: Kernels) -> _PreparedNetwork:
    """Return the network's runner; made once, for a network comes in batch after batch."""
    known = _runners.get(network)
    if known is None or known.kernels is not with_kernels:
        known = _runners[network] = _PreparedNetwork.of(network, with_kernels)
    return known


def _threads() -> int:
    """Return the cores this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def fast(network: QuantisedNetwork, q: Mapping[str, Array], timesteps: int, wanted: Recording) -> dict[str, Activity]:
    """Run the integer network exactly; parameters and result as for `golden`, counts and potentials in int32.

    Raises
    ------
    RangeError
        If one step's input of a population might not fit into 32 bits; the range audit of quantisation allows 24.
    """
    runner, threads = _runner(network, kernels()), _threads()
    samples = len(next(iter(q.values())))
    outputs = {layer.population.name: _Output.of(layer, samples, timesteps, wanted) for layer in runner.plan.layers}
    run = _Run(runner, q, outputs, timesteps)
    together = samples - samples % threads  # each by one thread; what is left is cut, population by population
    with ThreadPoolExecutor(threads) as pool:
        try:
            list(pool.map(run.alone, _groups(runner.plan, together, timesteps, threads)))
            if together < samples:
                run.cut(range(together, samples), pool, threads)
        except BaseException:
            run.stop.set()
            pool.shutdown(cancel_futures=True)
            raise
    inputs = {name: input_activity(x, timesteps, wanted, name) for name, x in q.items()}
    return inputs | {name: output.activity() for name, output in outputs.items()}


def images_per_batch(network: QuantisedNetwork, timesteps: int, wanted: Recording, max_memory: int | None = None) -> int:
    """Return how many images keep their results, and what threads hold if every neuron fires at every step, within `max_memory` bytes.

    At least one, whose results and lists may take more; by default `RESULT_BYTES`.
    """
    max_memory = max_memory or RESULT_BYTES
    order = {p.name: i for i, p in enumerate(network.populations)}
    last = {p.source: order[p.target] for p in sorted(network.projections, key=lambda p: order[p.target])}

    def held(name: str) -> int:
        height, width, channels = network.by_name[name].shape
        return timesteps * height * (width * channels * 4 + width * channels // 8 + 4 * (width + 1))

    lists = max(sum(held(name) for name in order if order[name] <= i <= last.get(name, order[name])) for i in order.values())
    results = sum(  # half of the 16 bytes a neuron are for those who sum up counts
        p.neurons * (16 + timesteps * (p.name in wanted.rasters) + 4 * timesteps * (wanted.over_time and p.kind is Kind.READOUT))
        for p in network.populations
    )
    together = _threads() * _group_size([p.shape for p in network.populations], timesteps)
    return max(1, min(together, max_memory // (lists + results)), (max_memory - together * lists) // results)


def _group_size(shapes: Sequence[Shape], timesteps: int) -> int:
    """Return how many images run together: their bits and lists of the largest population, at a typical activity, take `GROUP_BYTES`."""
    largest = max(timesteps * h * (w * c * (1 / 8 + 4 * TYPICAL_ACTIVITY) + 4 * (w + 1)) for h, w, c in shapes)
    return max(1, int(GROUP_BYTES / largest))


def _groups(plan: FastPlan, samples: int, timesteps: int, threads: int) -> list[range]:
    """Cut a batch into groups of images that run together, so that weights are fetched once for all of them, as many for each thread."""
    if not samples:
        return []
    size = _group_size([layer.population.shape for layer in plan.layers], timesteps)
    number = min(-(-samples // (size * threads)) * threads, samples)
    edges = [samples * i // number for i in range(number + 1)]
    return [range(a, b) for a, b in pairwise(edges)]


_Work = Callable[[Part, Scratch], Any]


@dataclass(eq=False)
class _Output:
    """Where one population's results of a batch go."""

    counts: Array
    potential: Array
    raster: Array | None
    over_time: Array | None
    rails: list[tuple[int, int]] = field(default_factory=list)

    @staticmethod
    def of(layer: LayerPlan, samples: int, timesteps: int, wanted: Recording) -> _Output:
        population = layer.population
        shape, over_steps = (samples, *population.shape), (samples, timesteps, *population.shape)
        return _Output(
            np.empty(shape, np.int32),
            np.empty(shape, np.int32),
            np.zeros(over_steps, np.uint8) if population.name in wanted.rasters else None,
            np.empty(over_steps, np.int32) if wanted.over_time and population.kind is Kind.READOUT else None,
        )

    def activity(self) -> Activity:
        low, high = (sum(rail) for rail in zip(*self.rails, strict=True))
        return Activity(self.counts, self.potential, self.raster, self.over_time, low, high)


def _parts(layer: LayerPlan, images: int, number: int) -> list[Part]:
    """Cut a population for so many threads: its rows, or where there is one row the blocks, if no two write to the same word of bits."""
    rows, blocks = images * layer.population.shape[0], len(layer.blocks)
    if rows == 1 and (layer.width == 1 or layer.channels % LANES == 0):
        return [Part((0, 1), cut) for cut in _ranges(blocks, number)]
    return [Part(cut, (0, blocks)) for cut in _ranges(rows, number)]


def _ranges(length: int, number: int) -> list[tuple[int, int]]:
    edges = [length * i // number for i in range(number + 1)]
    return [(a, b) for a, b in pairwise(edges) if a < b]


@dataclass(eq=False)
class _Run:
    """One batch on its way through the network."""

    runner: _PreparedNetwork
    q: Mapping[str, Array]
    outputs: Mapping[str, _Output]
    timesteps: int
    stop: threading.Event = field(default_factory=threading.Event)
    local: threading.local = field(default_factory=threading.local)

    def alone(self, images: range) -> None:
        """Run images on this thread."""
        if not hasattr(self.local, "memory"):
            self.local.memory, self.local.scratch = Memory(), Scratch.of(self.runner.plan)
        try:
            self._images(images, self.local.memory, 1, lambda work, parts: [work(part, self.local.scratch) for part in parts])
        except BaseException:
            self.stop.set()  # the other threads need not go on
            raise

    def cut(self, images: range, pool: ThreadPoolExecutor, threads: int) -> None:
        """Run images on all threads of a pool, one population after the other."""
        scratch = [Scratch.of(self.runner.plan) for _ in range(threads)]
        self._images(images, Memory(), threads, lambda work, parts: list(pool.map(work, parts, scratch)))

    def _images(self, images: range, memory: Memory, number: int, run_all: Callable[[_Work, Sequence[Part]], list[Any]]) -> None:
        use, here = self.runner.kernels, slice(images.start, images.stop)
        sent = {name: _given(memory, x[here]) for name, x in self.q.items()}
        for layer, prepared in zip(self.runner.plan.layers, self.runner.prepared, strict=True):
            if self.stop.is_set():
                return
            population, output = layer.population, self.outputs[layer.population.name]
            sources = tuple(sent[view.source].source(use, view, kind) for view, kind in layer.sources)
            constant, own = layer.bias, layer.graded or len(layer.bias) > 1
            if own:  # of every position of every image
                constant = memory.take((len(images), layer.positions, layer.lanes), np.int32)
                constant[...] = layer.bias
                constant = constant.reshape(-1, layer.lanes)
            bits = _silent(memory, population.shape, len(images), self.timesteps)
            over_time = None if output.over_time is None else output.over_time[here]
            job = Job(self.timesteps, sources, constant, bits, output.counts[here], output.potential[here], over_time)
            parts = _parts(layer, len(images), number)
            if layer.graded:
                run_all(partial(use.run_graded, prepared, job), parts)
            output.rails.extend(run_all(partial(use.run, prepared, job), parts))
            if own:
                memory.give(constant)
            if output.raster is not None and population.kind.spikes:
                use.spread(bits, population.shape, False, output.raster[here])
            sent[population.name] = SentSpikes(memory, population.shape, bits)
            for done in (*layer.last_of, *(() if layer.read else (population.name,))):
                sent.pop(done).forget()


def _given(memory: Memory, x: Array) -> SentSpikes:
    """Return what an input sends: graded values (N, H, W, C), or binary spikes (N, T, H, W, C)."""
    height, width, channels = x.shape[-3:]
    if x.ndim == 4:
        return SentSpikes(memory, (height, width, channels), None, np.array(x, order="C"))
    images, steps = x.shape[:2]
    bits = _silent(memory, (height, width, channels), images, steps)
    packed = np.packbits(x.reshape(images, steps, height, width * channels).swapaxes(1, 2), axis=-1, bitorder="little")
    bits.view(np.uint8)[..., : packed.shape[-1]] = packed.reshape(images * height, steps, -1)
    return SentSpikes(memory, (height, width, channels), bits)


def _silent(memory: Memory, shape: Shape, images: int, timesteps: int) -> Array:
    """Return bits of no spikes, (rows, T, words), with a word to spare before and behind them."""
    height, width, channels = shape
    words = -(-width * channels // 64)
    whole = memory.take((images * height * timesteps * words + 2,), np.uint64)
    whole[:] = 0
    return whole[1:-1].reshape(images * height, timesteps, words)
