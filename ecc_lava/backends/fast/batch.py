"""Runs one batch through the network: groups of images each on one thread, or all threads on one population after the other."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor, wait
from dataclasses import dataclass, field, replace
from functools import partial
from itertools import pairwise
from typing import Any

import numpy as np

from ecc_lava.backends.activity import Activity, Carried, Recording
from ecc_lava.backends.fast.jobs import Beyond, Job, Kernels, Outcome, Part, Scratch
from ecc_lava.backends.fast.memory import Memory
from ecc_lava.backends.fast.plan import LANES, FastPlan, LayerPlan
from ecc_lava.backends.fast.planning import fast_plan, padded
from ecc_lava.backends.fast.sent import Sent, SentSpikes, SentValues, bits_of, of_input, planes_of
from ecc_lava.backends.overflow import overflow
from ecc_lava.common import BINARY, Array
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

    def carrying(self, carried: Carried) -> PreparedNetwork:
        """Return the network of a stream as one sequence has left it."""

        def begun(layer: LayerPlan, prepared: Any) -> Any:
            known, shape = carried[layer.population.name], layer.population.shape
            starts = (padded(array.reshape(shape), shape, shape[1] // layer.width, 0) for array in known)
            return self.kernels.starting(prepared, *starts)

        return replace(self, prepared=tuple(begun(layer, own) for layer, own in zip(self.plan.layers, self.prepared, strict=True)))


WORTH_A_THREAD = 250_000
"""Processor cycles. To hand a part to another thread and wait for it takes half as long."""

_Work = Callable[[Part, Scratch], Any]
_RunAll = Callable[[_Work, Sequence[Part]], list[Any]]


def narrow(largest: int) -> type[np.generic]:
    """Return the narrowest type for results up to a number: fresh memory pages of results cost as much as the arithmetic of payloads."""
    return next((dtype for dtype in (np.uint8, np.uint16) if largest <= np.iinfo(dtype).max), np.int32)


@dataclass(eq=False)
class PopulationOutput:
    """The arrays that take one population's results of a batch."""

    counts: Array
    potential: Array
    sent: Array | None
    raster: Array | None
    over_time: Array | None
    rails: list[tuple[int, int]] = field(default_factory=list)

    @staticmethod
    def of(layer: LayerPlan, samples: int, timesteps: int, recording: Recording) -> PopulationOutput:
        """Make room for a population's results."""
        population, payload = layer.population, layer.population.payload
        shape, over_steps = (samples, *population.shape), (samples, timesteps, *population.shape)
        is_wanted = recording.potentials is None or population.name in recording.potentials
        has_potential = is_wanted or population.kind is Kind.READOUT
        return PopulationOutput(
            np.empty(shape, narrow(payload.largest * timesteps)),
            np.empty(shape if has_potential else (samples, 0, 0, 0), np.int32),
            None if payload == BINARY else np.empty(shape, narrow(timesteps)),
            np.zeros(over_steps, population.payload.dtype) if population.name in recording.rasters else None,
            np.empty(over_steps, np.int32) if recording.over_time and population.kind is Kind.READOUT else None,
        )

    def activity(self) -> Activity:
        """Return the results."""
        low, high = (sum(rail) for rail in zip(*self.rails, strict=True))
        return Activity(self.counts, self.potential, self.raster, self.over_time, low, high, self.sent)

    def of_images(self, images: slice) -> tuple[Array, Array, Array | None, Array | None]:
        """Return the arrays that some images' run writes: counts, potential, number of spikes with payloads, potential over time."""
        sent, over_time = (None if array is None else array[images] for array in (self.sent, self.over_time))
        return self.counts[images], self.potential[images], sent, over_time


