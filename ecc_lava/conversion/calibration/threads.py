"""Threads that stay between the calls of compiled functions."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import cache, partial
from itertools import pairwise

from ecc_lava.common import usable_cores

__all__ = ["in_parts"]

_WORTH_A_THREAD = 1 << 16
"""Additions. To hand a part to a thread takes about as long."""


@cache
def _pool(process: int) -> ThreadPoolExecutor:
    """Return threads of a process, which stay: a calibration calls them thousands of times, and most calls are shorter than a start.

    A fork has another number and none of the threads.
    """
    return ThreadPoolExecutor(usable_cores(), thread_name_prefix="calibration")


def _side_by_side(jobs: Sequence[Callable[[], object]]) -> None:
    """Call functions that release Python's lock, on all cores."""
    if len(jobs) == 1:
        jobs[0]()
        return
    pool = _pool(os.getpid())
    for job in [pool.submit(job) for job in jobs]:
        job.result()


def in_parts(number: int, additions: int, run: Callable[[int, int], object]) -> None:
    """Call ``run(first, end)`` for parts of `number` items, a part in every thread that `additions` keep busy."""
    parts = max(1, min(usable_cores(), number, additions // _WORTH_A_THREAD))
    edges = [number * i // parts for i in range(parts + 1)]
    _side_by_side([partial(run, first, end) for first, end in pairwise(edges)])
