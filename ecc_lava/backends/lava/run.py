"""The Lava back end: an integer network as processes of Intel's Lava, one per core, equal to `golden` bit for bit.

Lava runs in a process of its own (`host`); importing this module imports neither Lava nor anything else beyond numpy.
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
from ecc_lava.common import Array, Int, StageProgress
from ecc_lava.errors import InvalidInput, LavaError
from ecc_lava.networks import Kind, QuantisedNetwork, Shard, whole

__all__ = ["LAVA", "ONE_PROCESS", "RUNTIMES", "ShardRun", "lava", "run_counted"]

LAVA: Final = "lava"
"""Lava's own runtime: a process of the operating system for every core, and for the source and the sink."""
ONE_PROCESS: Final = "one-process"
"""The same process models in one process, without Lava's runtime."""
RUNTIMES: Final = (LAVA, ONE_PROCESS)

_SLOWEST_MACS_PER_S = 5e7
"""Multiplications a second that every processor reaches; a current one does a billion."""


def lava(network: QuantisedNetwork, q: Mapping[str, Array], timesteps: int, recording: Recording) -> dict[str, Activity]:
    """Run the integer network on Lava, one core per population.

    Parameters
    ----------
    network : QuantisedNetwork
    q : input name -> uint8 array (N, H, W, C), or spikes (N, T, H, W, C)
        What the inputs send.
    timesteps : int
    recording : Recording

    Raises
    ------
    LavaError
        If the run failed, stalled or lost a process; nothing of it is left then.
    MissingDependency
        If Lava is not installed.
    """
    cores = [[whole(p.name, p.shape)] for p in network.populations if p.kind is not Kind.INPUT]
    return run_counted(network, cores, q, timesteps, recording).activity


@dataclass(frozen=True, eq=False)
class ShardRun:
    """What a run of shards did.

    Attributes
    ----------
    activity : population -> Activity
        Of a replay only of what has shards on the cores; elsewhere 0.
    counters : int64 array (shards, `counters.COUNTERS`)
        In the order of the cores, and on each of its shards; all samples together.
    processes : int
        Processes that ran process models.
    """

    activity: dict[str, Activity]
    counters: Int
    processes: int


def run_counted(
    network: QuantisedNetwork,
    cores: Sequence[Sequence[Shard]],
    q: Mapping[str, Array],
    timesteps: int,
    recording: Recording,
    *,
    runtime: str = LAVA,
    replay: Mapping[str, Array] | None = None,
    progress: StageProgress | None = None,
    idle_limit_s: float = Limits().idle_s,
    step_limit_s: float | None = None,
) -> ShardRun:
    """Run the integer network with any partition, one Lava process per core, and count what every shard does.

    Parameters
    ----------
    network : QuantisedNetwork
    cores : sequence of sequences of Shard
        The shards of each core. Together they tile every population but the inputs, which the source sends; a core may hold several shards,
        also of different populations.
    q : input name -> uint8 array (N, H, W, C), or spikes (N, T, H, W, C)
    timesteps : int
    recording : Recording
    runtime : {"lava", "one-process"}
    replay : population -> uint8 spikes (N, T, H, W, C), optional
        Run these cores alone: the source sends them what the populations that they hear have fired before.
    progress : callable (steps done, steps in all), optional
        Called in this thread. An exception that it raises ends the run.
    idle_limit_s : float
        A run is given up when for so long no step completes and no process uses or awaits the processor.
    step_limit_s : float, optional
        A run is given up when a process takes so much processor time for one step; by default 3 s, and what the arithmetic of the largest
        core takes at the slowest conceivable rate.

    Raises
    ------
    InvalidInput
        If `q`, the shards or the replay do not belong to the network.
    LavaError, MissingDependency
        As for `lava`.
    """
    _check_inputs(network, q, timesteps)
    check_installed()
    plan = replace(lava_plan(network, cores, q, timesteps, recording, replay), in_one_process=runtime == ONE_PROCESS)
    _check_resources(plan)
    layout, shared = plan_layout(plan), dict[str, Array]()
    try:
        memory = allocate(layout.size)
    except OSError as error:
        raise LavaError(f"no memory for the results ({layout.size / 2**20:.0f} MiB): {error}; run fewer samples at a time") from error
    try:
        shared.update(layout.open(memory))
        step_s = Limits().step_s + plan.macs / _SLOWEST_MACS_PER_S if step_limit_s is None else step_limit_s
        supervise(plan, layout, memory, shared, Limits(idle_s=idle_limit_s, step_s=step_s), progress)
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
        if x.dtype != np.uint8 or x.shape[1:] not in (p.shape, (timesteps, *p.shape)) or not len(x) or len(samples) > 1 or timesteps < 1:
            raise InvalidInput(
                f"the input {p.name!r} is {x.dtype} {x.shape} for {timesteps} steps; it must be uint8 (N, {', '.join(map(str, p.shape))}), "
                "or spikes (N, T, ...) of as many steps, with the same N for every input"
            )


def _activity(name: str, shared: Mapping[str, Array]) -> Activity:
    """Copy a population's results out of the shared memory."""
    raster, over_time = shared.get(f"{name}/raster"), shared.get(f"{name}/over_time")
    low, high = (int(n) for n in shared[f"{name}/clips"])
    return Activity(
        shared[f"{name}/counts"].astype(np.int64),
        shared[f"{name}/potential"].astype(np.int64),
        None if raster is None else raster.copy(),
        None if over_time is None else over_time.astype(np.int64),
        low,
        high,
    )


def _check_resources(plan: LavaPlan) -> None:
    """Check shared memory and open files against what the run will take.

    Raises
    ------
    LavaError
        Saying what is needed and what there is.
    """
    import resource  # Unix only, as is the back end; its import is not

    folder = Path("/dev/shm")
    if folder.is_dir():
        free = os.statvfs(folder).f_bavail * os.statvfs(folder).f_frsize
        if plan.channel_bytes > free:
            raise LavaError(
                f"Lava's channels need {plan.channel_bytes / 2**20:.1f} MiB of shared memory; {folder} has {free / 2**20:.1f} MiB free"
            )
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard != resource.RLIM_INFINITY and hard < plan.open_files:
        raise LavaError(f"{plan.processes} Lava processes need about {plan.open_files} open files; the hard limit is {hard} (ulimit -Hn)")
