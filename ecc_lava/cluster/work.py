"""What runs on a worker for one shard, and how long all workers took."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from ecc_lava.cluster.held import held
from ecc_lava.cluster.versions import difference, versions
from ecc_lava.common import one_core

__all__ = ["Done", "Missing", "OtherVersion", "WorkReport", "WorkerShare", "work"]


@dataclass(frozen=True)
class Done:
    """A shard's result, the worker that made it, and its seconds."""

    result: Any
    worker: str
    seconds: float


@dataclass(frozen=True)
class Missing:
    """Says that a worker lacks what the shards share."""

    worker: str


@dataclass(frozen=True)
class OtherVersion:
    """Says that a worker, which may have come after the check, differs from the client."""

    worker: str
    why: str


def work(function: Callable[[Any, Any], Any], digest: str, client_versions: Mapping[str, str], item: Any) -> Done | Missing | OtherVersion:
    """Return what one shard gives: ``function(shared, item)`` on one core."""
    from distributed import get_worker

    here = str(get_worker().address)
    why = difference(versions(), client_versions)
    if why:
        return OtherVersion(here, why)
    shared = held(digest)
    if shared is None:
        return Missing(here)
    began = time.perf_counter()
    with one_core():
        result = function(shared, item)
    return Done(result, here, time.perf_counter() - began)


@dataclass(frozen=True)
class WorkerShare:
    """What one worker has done.

    Attributes
    ----------
    worker : str
    done : int
        Images, or trials.
    seconds : float
        Of work, without waiting and sending.
    """

    worker: str
    done: int
    seconds: float

    @property
    def rate(self) -> float:
        """Images or trials a second of work."""
        return self.done / self.seconds if self.seconds else 0.0


@dataclass
class WorkReport:
    """What all workers have done so far.

    Attributes
    ----------
    shares : worker -> WorkerShare
    lost : int
        Shards that ran again because a worker or the scheduler ended.
    """

    shares: dict[str, WorkerShare] = field(default_factory=dict)
    lost: int = 0

    def add(self, done: Done, weight: int) -> None:
        """Count a shard."""
        before = self.shares.get(done.worker, WorkerShare(done.worker, 0, 0.0))
        self.shares[done.worker] = WorkerShare(done.worker, before.done + weight, before.seconds + done.seconds)

    @property
    def slowest(self) -> WorkerShare | None:
        """The worker of the lowest rate."""
        return min(self.shares.values(), key=lambda share: share.rate, default=None)

    def as_dict(self) -> dict[str, Any]:
        """Return JSON values."""
        slow = self.slowest
        return {
            "workers": len(self.shares),
            "shards_run_again": self.lost,
            "slowest": None if slow is None else {"worker": slow.worker, "per_second": round(slow.rate, 3)},
        }
