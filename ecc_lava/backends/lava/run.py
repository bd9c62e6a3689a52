"""The Lava back end: an integer network as processes of Intel's Lava, one per core, equal to `golden` bit for bit.

Lava runs in a process of its own (`host`). Importing this module imports numpy and no other package.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

import numpy as np

from ecc_lava.backends.activity import Activity, Recording, input_activity
from ecc_lava.backends.lava.cores.plan import LavaPlan
from ecc_lava.backends.lava.cores.planning import lava_plan
from ecc_lava.backends.lava.host.memory import allocate, plan_layout
from ecc_lava.backends.lava.host.supervisor import supervise
from ecc_lava.backends.lava.host.vitals import Limits
from ecc_lava.backends.lava.installed import check_installed
from ecc_lava.backends.overflow import overflow
from ecc_lava.common import Array, Int, StageProgress
from ecc_lava.errors import InvalidInput, LavaError
from ecc_lava.networks import Kind, QuantisedNetwork, Shard, whole

__all__ = ["LAVA", "ONE_PROCESS", "RUNTIMES", "ShardRun", "ShardRunOptions", "lava", "run_counted"]

LAVA: Final = "lava"
"""Lava's own runtime: one process of the operating system for every core, the source and the sink."""
ONE_PROCESS: Final = "one-process"
"""The same process models in one process, without Lava's runtime."""
RUNTIMES: Final = (LAVA, ONE_PROCESS)

_SLOWEST_MACS_PER_S = 5e7
"""Multiplications a second that even a slow processor reaches; a current one does a billion."""


def lava(network: QuantisedNetwork, q: Mapping[str, Array], timesteps: int, recording: Recording) -> dict[str, Activity]:
    """Run the integer network on Lava, one core per population.

    Parameters
    ----------
    network : QuantisedNetwork
    q : input name -> uint8 array (N, H, W, C), or spikes (N, T, H, W, C), int16 if they carry a sign
        The values or spikes that the inputs send.
    timesteps : int
    recording : Recording

    Raises
    ------
    RangeError
        If payloads make one step's input leave the potential's range.
    LavaError
        If the run failed, stalled or lost a process. The failed run leaves nothing behind.
    MissingDependency
        If Lava is not installed.
    """
    cores = [[whole(p.name, p.shape)] for p in network.populations if p.kind is not Kind.INPUT]
    return run_counted(network, cores, q, timesteps, recording).activity


@dataclass(frozen=True, eq=False)
class ShardRun:
    """Outcome of a run of shards.

    Attributes
    ----------
    activity : population -> Activity
        A replay has only the populations on its cores, and 0 for neurons elsewhere.
    counters : int64 array (shards, `counters.COUNTERS`)
        In the order of the cores, and of the shards on each core; summed over all samples.
    processes : int
        Processes that ran process models.
    """

    activity: dict[str, Activity]
    counters: Int
    processes: int


@dataclass(frozen=True, eq=False)
class ShardRunOptions:
    """How shards run.

    Attributes
    ----------
    runtime : {"lava", "one-process"}
    replay : population -> what its spikes carried, (N, T, H, W, C), or None
        Recorded spikes for cores that run without the others: the source sends the cores what they would hear.
    idle_limit_s : float
        The run ends with an error if no step completes for so long while no process uses or awaits the processor.
    step_limit_s : float or None
        The run ends with an error if a process takes so much processor time for one step. The default is 3 s plus the time that a slow
        processor needs for the largest core's arithmetic.
    """

    runtime: str = LAVA
    replay: Mapping[str, Array] | None = None
    idle_limit_s: float = Limits().idle_s
    step_limit_s: float | None = None


_DEFAULTS = ShardRunOptions()


