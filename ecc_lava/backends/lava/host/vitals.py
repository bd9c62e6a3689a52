"""Signs of life of processes: their state in the operating system, and a patience that a busy machine does not fool."""

from __future__ import annotations

import os
import signal
import time
from pathlib import Path
from typing import NamedTuple

__all__ = ["LOOK_S", "POLL_S", "TICKS_PER_S", "Limits", "Patience", "Vitals", "ended_by", "group_alive", "vitals"]

POLL_S = 0.02
"""Seconds between two looks that cost nothing."""

LOOK_S = 0.1
"""Seconds between two looks at all processes, which read files: 200 processes take some milliseconds."""

_LONGEST_POLL_S = 0.2
"""Seconds that one look adds at most to a patience, because an observer that did not run has observed nothing."""


class Limits(NamedTuple):
    """Time limits of a run; a run beyond one of them ends with an error.

    Attributes
    ----------
    idle_s : float
        Seconds without a completed step in which no process of the run uses the processor or is ready to.
    step_s : float
        Seconds of processor time of one process in one step. The arithmetic is finite, so a process that takes longer hangs.
    stopped_s : float
        Seconds that one process stays stopped (SIGSTOP, a debugger).
    """

    idle_s: float = 3.0
    step_s: float = 3.0
    stopped_s: float = 1.0


TICKS_PER_S = os.sysconf("SC_CLK_TCK") if hasattr(os, "sysconf") else 100
"""Unit of `Vitals.ticks`."""


class Vitals(NamedTuple):
    """State of a process or thread.

    Attributes
    ----------
    state : str
        R running, S asleep, D waiting for a device, T or t stopped, Z or X dead.
    ticks : int
        Processor time used so far.
    """

    state: str
    ticks: int

    @property
    def stopped(self) -> bool:
        """Whether the process is stopped."""
        return self.state in "Tt"

    @property
    def resting(self) -> bool:
        """Whether the process waits for something that only another process can do."""
        return self.state in "STtZX"


def _fields(stat: Path) -> list[str]:
    """Return the fields after the name, which may be any bytes, in a /proc stat file: state, parent, process group, ..."""
    return stat.read_bytes().rpartition(b")")[2].decode("ascii").split()


def vitals(pid: int, thread: int | None = None) -> Vitals | None:
    """Return the vitals of a process or of one of its threads; None after its end, or on a system without /proc."""
    folder = f"/proc/{pid}" if thread is None else f"/proc/{pid}/task/{thread}"
    try:
        fields = _fields(Path(folder, "stat"))
    except OSError:
        return None
    return Vitals(fields[0], int(fields[11]) + int(fields[12]))


def group_alive(group: int) -> bool:
    """Whether any process of a process group still runs; False on a system without /proc."""
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            fields = _fields(folder / "stat")
        except OSError:
            continue
        if fields[0] not in "ZX" and int(fields[2]) == group:
            return True
    return False


def ended_by(exit_code: int) -> str:
    """Say in words how a process ended. A negative exit code is the number of a signal."""
    if exit_code >= 0:
        return f"exited with code {exit_code}"
    try:
        return f"was killed by {signal.Signals(-exit_code).name}"
    except ValueError:
        return f"was killed by signal {-exit_code}"


class Patience:
    """Seconds for which a condition has held at every look without interruption."""

    def __init__(self) -> None:
        self._last = time.monotonic()
        self._held_s = 0.0

    def look(self, holds: bool) -> float:
        """Take a look, and return for how long the condition has held."""
        now = time.monotonic()
        self._held_s = self._held_s + min(now - self._last, _LONGEST_POLL_S) if holds else 0.0
        self._last = now
        return self._held_s
