"""Runs one batch through the network: groups of images each on one thread, or all threads on one population after the other."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import partial
from itertools import pairwise
from typing import Any

import numpy as np

from ecc_lava.backends.activity import Activity, Recording
from ecc_lava.backends.fast.jobs import Job, Kernels, Part, Scratch
from ecc_lava.backends.fast.memory import Memory
from ecc_lava.backends.fast.plan import LANES, FastPlan, LayerPlan
from ecc_lava.backends.fast.planning import fast_plan
from ecc_lava.backends.fast.sent import SentSpikes, of_input, silent
from ecc_lava.common import Array
from ecc_lava.networks import Kind, QuantisedNetwork

__all__ = ["BatchRun", "PopulationOutput", "PreparedNetwork"]


@dataclass(frozen=True, eq=False)
class PreparedNetwork:
    """A network as one set of kernels reads it."""

    kernels: Kernels
    plan: FastPlan
    prepared: tuple[Any, ...]

    @staticmethod
    def of(network: QuantisedNetwork, with_kernels: Kernels) -> PreparedNetwork:
        """Plan a network and hand its layers to the kernels."""
        plan = fast_plan(network)
        return PreparedNetwork(with_kernels, plan, tuple(with_kernels.prepare(layer) for layer in plan.layers))


_Work = Callable[[Part, Scratch], Any]


@dataclass(eq=False)
class PopulationOutput:
    """The arrays that take one population's results of a batch."""

    counts: Array
    potential: Array
    raster: Array | None
    over_time: Array | None
    rails: list[tuple[int, int]] = field(default_factory=list)

    @staticmethod
    def of(layer: LayerPlan, samples: int, timesteps: int, recording: Recording) -> PopulationOutput:
        """Make room for a population's results."""
        population = layer.population
        shape, over_steps = (samples, *population.shape), (samples, timesteps, *population.shape)
        return PopulationOutput(
            np.empty(shape, np.int32),
            np.empty(shape, np.int32),
            np.zeros(over_steps, np.uint8) if population.name in recording.rasters else None,
            np.empty(over_steps, np.int32) if recording.over_time and population.kind is Kind.READOUT else None,
        )

    def activity(self) -> Activity:
        """Return the results."""
        low, high = (sum(rail) for rail in zip(*self.rails, strict=True))
        return Activity(self.counts, self.potential, self.raster, self.over_time, low, high)


def _parts(layer: LayerPlan, images: int, number: int) -> list[Part]:
    """Cut a population for threads: by rows, or a single row by blocks if no two blocks write to the same word of bits."""
    rows, blocks = images * layer.population.shape[0], len(layer.blocks)
    if rows == 1 and (layer.width == 1 or layer.channels % LANES == 0):
        return [Part((0, 1), cut) for cut in _ranges(blocks, number)]
    return [Part(cut, (0, blocks)) for cut in _ranges(rows, number)]


def _ranges(length: int, number: int) -> list[tuple[int, int]]:
    edges = [length * i // number for i in range(number + 1)]
    return [(a, b) for a, b in pairwise(edges) if a < b]


@dataclass(eq=False)
class BatchRun:
    """One batch on its way through the network."""

    runner: PreparedNetwork
    q: Mapping[str, Array]
    outputs: Mapping[str, PopulationOutput]
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
            self.stop.set()  # the other threads stop, too
            raise

    def cut(self, images: range, pool: ThreadPoolExecutor, threads: int) -> None:
        """Run images on all threads of a pool, one population after the other."""
        scratch = [Scratch.of(self.runner.plan) for _ in range(threads)]
        self._images(images, Memory(), threads, lambda work, parts: list(pool.map(work, parts, scratch)))

    def _images(self, images: range, memory: Memory, number: int, run_all: Callable[[_Work, Sequence[Part]], list[Any]]) -> None:
        use, here = self.runner.kernels, slice(images.start, images.stop)
        sent = {name: of_input(memory, x[here]) for name, x in self.q.items()}
        for layer, prepared in zip(self.runner.plan.layers, self.runner.prepared, strict=True):
            if self.stop.is_set():
                return
            population, output = layer.population, self.outputs[layer.population.name]
            sources = tuple(sent[view.source].source(use, view, kind) for view, kind in layer.sources)
            constant, own = layer.bias, layer.graded or len(layer.bias) > 1
            if own:  # one constant for every position of every image
                constant = memory.take((len(images), layer.positions, layer.lanes), np.int32)
                constant[...] = layer.bias
                constant = constant.reshape(-1, layer.lanes)
            bits = silent(memory, population.shape, len(images), self.timesteps)
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
