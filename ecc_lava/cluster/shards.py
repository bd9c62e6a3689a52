"""A function over shards on all workers, with results in the order of the shards, whatever worker runs which, when and how often.

A shard whose worker ends, or whose scheduler does, runs again; its result is taken once. Of several errors, the one of the first shard is
raised, as if one process had run all of them in order.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from queue import Empty, SimpleQueue
from typing import TYPE_CHECKING, Any, Final

from ecc_lava.cluster.held import hold, packed
from ecc_lava.cluster.versions import check_workers, versions
from ecc_lava.cluster.work import Done, Missing, OtherVersion, WorkReport, work
from ecc_lava.errors import ClusterError, EccLavaError

if TYPE_CHECKING:
    from distributed import Client, Future

__all__ = ["Shards", "map_shards", "shared_out"]

TRIES: Final = 4
"""How often a shard is handed in before it is taken for what ends its workers; each time the scheduler itself tries several workers."""

AHEAD: Final = 2
"""Shards handed in for each thread of the workers: one runs, one waits, so that few images wait in the cluster's memory."""

PATIENCE_SECONDS: Final = 120.0
"""Seconds without any worker, or without the scheduler, after which a run ends."""

LOOK_SECONDS: Final = 1.0
"""Seconds between two counts of the workers' threads."""

POLL_SECONDS: Final = 0.5
"""Seconds between two looks at the cluster while no shard ends."""


@dataclass(frozen=True)
class Shards:
    """Shards of a piece of work.

    Attributes
    ----------
    weights : sequence of int
        Images or trials of each shard, which progress counts.
    item : callable (index) -> object
        What the function takes of a shard, made when it is handed in.
    finished : callable (index, result)
        Called once for every shard, in the order in which they end.
    progress : callable (done, total, WorkReport)
    """

    weights: Sequence[int]
    item: Callable[[int], Any]
    finished: Callable[[int, Any], None] = lambda index, result: None
    progress: Callable[[int, int, WorkReport], None] = lambda done, total, report: None


def map_shards(client: Client, function: Callable[[Any, Any], Any], shared: Any, shards: Shards) -> tuple[list[Any], WorkReport]:
    """Return ``[function(shared, item) for item in items]`` and what each worker did.

    Parameters
    ----------
    client : distributed.Client
    function : callable (shared, item) -> result
        Stands at the top of a module of this package.
    shared : object
        What all shards take; every worker gets it once.
    shards : Shards

    Raises
    ------
    ClusterError
        If the scheduler or all workers are gone for long, a worker has another version, or a shard ends every worker that runs it.
    Exception
        What the function raised, of the first such shard.
    """
    run = _Run(client, function, *packed(shared), shards)
    try:
        return run.results(), run.report
    finally:  # also when interrupted
        run.cancel()


def shared_out(client: Client | None, function: Callable[[Any, Any], Any], shared: Any, shards: Shards) -> list[Any]:
    """Return what `map_shards` does; without a client, this process runs all shards in order, on all of its cores.

    Parameters
    ----------
    client : distributed.Client or None
    function : callable (shared, item) -> result
    shared : object
    shards : Shards

    Raises
    ------
    ClusterError
        As of `map_shards`.
    Exception
        What the function raised, of the first such shard.
    """
    if client is not None:
        return map_shards(client, function, shared, shards)[0]
    found, done, total, report = list[Any](), 0, sum(shards.weights), WorkReport()
    for index, weight in enumerate(shards.weights):
        found.append(function(shared, shards.item(index)))
        done += weight
        shards.finished(index, found[-1])
        shards.progress(done, total, report)
    return found


