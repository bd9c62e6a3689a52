"""Deployment: a mapping as Lava processes, run on images and compared with the unpartitioned fast back end in every integer."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final

import numpy as np

from ecc_lava.analysis import Differences, differences
from ecc_lava.backends import LAVA, ONE_PROCESS, RUNTIMES, Recording, Result, ShardRun, as_result, run_counted, simulate
from ecc_lava.common import Array, Images, Progress
from ecc_lava.errors import InvalidInput
from ecc_lava.inputs import as_batch, batch_size, encode_all, sent_by_all
from ecc_lava.networks import Kind, QuantisedNetwork, Shard
from hw_mappings.deployment.counters import CoreCounters, by_core, predicted_counters
from hw_mappings.deployment.processes import default_limit, groups, layers
from hw_mappings.mapping import Mapping
from hw_mappings.partition import repeated, with_repeaters

__all__ = ["AUTO", "Deployment", "deploy", "expected_result", "rasters_of"]

AUTO: Final = "auto"
"""Lava's runtime where every layer can have a process of its own, else one process."""


@dataclass(frozen=True, eq=False)
class Deployment:
    """What a deployment did.

    Attributes
    ----------
    runtime : {"lava", "one-process"}
        Lava's own runtime, or the same process models in one process of the operating system, which is not Lava's runtime.
    processes : int
        Processes of the operating system that ran process models; in Lava's runtime source and sink among them.
    steps : int
        Steps of the run: N*T + D.
    seconds : float
        Of the run, its start included.
    result : Result
        As `simulate` returns it, every population recorded: of the network with the repeaters that the mapping's chip makes necessary.
    lava_vs_fast : Differences
        Every spike of every step, and every potential at the end of its window.
    counters, predicted : tuple of CoreCounters
        What each core did, in the order of the mapping: counted while it ran, and predicted from `fast`.
    sampled : tuple of int
        Where one process ran everything: cores, by number in the mapping, that were also run in Lava's runtime, each in a process of its
        own and hearing the spikes of `fast`.
    sample_vs_fast : Differences or None
        Over these cores; None without any.
    differing_counters : int
        Cores of the run, or of the sample, whose counters differ from those predicted.
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


def expected_result(network: QuantisedNetwork, mapping: Mapping, x: Images, timesteps: int | None = None) -> Result:
    """Return what `fast` does with the unpartitioned network, every population recorded, and what repeaters must then do.

    A repeater fires as its source does; its potential ends at 0.

    Parameters
    ----------
    network : QuantisedNetwork
        Without repeaters.
    mapping : Mapping
    x : array (N, H, W, C), or arrays by input name
    timesteps : int, optional
    """
    fast = simulate(network, x, backend="fast", timesteps=timesteps, record=list(network.by_name))
    sources = {name: repeated(name) for name, _ in mapping.populations if name not in network.by_name}
    return replace(
        fast,
        counts={**fast.counts, **{name: fast.counts[source] for name, source in sources.items()}},
        raster={**fast.raster, **{name: fast.raster[source] for name, source in sources.items()}},
        potential={**fast.potential, **{name: np.zeros_like(fast.potential[source]) for name, source in sources.items()}},
    )


def rasters_of(network: QuantisedNetwork, result: Result) -> dict[str, Array]:
    """Return all recorded spikes by population, uint8 (N, T, H, W, C)."""
    return {
        name: np.unpackbits(bits, axis=-1, count=network.by_name[name].neurons).reshape(*bits.shape[:2], *network.by_name[name].shape)
        for name, bits in result.raster.items()
    }


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
        One of this network.
    x : array (N, H, W, C), or arrays by input name
        As `simulate` takes it; the images stream through one run.
    timesteps : int, optional
        T; at most, and by default, the network's own.
    runtime : {"auto", "lava", "one-process"}
    max_processes : int, optional
        Most processes of Lava's runtime that run process models; by default what the machine may hold. Cores of a layer share a process
        where there are more.
    sample : int
        So many cores, drawn by `seed`, also run in Lava's runtime where one process runs the whole.
    seed : int
    progress : callable (stage, done, total), optional
        An exception that it raises ends the run.

    Returns
    -------
    Deployment

    Raises
    ------
    InvalidNetwork
        If the mapping is of another network, or says of a core what is not so.
    InvalidInput
        For images, timesteps or options that cannot be used.
    LavaError
        If the run failed, stalled or lost a process; nothing of it is left then.
    MissingDependency
        If Lava is not installed; both runtimes need it.
    """
    mapping.check(network)
    limit = default_limit() if max_processes is None else max_processes
    together = groups(mapping.cores, limit)
    chosen = _chosen(mapping, runtime, limit)
    if sample < 0:
        raise InvalidInput(f"a sample of {sample} cores; 0 or more are needed")

    def stage(name: str, done: int, total: int) -> None:
        if progress is not None:
            progress(name, done, total)

    stage("fast", 0, 0)
    expected = expected_result(network, mapping, x, timesteps)
    stage("fast", 1, 1)
    predicted = predicted_counters(mapping, network, expected)
    runner = _CoreRunner(with_repeaters(network, mapping.chip), x, expected, stage)
    shards = [core.shards for core in mapping.cores]
    in_processes = shards if chosen == ONE_PROCESS else [[shard for number in group for shard in shards[number]] for group in together]
    started = time.perf_counter()
    run = runner.run(f"deployment ({chosen})", in_processes, chosen)
    seconds = time.perf_counter() - started
    counters = by_core(mapping, runner.of_shards(in_processes, run))
    wrong = sum(measured != foreseen for measured, foreseen in zip(counters, predicted, strict=True))
    sampled: tuple[int, ...] = ()
    found: Differences | None = None
    if chosen == ONE_PROCESS and sample:
        drawn = np.random.default_rng(seed).choice(len(shards), min(sample, len(shards)), replace=False)
        sampled = tuple(sorted(int(number) for number in drawn))
        found, missed = _sampled(mapping, runner, sampled, predicted)
        wrong += missed
    result = as_result(runner.network, run.activity, chosen, expected.timesteps, list(runner.network.by_name))
    return Deployment(
        runtime=chosen,
        processes=run.processes,
        steps=runner.steps,
        seconds=seconds,
        result=result,
        lava_vs_fast=differences(expected, result, [name for name, _ in mapping.populations]),
        counters=counters,
        predicted=predicted,
        sampled=sampled,
        sample_vs_fast=found,
        differing_counters=wrong,
    )


