"""Runs of the fast back end by the clock: contenders take turns, and each figure is a median."""

from __future__ import annotations

import statistics
import sys
import time
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from unittest.mock import patch
from weakref import WeakKeyDictionary

import numpy as np

sys.path.insert(0, str(Path(__file__).parents[2]))

from ecc_lava.backends.activity import ActivityOf, Recording
from ecc_lava.backends.fast import run as fast_module
from ecc_lava.backends.fast.batch import PreparedNetwork
from ecc_lava.backends.fast.jobs import Kernels
from ecc_lava.backends.fast.run import fast
from ecc_lava.common.arrays import Array
from ecc_lava.geometry import fan_out
from ecc_lava.networks import QuantisedNetwork
from ecc_lava.networks.wiring import Kind

PLAIN = Recording(potentials=frozenset())
"""What `simulate` asks for by default."""

RUNNERS: dict[Kernels, WeakKeyDictionary[QuantisedNetwork, PreparedNetwork]] = {}
"""Networks prepared for other kernels than the machine's."""


def first_of(q: dict[str, Array], number: int) -> dict[str, Array]:
    return {name: x[:number] for name, x in q.items()}


SETTLED_S = 0.3
"""Seconds after which threads of the contender before no longer spin; OpenMP's wait up to 0.2 for more work."""


def medians(contenders: dict[str, Callable[[], float]], repeats: int) -> dict[str, float]:
    """Return the median of each, which take turns; each runs once before."""
    for run in contenders.values():
        run()
    times: dict[str, list[float]] = {name: [] for name in contenders}
    for _ in range(repeats):
        for name, run in contenders.items():
            time.sleep(SETTLED_S)
            times[name].append(run())
    return {name: statistics.median(values) for name, values in times.items()}


def using_kernels(threads: int | None = None, kernels: Kernels | None = None) -> ExitStack:
    """Return a context in which the fast back end runs with other kernels, prepared apart, or another number of threads."""
    stack = ExitStack()
    if threads:
        stack.enter_context(patch.object(fast_module, "free_cores", lambda: threads))
    if kernels:
        stack.enter_context(patch.object(fast_module, "kernels", lambda: kernels))
        stack.enter_context(patch.object(fast_module, "_runners", RUNNERS.setdefault(kernels, WeakKeyDictionary())))
    return stack


def ms_of_fast(network: QuantisedNetwork, q: dict[str, Array], timesteps: int, using: ExitStack) -> float:
    """Return the milliseconds of an image and step."""
    samples = len(next(iter(q.values())))
    with using:
        start = time.perf_counter()
        fast(network, q, timesteps, PLAIN)
        return (time.perf_counter() - start) * 1e3 / samples / timesteps


def synops_into(network: QuantisedNetwork, done: ActivityOf) -> dict[str, int]:
    """Count spikes times synapses into every population."""
    result: dict[str, int] = {}
    for p in network.projections:
        source = network.by_name[p.source]
        if source.kind is not Kind.INPUT:
            passed = done[p.source].counts.astype(np.int64) * fan_out(p.geometry, source.shape)
            result[p.target] = result.get(p.target, 0) + int(passed.sum())
    return result
