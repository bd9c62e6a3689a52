"""Workers that the tests start, and functions that run on them."""

from __future__ import annotations

import contextlib
import importlib.util
import os
import signal
import threading
import time
from typing import Any

import numpy as np
import pytest

__all__ = ["Killer", "kill_worker", "needs_dask", "sum_or_fail"]


needs_dask = pytest.mark.skipif(importlib.util.find_spec("distributed") is None, reason="dask.distributed is not installed")


def sum_or_fail(shared: int, item: int) -> int:
    if item < 0:
        raise ValueError(f"item {item}")
    return shared + item


def kill_worker(client: Any, number: int) -> bool:
    """Kill one of the workers that have begun, as a machine that fails does; return whether there was one."""
    begun = set(client.scheduler_info(n_workers=-1)["workers"])
    pids = [nanny.pid for nanny in client.cluster.workers.values() if nanny.pid and nanny.worker_address in begun]
    if not pids:
        return False
    with contextlib.suppress(ProcessLookupError):
        os.kill(pids[number % len(pids)], signal.SIGKILL)
    return True


class Killer(threading.Thread):
    """Kills workers at seeded moments until so many are dead."""

    def __init__(self, client: Any, kills: int, seed: int, longest: float) -> None:
        super().__init__(daemon=True)
        self._client, self._left, self._longest = client, kills, longest
        self._rng = np.random.default_rng(seed)

    def run(self) -> None:
        while self._left:
            time.sleep(self._rng.uniform(0, self._longest))
            self._left -= kill_worker(self._client, int(self._rng.integers(100)))
