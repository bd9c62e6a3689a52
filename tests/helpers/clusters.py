"""Workers that the tests start, and functions that run on them."""

from __future__ import annotations

import contextlib
import importlib.util
import os
import signal
import time
from typing import Any

import pytest

__all__ = ["kill_worker", "needs_dask", "slowly_added", "sum_or_fail", "worker_pids"]


needs_dask = pytest.mark.skipif(importlib.util.find_spec("distributed") is None, reason="dask.distributed is not installed")


def sum_or_fail(shared: int, item: int) -> int:
    if item < 0:
        raise ValueError(f"item {item}")
    return shared + item


def slowly_added(shared: int, item: tuple[int, float]) -> int:
    time.sleep(item[1])
    return shared + item[0]


def worker_pids(client: Any) -> list[int]:
    return sorted(client.run(os.getpid, on_error="ignore").values())


def kill_worker(client: Any, index: int) -> None:
    """Kill one of the workers that live now, as a machine that fails does."""
    pids = worker_pids(client)
    if pids:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pids[index % len(pids)], signal.SIGKILL)
