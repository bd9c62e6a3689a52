"""Run all cores of a mapping together as process models, or some cores alone, and count their events."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ecc_lava.analysis import Differences
from ecc_lava.backends import LAVA, Recording, Result, ShardRun, ShardRunOptions, run_counted, sent_by_inputs
from ecc_lava.common import Array, Images, Progress
from ecc_lava.inputs import as_batch, batch_size, clipping_not_repeated, encode_all
from ecc_lava.networks import Kind, QuantisedNetwork, Shard
from hw_mappings.deployment.counters import CoreCounters, by_core
from hw_mappings.deployment.expected import rasters_of
from hw_mappings.mapping import Mapping

__all__ = ["CoreRunner", "CoreSample", "counters_of_shards", "differing", "run_sample"]


class CoreRunner:
    """Runs cores of a network on images whose expected result is known.

    Parameters
    ----------
    network : QuantisedNetwork
        With the repeaters that the mapping's chip needs.
    x : array (N, H, W, C), or arrays by input name
    expected : Result
    progress : callable (stage, done, total)
    """

    def __init__(self, network: QuantisedNetwork, x: Images, expected: Result, progress: Progress) -> None:
        self.network, self.expected, self._progress = network, expected, progress
        batch = as_batch(x, network.input_specs)
        with clipping_not_repeated():  # the simulation of `expected` has warned
            self._sent = sent_by_inputs(network, encode_all(batch, network.codings), expected.steps)
        self.steps = batch_size(batch) * expected.steps + network.depth

    def run(self, name: str, cores: Sequence[Sequence[Shard]], runtime: str, replay: dict[str, Array] | None = None) -> ShardRun:
        """Run all cores, or some alone that receive a replay."""
        self._progress(name, 0, self.steps)
        recorded = frozenset(self.network.by_name) if replay is None else frozenset(s.population for core in cores for s in core)
        wanted = Recording(recorded, over_time=self.network.is_stream and replay is None)

        def told(done: int, total: int) -> None:
            self._progress(name, done, total)

        options = ShardRunOptions(runtime, replay)
        return run_counted(self.network, cores, self._sent, self.expected.steps, wanted, options, told)


@dataclass(frozen=True, eq=False)
class CoreSample:
    """Cores that ran alone in Lava's runtime.

    Attributes
    ----------
    numbers : tuple of int
        Numbers of the cores in the mapping.
    differences : Differences or None
        Differences from `fast` over these cores; None without a core.
    differing_counters : int
        Cores whose counters differ from the predicted counters.
    """

    numbers: tuple[int, ...] = ()
    differences: Differences | None = None
    differing_counters: int = 0


def counters_of_shards(cores: Sequence[Sequence[Shard]], run: ShardRun) -> dict[Shard, Array]:
    """Return the counters of every shard of a run."""
    return dict(zip((shard for core in cores for shard in core), run.counters, strict=True))


def differing(counters: Sequence[CoreCounters], predicted: Sequence[CoreCounters]) -> int:
    """Return the number of cores whose counters differ from the predicted counters."""
    return sum(measured != foreseen for measured, foreseen in zip(counters, predicted, strict=True))


def run_sample(mapping: Mapping, runner: CoreRunner, numbers: tuple[int, ...], predicted: Sequence[CoreCounters]) -> CoreSample:
    """Run some cores in Lava's runtime, each in a process of its own that receives the spikes of `fast`."""
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
    counters = by_core(mapping, counters_of_shards(cores, run), numbers)
    wrong = differing(counters, [predicted[number] for number in numbers])
    return CoreSample(numbers, Differences(len(expected.synops), spikes, potentials), wrong)