class _CoreRunner:
    """Runs cores of a network on the images whose expected result is known."""

    def __init__(self, network: QuantisedNetwork, x: Images, expected: Result, stage: Progress) -> None:
        self.network, self.expected, self._stage = network, expected, stage
        batch = as_batch(x, network.input_specs)
        self._sent = sent_by_all(encode_all(batch, network.codings), network.codings, expected.timesteps)
        self.steps = batch_size(batch) * expected.timesteps + network.depth

    def run(self, name: str, cores: Sequence[Sequence[Shard]], runtime: str, replay: dict[str, Array] | None = None) -> ShardRun:
        """Run cores, all of them, or some alone that hear a replay."""
        self._stage(name, 0, self.steps)
        wanted = Recording(frozenset(self.network.by_name) if replay is None else frozenset(s.population for core in cores for s in core))

        def told(done: int, total: int) -> None:
            self._stage(name, done, total)

        return run_counted(self.network, cores, self._sent, self.expected.timesteps, wanted, runtime=runtime, replay=replay, progress=told)

    @staticmethod
    def of_shards(cores: Sequence[Sequence[Shard]], run: ShardRun) -> dict[Shard, Array]:
        """Return the counters of every shard."""
        return dict(zip((shard for core in cores for shard in core), run.counters, strict=True))


def _sampled(mapping: Mapping, runner: _CoreRunner, numbers: Sequence[int], predicted: Sequence[CoreCounters]) -> tuple[Differences, int]:
    """Run some cores in Lava's runtime, hearing what `fast` did; return what differs, and how many cores' counters do."""
    network, expected = runner.network, runner.expected
    cores = [mapping.cores[number].shards for number in numbers]
    heard = {p.source for core in cores for shard in core for p in network.into(shard.population)}
    rasters = rasters_of(network, expected)
    replay = {name: rasters[name] for name in sorted(heard) if network.by_name[name].kind is not Kind.INPUT}
    run = runner.run("sample of cores (lava)", cores, LAVA, replay)
    spikes = potentials = 0
    for shard in (shard for core in cores for shard in core):
        activity, where = run.activity[shard.population], (..., *shard.slices)
        assert activity.raster is not None
        spikes += int(np.count_nonzero(activity.raster[where] != rasters[shard.population][where]))
        potentials += int(np.count_nonzero(activity.potential[where] != expected.potential[shard.population][where]))
    counters = by_core(mapping, runner.of_shards(cores, run), numbers)
    wrong = sum(measured != predicted[number] for measured, number in zip(counters, numbers, strict=True))
    return Differences(len(expected.synops), spikes, potentials), wrong
