"""Planted faults of a run of the Lava back end."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import Any

import numpy as np
import psutil
import pytest

from ecc_lava.backends.activity import Recording
from ecc_lava.backends.lava import run as backend
from ecc_lava.backends.lava.cores.arithmetic import CoreArithmetic
from ecc_lava.backends.lava.cores.clock import Clock
from ecc_lava.backends.lava.cores.plan import CorePlan, LavaPlan
from ecc_lava.backends.lava.cores.planning import lava_plan
from ecc_lava.backends.lava.run import ShardRunOptions, run_counted
from ecc_lava.common.arrays import Array
from ecc_lava.common.progress import StageProgress
from tests.helpers.networks import random_images, random_network
from tests.helpers.partitions import whole_cores
from tests.helpers.processes import HOST, command_of

HURRY = "ECC_LAVA_TEST_HURRY"
"""Of the environment of a run: the path of a file, which is there once the fault has happened."""


class SlowArithmetic(CoreArithmetic):
    """Takes its time, so that there is time for a fault, also on a busy machine; not after it."""

    def step(self, step: int) -> Array:
        if not Path(os.environ.get(HURRY, "")).is_file():
            time.sleep(0.05)
        return super().step(step)


class FailingArithmetic(CoreArithmetic):
    def step(self, step: int) -> Array:
        if step == 3:
            raise ZeroDivisionError("planted")
        return super().step(step)


class UnportableError(Exception):
    """Cannot be pickled back: its constructor wants more than a message."""

    def __init__(self, code: int, where: str) -> None:
        super().__init__(f"{code} at {where}")


class UnportableArithmetic(CoreArithmetic):
    def step(self, step: int) -> Array:
        raise UnportableError(7, "here")


class UnbuildableArithmetic(CoreArithmetic):
    def __init__(self, *arguments: Any) -> None:
        raise KeyError("planted in the constructor")


class WaitingArithmetic(CoreArithmetic):
    def step(self, step: int) -> Array:
        threading.Event().wait()
        raise AssertionError


class NeverBuiltArithmetic(CoreArithmetic):
    def __init__(self, *arguments: Any) -> None:
        threading.Event().wait()


class BusyArithmetic(CoreArithmetic):
    def step(self, step: int) -> Array:
        while True:
            pass


class ExitingArithmetic(CoreArithmetic):
    def step(self, step: int) -> Array:
        os._exit(3)


class LyingArithmetic(CoreArithmetic):
    """Says of its first neuron, in step 4, that it did what it did not."""

    def step(self, step: int) -> Array:
        spikes = super().step(step)
        if step == 3:
            spikes[0] ^= 1
        return spikes


class MiscountingArithmetic(CoreArithmetic):
    """Counts a synaptic operation too many."""

    def step(self, step: int) -> Array:
        spikes = super().step(step)
        if step == 3:
            self.counters[0, 2] += 1
        return spikes


@dataclass(frozen=True, eq=False)
class PlantedCore(CorePlan):
    """A core whose arithmetic is another."""

    arithmetic: type[CoreArithmetic] = CoreArithmetic

    def build(self, node: int, clock: Clock, limit: int, dtype: type[np.generic]) -> CoreArithmetic:
        return self.arithmetic(self.shards, node, clock, limit, dtype)


def plant(monkeypatch: pytest.MonkeyPatch, arithmetic: type[CoreArithmetic], core: int = 1) -> None:
    """Have the next runs use `arithmetic` on one of their cores."""

    def planted(*arguments: Any) -> LavaPlan:
        plan = lava_plan(*arguments)
        own = plan.cores[core]
        faulty = PlantedCore(**{field.name: getattr(own, field.name) for field in fields(own)}, arithmetic=arithmetic)
        return replace(plan, cores=(*plan.cores[:core], faulty, *plan.cores[core + 1 :]))

    monkeypatch.setattr(backend, "lava_plan", planted)


def run(samples: int = 40, progress: StageProgress | None = None, **options: Any) -> None:
    network = random_network(1)
    run_counted(network, whole_cores(network), random_images(network, samples), 6, Recording(), ShardRunOptions(**options), progress)


def host() -> psutil.Process:
    """Return the process that hosts the run."""
    (found,) = (child for child in psutil.Process().children() if HOST in " ".join(command_of(child)))
    return found


class Fault:
    """A progress callback that does something to one of the run's processes, once, and remembers when."""

    def __init__(self, act: Callable[[psutil.Process], None], choose: Callable[[psutil.Process], psutil.Process]) -> None:
        self._act, self._choose = act, choose
        self.victim: psutil.Process | None = None
        self.at = 0.0

    def __call__(self, done: int, total: int) -> None:
        if self.victim is None and done > 2:
            self.victim = self._choose(host())
            self.at = time.monotonic()
            self._act(self.victim)
            if HURRY in os.environ:
                Path(os.environ[HURRY]).touch()


def child(index: int) -> Callable[[psutil.Process], psutil.Process]:
    """Choose a child of the host in the order they were started: tracker, manager, source, cores and sink in any order, runtime service."""
    ids = int(Path("/proc/sys/kernel/pid_max").read_text())  # where process ids begin again
    return lambda host: sorted(host.children(), key=lambda process: (process.pid - host.pid) % ids)[index]
