"""The fast back end: exact, event-driven, output-stationary, on all cores.

An image runs through the whole network, one population after the other; `ecc_lava.backends.stepwise` says why this is exact. Spikes are
bits; of the rows under a window there are also lists of events. A population's sums exist for one position at a time. For an image of T
steps a thread holds T * H * W * C / 8 bytes of each population still to be read, and for each row under a window 4 * T * (W + 1) and 2 for
every spike; a result takes 1 to 4 bytes a neuron, and 4 for a potential. Payloads are bytes, of which signed ones take two, and lists of
them take 3 bytes for every spike. The result does not depend on the number of threads.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from itertools import pairwise
from weakref import WeakKeyDictionary

import numpy as np

from ecc_lava.backends.activity import Activity, Carried, Recording, input_activity
from ecc_lava.backends.fast.batch import BatchRun, PopulationOutput, PreparedNetwork
from ecc_lava.backends.fast.jobs import Kernels
from ecc_lava.backends.fast.plan import TYPICAL_ACTIVITY, FastPlan
from ecc_lava.common import BINARY, Array, free_cores, usable_cores
from ecc_lava.networks import Kind, QuantisedNetwork, QuantisedPopulation

__all__ = ["fast", "image_bytes", "images_per_batch", "kernels"]

GROUP_BYTES = 16 * 2**20
"""Bytes of spikes and lists of the images that one thread runs together.

Fewer images fetch a deep layer's weights too often: with 4 MiB its sums took a third longer. Lists too large for a cache are at least read
in order."""

RESULT_BYTES = 2**30
"""Bytes that a batch's results and lists take by default."""


@cache
def kernels() -> Kernels:
    """Return the kernels of this machine: from C where there is a compiler, else from Python by numba."""
    from ecc_lava.backends.fast.kernels.compile import load_library

    library = load_library()
    if library is not None:
        from ecc_lava.backends.fast.kernels.native import NativeKernels

        return NativeKernels(library)
    from ecc_lava.backends.fast.kernels.with_numba import NumbaKernels

    return NumbaKernels()


_runners: WeakKeyDictionary[QuantisedNetwork, PreparedNetwork] = WeakKeyDictionary()


def _runner(network: QuantisedNetwork, with_kernels: Kernels) -> PreparedNetwork:
    """Return the prepared network, which is made once for all batches."""
    known = _runners.get(network)
    if known is None or known.kernels is not with_kernels:
        known = _runners[network] = PreparedNetwork.of(network, with_kernels)
    return known


def fast(
    network: QuantisedNetwork, q: Mapping[str, Array], timesteps: int, recording: Recording, carried: Carried | None = None
) -> dict[str, Activity]:
    """Run the integer network exactly; parameters and result as for `golden`.

    Potentials are in int32; counts are as narrow as they fit.

    Raises
    ------
    RangeError
        If one step's input of a population might not fit into 32 bits (the range audit of quantisation allows 24), or if payloads make it
        leave the potential's range.
    """
    runner, threads = _runner(network, kernels()), free_cores()
    if carried is not None:
        runner = runner.carrying(carried)
    samples = len(next(iter(q.values())))
    outputs = {layer.population.name: PopulationOutput.of(layer, samples, timesteps, recording) for layer in runner.plan.layers}
    run = BatchRun(runner, q, outputs, timesteps)
    together = samples - samples % threads  # each image on one thread; the rest is cut, population by population
    with ThreadPoolExecutor(threads) as pool:
        try:
            list(pool.map(run.alone, _groups(runner.plan, together, timesteps, threads)))
            if together < samples:
                run.cut(range(together, samples), pool, threads)
        except BaseException:
            run.stop.set()
            pool.shutdown(cancel_futures=True)
            raise
    run.refuse_overflow()
    inputs = {name: input_activity(x, timesteps, recording, name) for name, x in q.items()} if recording.inputs else {}
    return inputs | {name: output.activity() for name, output in outputs.items()}


def image_bytes(network: QuantisedNetwork, timesteps: int, recording: Recording) -> int:
    """Return the bytes of an image's results, and of what a thread holds of it if a usual share of neurons fires."""
    return _most_lists(network, timesteps, TYPICAL_ACTIVITY) + _result_bytes(network, timesteps, recording)


def _most_lists(network: QuantisedNetwork, timesteps: int, activity: float) -> int:
    """Return the most bytes that one image's spikes and lists take at once, of all still to be read; one is listed as a whole."""
    held = {p.name: _held(p, timesteps, activity) for p in network.populations}
    read_last: dict[str, list[str]] = {}
    for name in held:
        read_last.setdefault(network.last_reader.get(name, name), []).append(name)
    now = most = 0
    for name, taken in held.items():
        now += taken
        most = max(most, now)
        now -= sum(held[read] for read in read_last.get(name, ()))
    return most + max(_listed(p, timesteps, activity) for p in network.populations)


def _result_bytes(network: QuantisedNetwork, timesteps: int, recording: Recording) -> int:
    """Return the bytes of one image's results; half of the first 16 of a neuron are for the caller, who adds up counts."""

    def kept(p: QuantisedPopulation) -> int:
        raster = np.dtype(p.payload.dtype).itemsize * (p.name in recording.rasters)
        return 16 + timesteps * (raster + 4 * (recording.over_time and p.kind is Kind.READOUT))

    return sum(p.neurons * kept(p) for p in network.populations)


def images_per_batch(network: QuantisedNetwork, timesteps: int, recording: Recording, max_memory: int | None = None) -> int:
    """Return how many images fit into `max_memory` bytes, by default `RESULT_BYTES`; at least one.

    An image takes its results, and what threads hold of it if every neuron fires at every step.
    """
    max_memory = max_memory or RESULT_BYTES
    lists, results = _most_lists(network, timesteps, 1.0), _result_bytes(network, timesteps, recording)
    together = usable_cores() * _group_size(network.populations, timesteps)
    return max(1, min(together, max_memory // (lists + results)), (max_memory - together * lists) // results)


def _listed(population: QuantisedPopulation, timesteps: int, activity: float) -> int:
    """Return the bytes of lists of all rows of one image's spikes, which a window may cover."""
    height, width, channels = population.shape
    return int(timesteps * height * (width * channels * 2 * activity + 4 * (width + 1)))


def _held(population: QuantisedPopulation, timesteps: int, activity: float) -> int:
    """Return the bytes of one image's spikes, or of payloads and their lists if a share of the neurons sends at every step."""
    height, width, channels = population.shape
    payload = population.payload
    if payload == BINARY:
        return int(timesteps * height * (-(-width * channels // 64)) * 8)
    return int(timesteps * height * (width * channels * (1 + payload.signed + 3 * activity) + 4 * (width + 1)))


def _group_size(populations: Sequence[QuantisedPopulation], timesteps: int) -> int:
    """Return how many images run together: `GROUP_BYTES` hold what the largest population holds at a typical activity."""
    return max(1, int(GROUP_BYTES / max(_held(p, timesteps, TYPICAL_ACTIVITY) for p in populations)))


def _groups(plan: FastPlan, samples: int, timesteps: int, threads: int) -> list[range]:
    """Cut a batch into groups of images that share each fetch of the weights; every thread gets the same number of groups."""
    if not samples:
        return []
    size = _group_size([layer.population for layer in plan.layers], timesteps)
    number = min(-(-samples // (size * threads)) * threads, samples)
    edges = [samples * i // number for i in range(number + 1)]
    return [range(a, b) for a, b in pairwise(edges)]
