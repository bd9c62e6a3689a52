"""No fault of a Lava run hangs it or leaves anything behind: each becomes one error, soon."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from uuid import uuid4

import psutil
import pytest

from ecc_lava.backends.lava.cores.arithmetic import CoreArithmetic
from ecc_lava.backends.lava.host import supervisor
from ecc_lava.errors import LavaError
from tests.helpers.faults import (
    HURRY,
    BusyArithmetic,
    ExitingArithmetic,
    FailingArithmetic,
    Fault,
    NeverBuiltArithmetic,
    SlowArithmetic,
    UnbuildableArithmetic,
    UnportableArithmetic,
    WaitingArithmetic,
    child,
    plant,
    run,
)
from tests.helpers.lava import ROOT, needs_lava
from tests.helpers.processes import alive, command_of, leaving_nothing, leftovers, seconds, segments

pytestmark = needs_lava

FAULT_S = 5.0
"""Seconds within which a fault must have become an error and nothing be left, on an idle machine."""


@pytest.fixture
def nothing_left(capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest) -> Iterator[None]:
    with leaving_nothing(monkeypatch, host_is_victim="hosts" in request.node.name):
        yield
    assert capfd.readouterr() == ("", "")


VICTIMS = {
    r"Lava's shared-memory manager": child(1),
    r"(source|core \d \(\w+\)|sink)": child(2),
    r"Lava's runtime service": child(-1),
    r"the process that hosts Lava": lambda host: host,
}


@pytest.mark.usefixtures("nothing_left")
@pytest.mark.parametrize(
    ("name", "how"),
    [
        *((name, "killed") for name in VICTIMS),
        *(pytest.param(name, "stopped", marks=[] if name.endswith("hosts Lava") else [pytest.mark.slow]) for name in VICTIMS),
    ],
)
def test_a_lost_process_is_one_error(monkeypatch: pytest.MonkeyPatch, name: str, how: str) -> None:
    plant(monkeypatch, SlowArithmetic)
    fault = Fault(psutil.Process.kill if how == "killed" else psutil.Process.suspend, VICTIMS[name])
    with pytest.raises(LavaError, match=f"{name} .*{how}") as raised:
        run(progress=fault)
    assert time.monotonic() - fault.at < seconds(FAULT_S)
    assert fault.victim is not None and f"process {fault.victim.pid})" in str(raised.value)


@pytest.mark.usefixtures("nothing_left")
@pytest.mark.parametrize(
    ("arithmetic", "message"),
    [
        (
            FailingArithmetic,
            r"core 1 \(p1\) failed in step 4: ZeroDivisionError: planted\nTraceback(?s:.*)raise ZeroDivisionError\(\"planted\"\)",
        ),
        pytest.param(
            UnportableArithmetic, r"core 1 \(p1\).*(UnportableError|cannot be transported|exited with code 1)", marks=pytest.mark.slow
        ),
        (UnbuildableArithmetic, r"core 1 \(p1\) failed while it was built: KeyError: .planted in the constructor.\nTraceback"),
        (ExitingArithmetic, r"core 1 \(p1\) \(process \d+\) exited with code 3"),
        (WaitingArithmetic, r"no step completed for [1-9]\d*\.\d s .*stuck"),
        (NeverBuiltArithmetic, r"no step completed for [1-9]\d*\.\d s during the start.*stuck"),
    ],
)
def test_a_failing_core_is_one_error(monkeypatch: pytest.MonkeyPatch, arithmetic: type[CoreArithmetic], message: str) -> None:
    plant(monkeypatch, arithmetic)
    began = time.monotonic()
    with pytest.raises(LavaError, match=message) as raised:
        run(samples=2, idle_limit_s=1.0)
    assert raised.value.__cause__ is None
    assert time.monotonic() - began < seconds(FAULT_S)


@pytest.mark.usefixtures("nothing_left")
@pytest.mark.parametrize("limit_s", [pytest.param(None, marks=pytest.mark.slow), 1.0])
def test_a_process_that_computes_for_ever_is_one_error(monkeypatch: pytest.MonkeyPatch, limit_s: float | None) -> None:
    """By processor time, not by the clock: a step of a large layer may take longer than the idle limit."""
    plant(monkeypatch, BusyArithmetic)
    began = time.monotonic()
    with pytest.raises(LavaError, match=r"core 1 \(p1\) \(process \d+\) has computed for \d+\.\d s on step 1 .*step_limit_s"):
        run(samples=2, idle_limit_s=0.9, step_limit_s=limit_s)
    assert time.monotonic() - began < seconds((3.0 if limit_s else 5.0) + 2.0)  # 2 s to start


@pytest.mark.usefixtures("nothing_left")
def test_an_interrupt_ends_everything(monkeypatch: pytest.MonkeyPatch) -> None:
    plant(monkeypatch, SlowArithmetic)

    def interrupt(done: int, total: int) -> None:
        signal.raise_signal(signal.SIGINT)

    with pytest.raises(KeyboardInterrupt):
        run(progress=interrupt)


@pytest.mark.usefixtures("nothing_left")
def test_an_interrupt_during_the_start_ends_everything(monkeypatch: pytest.MonkeyPatch) -> None:
    plant(monkeypatch, SlowArithmetic)
    timer = threading.Timer(0.5, os.kill, (os.getpid(), signal.SIGINT))
    timer.start()
    with pytest.raises(KeyboardInterrupt):
        run()
    timer.join()


@pytest.mark.usefixtures("nothing_left")
def test_an_exception_of_the_callback_comes_through() -> None:
    def fail(done: int, total: int) -> None:
        raise ArithmeticError("mine")

    with pytest.raises(ArithmeticError, match="mine"):
        run(progress=fail)


def test_a_killed_caller_leaves_nothing() -> None:
    body = """
import pytest
from tests.helpers import faults
faults.plant(pytest.MonkeyPatch(), faults.SlowArithmetic)
faults.run(progress=lambda *_: print("going", flush=True))
"""
    caller = subprocess.Popen([sys.executable, "-c", body], env={**os.environ, "PYTHONPATH": str(ROOT)}, stdout=subprocess.PIPE, text=True)
    assert caller.stdout is not None
    caller.stdout.readline()
    family = psutil.Process(caller.pid).children(recursive=True)
    folder = Path(next(part for process in family for part in command_of(process) if part.endswith("/job"))).parent
    shared = set().union(*(segments(process) for process in family if alive(process)))
    assert len(family) > 5 and shared
    caller.kill()
    caller.communicate()
    deadline = time.monotonic() + seconds(FAULT_S)
    while time.monotonic() < deadline and (any(map(alive, family)) or any(path.exists() for path in (folder, *shared))):
        time.sleep(0.05)
    assert not [process for process in family if alive(process)]
    assert not [path for path in (folder, *shared) if path.exists()]


@pytest.mark.usefixtures("nothing_left")
@pytest.mark.parametrize("act", [psutil.Process.kill, pytest.param(psutil.Process.suspend, marks=pytest.mark.slow)])
def test_the_resource_tracker_is_not_needed(act: Callable[[psutil.Process], None], monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    plant(monkeypatch, SlowArithmetic)
    monkeypatch.setenv(HURRY, str(tmp_path / "hurry"))
    fault = Fault(act, child(0))
    run(progress=fault)
    assert fault.victim is not None


def test_a_segment_that_stays_is_removed_without_a_process_that_stays() -> None:
    segment = Path(f"/dev/shm/psm_{uuid4().hex}")
    segment.write_bytes(b"left")
    before = leftovers()
    for _ in range(2):
        supervisor._remove(segment.name)
    assert not segment.exists()
    assert leftovers() - before == set()
