"""Which process runs a trial, and whether it still does."""

from __future__ import annotations

import os
import socket
from pathlib import Path

__all__ = ["is_gone", "owner"]


def owner() -> str:
    """Return a name that no other process has: its machine, its number and the time it began."""
    return f"{_machine()} {os.getpid()} {_began(os.getpid())}"


def is_gone(name: str) -> bool | None:
    """Return whether a process has ended; None for a process of another machine, of which this machine knows nothing."""
    machine, _, process = name.partition(" ")
    if machine != _machine():
        return None
    number, _, began = process.partition(" ")
    return not number.isdecimal() or not _is_alive(int(number)) or _began(int(number)) != began


def _is_alive(process: int) -> bool:
    if os.name != "posix":  # on Windows, signal 0 would end the process
        return True
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except OSError:  # another user owns the process
        return True
    return True


def _machine() -> str:
    """Return the machine's name and, on Linux, its namespace of process numbers, which differs between containers."""
    space = Path("/proc/self/ns/pid")
    name = socket.gethostname().replace(" ", "_")
    return f"{name}/{space.readlink()}" if space.exists() else name


def _began(process: int) -> str:
    """Return when a process began, in clock ticks of its machine: the system gives a number again after its process ends."""
    try:
        state = Path(f"/proc/{process}/stat").read_bytes()  # in which the name may be any bytes
    except OSError:
        return ""
    return state.rpartition(b")")[2].split()[19].decode("ascii")  # field 22 of proc(5): starttime
