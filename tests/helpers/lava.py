"""Tests that need Lava, scripts in a fresh interpreter, and the arithmetic of cores without Lava."""

from __future__ import annotations

import importlib.util
import os
import re
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from textwrap import dedent
from typing import TypeAlias

import numpy as np
import pytest

from ecc_lava.backends.activity import ActivityOf, input_activity
from ecc_lava.backends.lava import run as backend
from ecc_lava.backends.lava.cores.planning import lava_plan
from ecc_lava.backends.lava.cores.recorder import Recorder
from ecc_lava.backends.lava.host.memory import plan_layout
from ecc_lava.backends.stepwise import golden
from ecc_lava.common.arrays import Array
from ecc_lava.errors import RangeError
from ecc_lava.networks import QuantisedNetwork
from ecc_lava.networks.shard import Shard
from tests.helpers.compare import assert_same_activity, everything

__all__ = ["ROOT", "Cores", "in_one_process", "needs_lava", "on_lava", "same_as_golden", "script"]

needs_lava = pytest.mark.skipif(importlib.util.find_spec("lava") is None, reason="needs Lava")

Cores: TypeAlias = Sequence[Sequence[Shard]]
Run: TypeAlias = Callable[[QuantisedNetwork, Cores, dict[str, Array], int], ActivityOf]

ROOT = Path(__file__).parents[2]
"""Where a process of its own finds the packages and the tests."""


def script(body: str, *, timeout: float = 900.0) -> str:
    """Run a script in a fresh interpreter; return its standard output."""
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "TF_CPP_MIN_LOG_LEVEL": "3"}
    command = [sys.executable, "-c", dedent(body)]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=timeout, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


def in_one_process(network: QuantisedNetwork, cores: Cores, q: dict[str, Array], timesteps: int) -> ActivityOf:
    """Step the arithmetic of every core in this process, as Lava's runtime would: the same numbers without Lava."""
    plan = lava_plan(network, cores, q, timesteps, everything(network))
    shared: dict[str, Array] = {name: np.zeros(shape, dtype) for name, (_, shape, dtype) in plan_layout(plan).arrays.items()}
    arithmetics = [plan.arithmetic(node) for node in range(1, len(plan.cores) + 1)]
    recorders = [Recorder(core, plan.clock, shared) for core in plan.cores]
    for step in range(plan.clock.steps):
        messages = {0: plan.source_message(step)}
        for node, (arithmetic, recorder) in enumerate(zip(arithmetics, recorders, strict=True), 1):
            messages[node] = arithmetic.step(step)
            recorder.spikes(step, messages[node])
            report = arithmetic.report(step)
            assert (report is not None) == recorder.expects_report(step)
            if report is not None:
                recorder.report(step, report)
        for core, arithmetic in zip(plan.cores, arithmetics, strict=True):
            arithmetic.receive(step, {source: messages[source] for source in core.sources})
    shared["overflows"][...] = np.concatenate([arithmetic.overflows for arithmetic in arithmetics])
    backend._refuse_overflow(network, cores, shared["overflows"])
    results = {name: backend._activity(name, shared) for name in plan.populations}
    return {name: input_activity(x, timesteps, everything(network), name) for name, x in q.items()} | results


def on_lava(network: QuantisedNetwork, cores: Cores, q: dict[str, Array], timesteps: int) -> ActivityOf:
    """Run a partition on Lava's runtime."""
    return backend.run_counted(network, cores, q, timesteps, everything(network)).activity


def same_as_golden(
    network: QuantisedNetwork, cores: Cores, q: dict[str, Array], timesteps: int = 5, run: Run = in_one_process
) -> ActivityOf | None:
    """Assert that a partition equals `golden` in what it did or in the error; return what it did."""
    try:
        expected = golden(network, q, timesteps, everything(network))
    except RangeError as error:
        with pytest.raises(RangeError, match=f"^{re.escape(str(error))}$"):
            run(network, cores, q, timesteps)
        return None
    assert_same_activity(expected, run(network, cores, q, timesteps))
    return expected