def _parts(layer: LayerPlan, images: int, number: int) -> list[Part]:
    """Cut a population for threads: by rows, or a single row by blocks if no two blocks write to the same word of bits; bytes are apart."""
    rows, blocks = images * layer.population.shape[0], len(layer.blocks)
    if rows == 1 and (layer.width == 1 or layer.channels % LANES == 0 or layer.population.payload != BINARY):
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
    beyond: list[tuple[int, Beyond]] = field(default_factory=list)
    """Sums that the potential cannot hold, with the number of their population."""

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
        """Run images on this thread and others of a pool, one population after the other."""
        scratch = [Scratch.of(self.runner.plan) for _ in range(threads)]

        def run_all(work: _Work, parts: Sequence[Part]) -> list[Any]:
            others = [pool.submit(work, part, own) for part, own in zip(parts[1:], scratch[1:], strict=False)]
            try:
                first = work(parts[0], scratch[0])
            finally:  # the others write to what this thread would free
                wait(others)
            return [first, *(other.result() for other in others)]

        self._images(images, Memory(), threads, run_all)

    def refuse_overflow(self) -> None:
        """Refuse sums that the potential cannot hold.

        Raises
        ------
        RangeError
            Naming the neuron of the first population, image and step.
        """
        if self.beyond:
            index, (_, _, neuron, value) = min(self.beyond)
            layer = self.runner.plan.layers[index]
            where = tuple(int(i) for i in np.unravel_index(neuron, layer.population.shape))
            raise overflow(layer.population.name, where, value, layer.limit)

    def _images(self, images: range, memory: Memory, number: int, run_all: _RunAll) -> None:
        use, here = self.runner.kernels, slice(images.start, images.stop)
        sent: dict[str, Sent] = {name: of_input(memory, x[here], self.runner.plan.inputs[name]) for name, x in self.q.items()}
        for index, (layer, prepared) in enumerate(zip(self.runner.plan.layers, self.runner.prepared, strict=True)):
            if self.stop.is_set() or any(before < index for before, _ in self.beyond):
                return
            population, output = layer.population, self.outputs[layer.population.name]
            sources = tuple(sent[view.source].source(use, view, kind) for view, kind in layer.sources)
            constant, own = self._constant(layer, memory, len(images))
            valued = population.payload != BINARY
            bits = None if valued else bits_of(memory, population.shape, len(images), self.timesteps, layer.fills_words)
            signed = population.payload.signed and self.timesteps > 1  # the first step takes nothing back
            planes = planes_of(memory, population.shape, len(images), self.timesteps, signed) if valued else ()
            job = Job(self.timesteps, sources, constant, bits, planes, *output.of_images(here))
            parts = _parts(layer, len(images), min(number, 1 + layer.cycles * len(images) * self.timesteps // WORTH_A_THREAD))
            if own and layer.graded:
                run_all(partial(use.run_graded, prepared, job), parts)
            done = run_all(partial(use.run_valued if layer.valued else use.run, prepared, job), parts)
            output.rails.extend(outcome[:2] for outcome in done)
            if own:
                memory.give(constant)
            nonzero = self._valued(index, images.start, done) if layer.valued else (0, 0)
            made = SentValues(memory, population.shape, planes, nonzero) if bits is None else SentSpikes(memory, population.shape, bits)
            sent[population.name] = made
            if output.raster is not None and population.kind.spikes:
                made.record(use, output.raster[here])
            for over in (*layer.last_of, *(() if layer.read else (population.name,))):
                sent.pop(over).forget()

    def _constant(self, layer: LayerPlan, memory: Memory, images: int) -> tuple[Array, bool]:
        """Return what every step adds, and whether it is one number for every neuron of every image, in `memory`."""
        if layer.valued and (self.timesteps == 1 or not layer.graded):
            return layer.bias, False
        if not layer.graded and len(layer.bias) == 1:
            return layer.bias, False
        constant = memory.take((images, layer.positions, layer.lanes), np.int32)
        constant[...] = layer.bias
        return constant.reshape(-1, layer.lanes), True

    def _valued(self, index: int, first: int, done: Sequence[Outcome]) -> tuple[int, int]:
        """Keep the first sum beyond the rails; return the nonzero values of both planes."""
        found = [outcome.beyond for outcome in done if outcome.beyond is not None]
        self.beyond.extend((index, beyond._replace(image=first + beyond.image)) for beyond in found)
        return sum(outcome.positive for outcome in done), sum(outcome.negative for outcome in done)
