"""What a process that reads a model file may take: memory and computing time that grow with the bytes that the file holds.

Only a process that reads one file and ends sets these limits; they hold from then on, beyond what its packages took already.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Final, NamedTuple

__all__ = ["Allowance", "allowance", "confine"]

MEMORY_BYTES: Final = 384 * 2**20
"""Memory that reading any file may take."""

TIMES_HELD: Final = 6
"""Memory for each byte that a file holds: Keras's first random weights, the stored ones, and the graph's, partly in doubles."""

SECONDS: Final = 20
"""Computing time that reading any file may take."""

BYTES_A_SECOND: Final = 10 * 2**20
"""Bytes of weights that may take a second more."""

DESCRIBED_A_SECOND: Final = 2**16
"""Bytes of a model's description that may take a second more: about a hundred layers."""

GRACE_SECONDS: Final = 5
"""Computing time after which a process is killed that the first limit did not end."""


class Allowance(NamedTuple):
    """Memory in bytes, and computing time in seconds."""

    memory: int
    seconds: int


def allowance(held: int, described: int) -> Allowance:
    """Return what reading a file may take that holds and describes so many bytes."""
    return Allowance(MEMORY_BYTES + TIMES_HELD * held, SECONDS + held // BYTES_A_SECOND + described // DESCRIBED_A_SECOND)


def confine(allowed: Allowance) -> None:
    """Limit the rest of this process, where the system can: a call for more memory fails, and after the time the process is ended."""
    try:
        import resource
    except ImportError:  # Windows
        return
    spent = sum(os.times()[:2])
    until = int(spent) + allowed.seconds
    resource.setrlimit(resource.RLIMIT_CPU, (until, until + GRACE_SECONDS))  # SIGXCPU, which says why the process ended; then SIGKILL
    taken = _writable_memory()
    if taken is not None:
        resource.setrlimit(resource.RLIMIT_DATA, (taken + allowed.memory,) * 2)


def _writable_memory() -> int | None:
    """Return the bytes of this process that RLIMIT_DATA counts; None where the system does not tell."""
    try:
        lines = Path("/proc/self/status").read_text(errors="replace").splitlines()  # a name may be cut within a character
    except OSError:
        return None
    return next((int(line.split()[1]) * 1024 for line in lines if line.startswith("VmData:")), None)
