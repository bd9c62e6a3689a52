"""Work on all cores, by threads that stay between calls."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from functools import cache, partial
from itertools import pairwise
from typing import TypeVar

from ecc_lava.common.cores import usable_cores

__all__ = ["free_cores", "in_parts", "on_all_cores", "one_core"]

_Item = TypeVar("_Item")
_Result = TypeVar("_Result")

_WORTH_A_THREAD = 1 << 16
"""Additions. To hand a part to a thread takes about as long."""

_own = threading.local()


def _begin() -> None:
    _own.is_worker = True


@cache
def _pool(process: int) -> ThreadPoolExecutor:
    """Return threads of a process, which stay: a calibration calls them thousands of times, and most calls are shorter than a start.

    A fork has another number and none of the threads.
    """
    return ThreadPoolExecutor(usable_cores(), thread_name_prefix="ecc_lava", initializer=_begin)


def on_all_cores(function: Callable[[_Item], _Result], items: Iterable[_Item]) -> list[_Result]:
    """Return ``[function(item) for item in items]`` of a function that releases Python's lock; a worker calls it one after the other."""
    given = list(items)
    if len(given) < 2 or getattr(_own, "is_worker", False):
        return [function(item) for item in given]
    pool = _pool(os.getpid())
    return [job.result() for job in [pool.submit(function, item) for item in given]]


@contextmanager
def one_core() -> Iterator[None]:
    """Have this thread do all of its work itself while the block runs, as other processes use the other cores."""
    before = getattr(_own, "is_worker", False)
    _own.is_worker = True
    try:
        yield
    finally:
        _own.is_worker = before


def free_cores() -> int:
    """Return how many cores a call may use: all, or the one of a worker of `on_all_cores` and of a block of `one_core`."""
    return 1 if getattr(_own, "is_worker", False) else usable_cores()


def in_parts(number: int, additions: int, run: Callable[[int, int], object]) -> None:
    """Call ``run(first, end)`` for parts of `number` items, a part in every thread that `additions` keep busy."""
    parts = max(1, min(usable_cores(), number, additions // _WORTH_A_THREAD))
    edges = [number * i // parts for i in range(parts + 1)]
    on_all_cores(lambda part: part(), [partial(run, first, end) for first, end in pairwise(edges)])
