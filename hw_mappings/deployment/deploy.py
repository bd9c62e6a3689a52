"""Run a mapping as Lava processes on images, and compare every integer with the fast back end on the unpartitioned network."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Final

import numpy as np

from ecc_lava.analysis import Differences, differences
from ecc_lava.backends import LAVA, ONE_PROCESS, RUNTIMES, Result, as_result
from ecc_lava.common import Images, Progress
from ecc_lava.errors import InvalidInput
from ecc_lava.networks import QuantisedNetwork
from hw_mappings.deployment.counters import CoreCounters, by_core, predicted_counters
from hw_mappings.deployment.expected import expected_result
from hw_mappings.deployment.processes import default_limit, groups, layers
from hw_mappings.deployment.runner import CoreRunner, CoreSample, counters_of_shards, differing, run_sample
from hw_mappings.mapping import Mapping
from hw_mappings.partition import chip_network

__all__ = ["AUTO", "Deployment", "deploy"]

AUTO: Final = "auto"
"""Choose Lava's runtime if every layer can have a process of its own, else one process."""


@dataclass(frozen=True, eq=False)
class Deployment:
    """The outcome of a deployment.

    Attributes
    ----------
    runtime : {"lava", "one-process"}
        Lava's own runtime, or the same process models in one process of the operating system without Lava's runtime.
    processes : int
        Processes of the operating system that ran process models; in Lava's runtime they include source and sink.
    steps : int
        Steps of the run: N*T + D.
    seconds : float
        Time of the run and its start.
    result : Result
        As `simulate` returns it for the network with repeaters, every population recorded.
    lava_vs_fast : Differences
        Differences in every spike of every step, and in every potential at the end of its window.
    counters, predicted : tuple of CoreCounters
        Counters of each core in the order of the mapping: measured in the run, and predicted from `fast`.
    sampled : tuple of int
        If one process ran everything: numbers of the cores that also ran in Lava's runtime, each in a process of its own that received
        the spikes of `fast`.
    sample_vs_fast : Differences or None
        Differences over these cores; None without such cores.
    differing_counters : int
        Cores of the run and of the sample whose counters differ from the predicted counters.
    """

    runtime: str
    processes: int
    steps: int
    seconds: float
    result: Result
    lava_vs_fast: Differences
    counters: tuple[CoreCounters, ...]
    predicted: tuple[CoreCounters, ...]
    sampled: tuple[int, ...]
    sample_vs_fast: Differences | None
    differing_counters: int

    @property
    def ok(self) -> bool:
        """Whether nothing differs from `fast`."""
        return self.lava_vs_fast.equal and not self.differing_counters and (self.sample_vs_fast is None or self.sample_vs_fast.equal)


def _chosen(mapping: Mapping, runtime: str, limit: int) -> str:
    if runtime not in (AUTO, *RUNTIMES):
        raise InvalidInput(f"runtime {runtime!r} is not known; known: {', '.join((AUTO, *RUNTIMES))}")
    if runtime == AUTO:
        return LAVA if len(layers(mapping.cores)) + 2 <= limit else ONE_PROCESS
    return runtime


def deploy(
    network: QuantisedNetwork,
    mapping: Mapping,
    x: Images,
    *,
    timesteps: int | None = None,
    runtime: str = AUTO,
    max_processes: int | None = None,
    sample: int = 2,
    seed: int = 0,
    progress: Progress | None = None,
) -> Deployment:
    """Run a mapping as Lava processes, one per core, on images, and compare it with the unpartitioned network.

    Parameters
    ----------
    network : QuantisedNetwork
    mapping : Mapping
        A mapping of this network.
    x : array (N, H, W, C), or arrays by input name
        Images as `simulate` takes them; they stream through one run.
    timesteps : int, optional
        T; at most, and by default, the network's own.
    runtime : {"auto", "lava", "one-process"}
    max_processes : int, optional
        Largest number of processes that run process models in Lava's runtime; the default is what the machine can hold. If there are more
        cores, cores of a layer share a process.
    sample : int
        Number of cores, drawn by `seed`, that also run in Lava's runtime if one process runs the whole.
    seed : int
    progress : callable (stage, done, total), optional
        An exception from the callback ends the run.

    Returns
    -------
    Deployment

    Raises
    ------
    InvalidNetwork
        If the mapping is of another network, or its figures of a core are wrong.
    InvalidInput
        For images, timesteps or options that cannot be used.
    RangeError
        If payloads make one step's input leave the potential's range.
    LavaError
        If the run failed, stalled or lost a process; no process of the run is left.
    MissingDependency
        If Lava is not installed; both runtimes need it.
    """
    mapping.check(network)
    limit = default_limit() if max_processes is None else max_processes
    shared = groups(mapping.cores, limit)
    chosen = _chosen(mapping, runtime, limit)
    if sample < 0:
        raise InvalidInput(f"a sample of {sample} cores; 0 or more are needed")
    told: Progress = (lambda stage, done, total: None) if progress is None else progress
    on_chip = chip_network(network, mapping.chip)
    told("fast", 0, 0)
    expected = expected_result(on_chip, x, timesteps)
    told("fast", 1, 1)
    predicted = predicted_counters(mapping, network, expected)
    runner = CoreRunner(on_chip.network, x, expected, told)
    shards = [core.shards for core in mapping.cores]
    in_processes = shards if chosen == ONE_PROCESS else [[shard for number in group for shard in shards[number]] for group in shared]
    started = time.perf_counter()
    run = runner.run(f"deployment ({chosen})", in_processes, chosen)
    seconds = time.perf_counter() - started
    counters = by_core(mapping, counters_of_shards(in_processes, run))
    found = CoreSample()
    if chosen == ONE_PROCESS and sample:
        drawn = np.random.default_rng(seed).choice(len(shards), min(sample, len(shards)), replace=False)
        found = run_sample(mapping, runner, tuple(sorted(int(number) for number in drawn)), predicted)
    result = as_result(on_chip.network, run.activity, chosen, expected.timesteps, list(on_chip.network.by_name))
    return Deployment(
        runtime=chosen,
        processes=run.processes,
        steps=runner.steps,
        seconds=seconds,
        result=result,
        lava_vs_fast=differences(expected, result, [name for name, _ in mapping.populations]),
        counters=counters,
        predicted=predicted,
        sampled=found.numbers,
        sample_vs_fast=found.differences,
        differing_counters=differing(counters, predicted) + found.differing_counters,
    )
