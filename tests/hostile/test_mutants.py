"""A small attack on every reader, and attacks on the attack: what is a fault must be told as one."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from ecc_lava.errors import FileError
from tests.hostile import attack as attacks
from tests.hostile.attack import Reader, attack

EACH = 10


def test_mutants_are_refused_or_loaded_whole() -> None:
    command = [sys.executable, "-m", "tests.hostile", "mutants", "--each", str(EACH), "--seed", "1"]
    done = subprocess.run(command, capture_output=True, text=True, cwd=Path(__file__).parents[2])
    assert done.returncode == 0, done.stdout + done.stderr
    assert len(done.stdout.splitlines()) == 10


def _raises(error: BaseException) -> Callable[[Path], None]:
    def read(path: Path) -> None:
        raise error

    return read


READS: dict[str, tuple[Callable[[Path], None], str]] = {
    "an error of ours": (_raises(FileError("no")), "refused"),
    "no message": (_raises(FileError("")), "fault"),
    "another error": (_raises(KeyError("x")), "fault"),
    "an exit": (_raises(SystemExit(0)), "fault"),
    "nothing": (lambda path: None, "loaded"),
    "a crash": (lambda path: os.kill(os.getpid(), signal.SIGSEGV), "fault"),
}


def test_what_takes_too_long_is_a_fault(monkeypatch: pytest.MonkeyPatch) -> None:
    def read(path: Path) -> None:
        while True:
            time.sleep(0.01 if waits else 0.0)

    for waits in (False, True):
        monkeypatch.setattr(attacks, "WAIT_MAX" if waits else "SECONDS_MAX", 0.1)
        outcome = attack(Reader("any", ".x", lambda: lambda rng: b"", read), 1)
        assert len(outcome.faults) == 1 and "took more than" in outcome.faults[0]


@pytest.mark.parametrize("name", READS)
def test_a_fault_is_told(name: str) -> None:
    read, expected = READS[name]
    outcome = attack(Reader("any", ".x", lambda: lambda rng: rng.randbytes(8), read), 2)
    counts = {"refused": outcome.refused, "loaded": outcome.loaded, "fault": len(outcome.faults)}
    assert counts.pop(expected) == 2
    assert not any(counts.values())
