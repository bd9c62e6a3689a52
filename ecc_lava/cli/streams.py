"""The standard streams, which the caller may have closed or which may be full."""

from __future__ import annotations

import os
import sys

__all__ = ["open_all", "silence"]


def open_all() -> None:
    """Open every standard stream that is closed, or a file of ours would take its number and everything that is printed.

    Raises
    ------
    SystemExit
        If nobody could read the results: with one message, and the exit code of bad input.
    """
    closed = [number for number in range(3) if not _is_open(number)]
    for _ in closed:
        os.open(os.devnull, os.O_RDWR)  # takes the lowest number that is free
    if 2 in closed:
        sys.stderr = os.fdopen(2, "w", closefd=False)
    if 1 in closed:
        sys.stderr.write("ecc-lava: standard output is closed; send it to a file, or to /dev/null\n")
        raise SystemExit(2)


def silence(number: int) -> None:
    """Send what a stream still holds, and all that follows, to nowhere."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, number)
    os.close(nowhere)


def _is_open(number: int) -> bool:
    try:
        os.fstat(number)
    except OSError:
        return False
    return True
