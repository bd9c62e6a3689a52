"""Which process runs a trial, and whether it still does."""

from __future__ import annotations

import os
import socket
from pathlib import Path

__all__ = ["is_gone", "owner"]


def owner() -> str:
    """Return what tells this process from every other: machine, process and when it began."""
    return f"{_machine()} {os.getpid()} {_began(os.getpid())}"


def is_gone(name: str) -> bool | None:
    """Return whether a process has ended; None if that cannot be known here, as of another machine's."""
    machine, _, process = name.partition(" ")
    if machine != _machine():
        return None
    number, _, began = process.partition(" ")
    return not number.isdecimal() or not _is_alive(int(number)) or _began(int(number)) != began


def _is_alive(process: int) -> bool:
    if os.name != "posix":  # elsewhere signal 0 would end it
        return True
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except OSError:  # it is another user's
        return True
    return True


def _machine() -> str:
    """Return the machine's name, and of a container the space that its process numbers are of."""
    space = Path("/proc/self/ns/pid")
    name = socket.gethostname().replace(" ", "_")
    return f"{name}/{space.readlink()}" if space.exists() else name


def _began(process: int) -> str:
    """Return when a process began, in its machine's clock ticks, so that a number given out again is another process."""
    try:
        state = Path(f"/proc/{process}/stat").read_text()
    except OSError:
        return ""
    return state.rpartition(")")[2].split()[19]  # field 22 of proc(5): starttime
