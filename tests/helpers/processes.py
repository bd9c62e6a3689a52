"""Processes of this machine, any of which may end while it is looked at, and what a run of the Lava back end must not leave behind."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psutil
import pytest

from ecc_lava.backends.lava.host import supervisor as lava_supervisor

__all__ = ["HOST", "alive", "command_of", "leaving_nothing", "leftovers", "seconds", "segments"]

HOST = "ecc_lava.backends.lava.host.host"
"""What the command line of a process that hosts Lava, and of its forks, names."""


SLOWER = 4.0
"""How many times slower than the machine on which limits of time were set another may be."""


def seconds(idle: float) -> float:
    """Return the seconds to allow for what takes `idle` at most on an idle machine.

    Another machine may be slower. A busy one shares its processors, and the processes of a run join those that wait: more times as many
    as there are others for each processor.
    """
    workers = int(os.environ.get("PYTEST_XDIST_WORKER_COUNT", "1"))
    others = max(workers - 1.0, os.getloadavg()[0] / (os.cpu_count() or 1))
    return idle * SLOWER * (1 + others)


def segments(process: psutil.Process) -> set[Path]:
    """Return the shared-memory segments that a process has mapped."""
    return {Path(mapped.path) for mapped in process.memory_maps() if mapped.path.startswith("/dev/shm/psm_")}


def command_of(process: psutil.Process) -> list[str]:
    """Return the command line of a process; nothing of one that has ended, as any may while it is looked at."""
    try:
        return list(process.cmdline())
    except psutil.Error:
        return []


def alive(process: psutil.Process) -> bool:
    """Whether a process has not ended, even if nobody has taken note of its end."""
    try:
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def own_hosts() -> set[psutil.Process]:
    """Return the processes of every run of this one, orphans too: the caller's id is the last argument of the host and of its forks."""
    found = ((process, command_of(process)) for process in psutil.process_iter())
    return {process for process, words in found if HOST in " ".join(words) and words[-1] == str(os.getpid()) and alive(process)}


def leftovers() -> set[Any]:
    """Return what a run could leave: child processes, processes of runs, open files and threads."""
    descriptors = Path("/proc/self/fd").iterdir()
    return {*psutil.Process().children(recursive=True), *own_hosts(), *descriptors, *threading.enumerate()}


@contextmanager
def leaving_nothing(monkeypatch: pytest.MonkeyPatch, *, host_is_victim: bool = False) -> Iterator[None]:
    """Check that runs leave no process, segment, descriptor or thread; and that the host, unless the victim, ended them."""
    made: list[str] = []
    end = lava_supervisor._end

    def ending(host: Any, ours: Any, names: list[str]) -> None:
        end(host, ours, names)
        made.extend(names)
        assert host_is_victim or host.returncode in (0, 1)

    monkeypatch.setattr(lava_supervisor, "_end", ending)
    before = leftovers()
    yield
    left = leftovers() - before
    assert not left, left
    assert not [name for name in made if Path("/dev/shm", name).exists()]