def run_counted(
    network: QuantisedNetwork,
    cores: Sequence[Sequence[Shard]],
    q: Mapping[str, Array],
    timesteps: int,
    recording: Recording,
    options: ShardRunOptions = _DEFAULTS,
    progress: StageProgress | None = None,
) -> ShardRun:
    """Run the integer network under any partition, one Lava process per core, and count what every shard does.

    Parameters
    ----------
    network : QuantisedNetwork
    cores : sequence of sequences of Shard
        The shards of each core. Together the shards tile every population except the inputs, which the source sends. A core may hold
        shards of several populations.
    q : input name -> uint8 array (N, H, W, C), or spikes (N, T, H, W, C)
    timesteps : int
    recording : Recording
    options : ShardRunOptions
    progress : callable (steps done, steps in all), optional
        Called in this thread; an exception from it ends the run.

    Raises
    ------
    InvalidInput
        If `q`, the shards or the replay do not fit the network.
    RangeError, LavaError, MissingDependency
        As for `lava`.
    """
    _check_inputs(network, q, timesteps)
    check_installed()
    plan = lava_plan(network, cores, q, timesteps, recording, options.replay)
    plan = replace(plan, in_one_process=options.runtime == ONE_PROCESS)
    _check_resources(plan)
    layout, shared = plan_layout(plan), dict[str, Array]()
    try:
        memory = allocate(layout.size)
    except OSError as error:
        raise LavaError(f"no memory for the results ({layout.size / 2**20:.0f} MiB): {error}; run fewer samples at a time") from error
    try:
        shared.update(layout.open(memory))
        step_s = Limits().step_s + plan.macs / _SLOWEST_MACS_PER_S if options.step_limit_s is None else options.step_limit_s
        supervise(plan, layout, memory, shared, Limits(idle_s=options.idle_limit_s, step_s=step_s), progress)
        _refuse_overflow(network, cores, shared["overflows"])
        activity = {name: _activity(name, shared) for name in plan.populations}
        inputs = {p.name: input_activity(q[p.name], timesteps, recording, p.name) for p in network.inputs}
        ordered = {p.name: {**inputs, **activity}[p.name] for p in network.populations if p.name in inputs or p.name in activity}
        return ShardRun(ordered, shared["counters"].copy(), plan.processes)
    finally:
        shared.clear()  # unmaps the memory even if an exception's traceback outlives this call
        os.close(memory)


def _check_inputs(network: QuantisedNetwork, q: Mapping[str, Array], timesteps: int) -> None:
    samples = {len(x) for x in q.values()}
    for p in network.inputs:
        x = q.get(p.name, np.zeros(0))
        if (
            x.dtype != p.payload.dtype
            or x.shape[1:] not in (p.shape, (timesteps, *p.shape))
            or not len(x)
            or len(samples) > 1
            or timesteps < 1
        ):
            raise InvalidInput(
                f"the input {p.name!r} is {x.dtype} {x.shape} for {timesteps} steps; it must be {np.dtype(p.payload.dtype)} (N, "
                f"{', '.join(map(str, p.shape))}), "
                "or spikes (N, T, ...) of as many steps, with the same N for every input"
            )


def _refuse_overflow(network: QuantisedNetwork, cores: Sequence[Sequence[Shard]], rows: Int) -> None:
    """Raise the error that `golden` raises, if a shard saw a sum beyond the potential's range."""
    order = {p.name: number for number, p in enumerate(network.populations)}
    found = []
    for shard, (happened, image, step, neuron, value) in zip((shard for core in cores for shard in core), rows.tolist(), strict=True):
        if happened:
            within = np.unravel_index(neuron, shard.shape)
            where = tuple(low + int(at) for (low, _), at in zip((shard.y, shard.x, shard.c), within, strict=True))
            found.append((order[shard.population], image, step, where, value))
    if found:
        number, _, _, where, value = min(found)
        raise overflow(network.populations[number].name, where, value, network.format.potential_max)


def _activity(name: str, shared: Mapping[str, Array]) -> Activity:
    """Copy a population's results out of the shared memory."""
    raster, over_time, sent = (shared.get(f"{name}/{what}") for what in ("raster", "over_time", "sent"))
    low, high = (int(n) for n in shared[f"{name}/clips"])
    return Activity(
        shared[f"{name}/counts"].astype(np.int64),
        shared[f"{name}/potential"].astype(np.int64),
        None if raster is None else raster.copy(),
        None if over_time is None else over_time.astype(np.int64),
        low,
        high,
        None if sent is None else sent.astype(np.int64),
    )


def _check_resources(plan: LavaPlan) -> None:
    """Check that there are enough shared memory and open files for the run.

    Raises
    ------
    LavaError
        If there are too few; the message says what the run needs and what there is.
    """
    import resource  # Unix only, as is the back end; its import is not

    folder = Path("/dev/shm")
    if folder.is_dir():
        free = os.statvfs(folder).f_bavail * os.statvfs(folder).f_frsize
        if plan.channel_bytes > free:
            raise LavaError(
                f"Lava's channels need {plan.channel_bytes / 2**20:.1f} MiB of shared memory; {folder} has {free / 2**20:.1f} MiB free; "
                "free some of it, or deploy to fewer processes"
            )
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard != resource.RLIM_INFINITY and hard < plan.open_files:
        raise LavaError(
            f"{plan.processes} Lava processes need about {plan.open_files} open files; the hard limit is {hard} (ulimit -Hn); "
            "raise it, or deploy to fewer processes"
        )