@dataclass
class _Run:
    """One call of `map_shards`."""

    client: Client
    function: Callable[[Any, Any], Any]
    digest: str
    content: bytes
    shards: Shards
    report: WorkReport = field(default_factory=WorkReport)

    def __post_init__(self) -> None:
        self._waiting = list(range(len(self.shards.weights)))[::-1]
        self._running: dict[str, tuple[int, Future]] = {}
        self._found: dict[int, Any] = {}
        self._errors: dict[int, Exception] = {}
        self._tries: dict[int, int] = {}
        self._missed: dict[tuple[int, str], int] = {}
        self._refused: dict[str, BaseException] = {}
        self._ended: SimpleQueue[str] = SimpleQueue()
        self._number = 0
        self._looked, self._threads, self._alive = -LOOK_SECONDS, 0, time.monotonic()

    def results(self) -> list[Any]:
        """Run all shards."""
        self._send()
        while self._waiting or self._running:
            self._look()
            self._hand_in()
            try:
                key = self._ended.get(timeout=POLL_SECONDS)
            except Empty:
                continue
            if key in self._running:
                self._take(*self._running.pop(key))
        if self._errors:
            raise self._errors[min(self._errors)]
        return [self._found[index] for index in range(len(self.shards.weights))]

    def cancel(self) -> None:
        """Give up what still runs."""
        for _, future in self._running.values():
            with suppress(Exception):  # the cluster may be gone
                future.cancel(force=True)

    def _look(self) -> None:
        """Count the workers' threads now and then, and end the run if there have been none for long."""
        now = time.monotonic()
        if now - self._looked < LOOK_SECONDS:
            return
        self._looked, self._threads = now, 0
        if self.client.status == "running":
            with suppress(OSError, TimeoutError):  # a scheduler that has just ended
                workers = self.client.scheduler_info(n_workers=-1)["workers"].values()
                self._threads = sum(worker["nthreads"] for worker in workers)
        if self._threads:
            self._alive = now
        if self.client.status in ("closing", "closed"):
            raise ClusterError("the cluster's scheduler is gone")
        if now - self._alive > PATIENCE_SECONDS:
            raise ClusterError(f"the cluster has had no worker for {PATIENCE_SECONDS:g} s")

    def _send(self, workers: list[str] | None = None) -> None:
        """Give workers, all without a list, what the shards share."""
        with suppress(OSError, KeyError, TimeoutError):  # a worker that has just ended; the next one asks for it
            found = self.client.run(hold, self.digest, self.content, workers=workers, on_error="return")
            self._refused |= {worker: value for worker, value in found.items() if isinstance(value, BaseException)}

    def _hand_in(self) -> None:
        while self._waiting and len(self._running) < AHEAD * self._threads:
            index = self._waiting.pop()
            if self._errors and index > min(self._errors):
                continue  # its result would not be looked at
            self._number += 1
            key = f"ecc_lava-{self.function.__name__}-{index}-{id(self)}-{self._number}"
            try:
                item = self.shards.item(index)
            except EccLavaError as error:
                self._errors[index] = error
                continue
            future = self.client.submit(work, self.function, self.digest, versions(), item, key=key, pure=False)
            self._running[key] = index, future
            future.add_done_callback(lambda _, key=key: self._ended.put(key))

    def _take(self, index: int, future: Future) -> None:
        """Take what became of a shard: a result, an error, or nothing, and then it runs again."""
        from distributed import CancelledError, KilledWorker

        try:
            outcome = future.result(timeout=PATIENCE_SECONDS)
        except (CancelledError, KilledWorker, OSError, TimeoutError) as error:
            if isinstance(error, EccLavaError):
                self._errors[index] = error
            else:
                self._again(index, killed=isinstance(error, KilledWorker))
            return
        except Exception as error:
            self._errors[index] = error
            return
        match outcome:
            case Done(result=result):
                self._found[index] = result
                self.report.add(outcome, self.shards.weights[index])
                self.shards.finished(index, result)
                self.shards.progress(sum(self.shards.weights[i] for i in self._found), sum(self.shards.weights), self.report)
            case Missing(worker=worker):
                self._send_again(index, worker)
            case OtherVersion(worker=worker, why=why):
                raise ClusterError(f"the worker {worker} {why}")

    def _send_again(self, index: int, worker: str) -> None:
        """Give a worker what it lacks for a shard, which runs again, unless it does not keep it."""
        missed = self._missed[index, worker] = self._missed.get((index, worker), 0) + 1
        if missed >= TRIES:
            why = repr(self._refused.get(worker, "it loses it each time"))[:200]
            raise ClusterError(
                f"the worker {worker} does not keep what all parts share, {len(self.content)} bytes: {why}; give it more memory"
            )
        self._send([worker])
        self._waiting.append(index)

    def _again(self, index: int, killed: bool) -> None:
        self._tries[index] = self._tries.get(index, 0) + killed
        if self._tries[index] >= TRIES:
            raise ClusterError(f"shard {index} of {len(self.shards.weights)} ended every worker that ran it; give workers more memory")
        self.report.lost += 1
        self._waiting.append(index)
        while self.client.status == "connecting":  # to a scheduler that begins anew
            time.sleep(POLL_SECONDS)
        if not killed and self.client.status == "running":
            with suppress(OSError, TimeoutError):
                check_workers(self.client)
                self._send()
