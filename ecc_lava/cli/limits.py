"""Limits of the system that libraries do not survive: OpenBLAS interrupts the program that loads it where its threads cannot be started."""

from __future__ import annotations

import os
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager

__all__ = ["NO_THREADS", "check_threads", "loading"]

NO_THREADS = "no thread can be started; raise the limits of processes (ulimit -u) and memory (ulimit -v)"


def check_threads() -> None:
    """Check that as many threads can be started as the machine has processors.

    Raises
    ------
    SystemExit
        If not: with one message, and the exit code of bad input.
    """
    over = threading.Event()
    started = []
    try:
        for _ in range(os.cpu_count() or 1):
            thread = threading.Thread(target=over.wait, daemon=True)
            thread.start()
            started.append(thread)
    except (RuntimeError, MemoryError):
        sys.stderr.write(f"ecc-lava: {NO_THREADS}\n")
        raise SystemExit(2) from None
    finally:
        over.set()
        for thread in started:
            thread.join()


@contextmanager
def loading() -> Iterator[None]:
    """Make an error of a library that the system cannot load one message, and the exit code of bad input."""
    try:
        yield
    except (ImportError, MemoryError) as error:
        reason = " ".join(str(error).split())[:300] or "not enough memory"
        sys.stderr.write(f"ecc-lava: a library cannot be loaded: {reason}; raise the limit of memory (ulimit -v), or install again\n")
        raise SystemExit(2) from error
