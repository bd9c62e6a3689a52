"""Clients: of a scheduler that runs somewhere, or of workers that this process starts."""

from __future__ import annotations

import logging
import re
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext, suppress
from multiprocessing import resource_tracker
from typing import TYPE_CHECKING, Any, Final

from ecc_lava.cluster.shards import PATIENCE_SECONDS
from ecc_lava.cluster.versions import check_workers
from ecc_lava.errors import ClusterError, InvalidInput, MissingDependency

if TYPE_CHECKING:
    from distributed import Client

__all__ = ["open_client", "own_client"]

CONNECT_SECONDS: Final = 10
"""Seconds within which a scheduler must answer, and have a worker."""

START_SECONDS: Final = 300
"""Seconds within which the workers of this machine must begin."""

REFILL_SECONDS: Final = 2.0
"""Seconds between two looks at whether workers of this machine are missing."""

WORKERS_MAX: Final = 1024
"""Most workers that a process starts."""

_ADDRESS: Final = re.compile(r"((tcp|tls|ucx|ws|wss)://)?[^\s/:]+:\d{1,5}")
_LOCAL: Final = re.compile(r"local:(.*)")


@contextmanager
def own_client(address: str | None) -> Iterator[Client | None]:
    """Give a command the client of an address for a block, as `open_client`, or None without an address; Dask's own log is silent."""
    if address is not None:
        with suppress(MissingDependency):
            _distributed()  # whose import sets the levels of its loggers
        for name in ("tornado.application", *(name for name in logging.root.manager.loggerDict if name.startswith("distributed"))):
            logging.getLogger(name).setLevel(logging.CRITICAL)  # of lost workers and interrupts they tell many lines
    with nullcontext() if address is None else open_client(address) as client:
        yield client


@contextmanager
def open_client(address: str) -> Iterator[Client]:
    """Give a client for a block.

    Parameters
    ----------
    address : str
        Of a scheduler, ``tcp://HOST:PORT`` or ``HOST:PORT``; or ``local:N`` for N workers of one thread each on this machine, which end
        with the block.

    Raises
    ------
    InvalidInput
        If it is no address.
    MissingDependency
        If dask.distributed is not installed.
    ClusterError
        If no scheduler answers, if it has no worker, or if a worker has another version of this package or of what it computes with.
    """
    local = _LOCAL.fullmatch(address)
    workers = _workers(local[1]) if local else 0
    if not local and not _ADDRESS.fullmatch(address):
        raise InvalidInput(f"{address!r:.200} is no address of a cluster; give tcp://HOST:PORT of a scheduler, or local:N for N workers")
    distributed = _distributed()
    with _local(distributed, workers) if local else nullcontext(address) as scheduler:
        client = _connected(distributed, scheduler, address)
        try:
            check_workers(client)
            yield client
        finally:
            with suppress(OSError, TimeoutError):
                client.close(timeout=2)


def _workers(text: str) -> int:
    number = int(text) if text.isascii() and text.isdecimal() and len(text) < 9 else 0
    if not 1 <= number <= WORKERS_MAX:
        raise InvalidInput(f"local:{text:.40}; local:N takes a number of workers from 1 to {WORKERS_MAX}")
    return number


def _distributed() -> Any:
    try:
        import distributed
    except ImportError as error:
        raise MissingDependency("a cluster needs dask.distributed: pip install 'ecc-lava[dask]'") from error
    return distributed


@contextmanager
def _local(distributed: Any, workers: int) -> Iterator[Any]:
    """Start workers of this machine, each a process of one thread, and others in their place if they end."""
    made = distributed.LocalCluster(
        n_workers=0,
        threads_per_worker=1,
        processes=True,
        host="127.0.0.1",
        dashboard_address="127.0.0.1:0",
        memory_limit=0,
        silence_logs=logging.CRITICAL,  # what ends a worker is told once, by us
    )
    stop = threading.Event()
    try:
        made.sync(_keep_interrupts_here)
        made.scale(workers)
        made.wait_for_workers(workers, timeout=START_SECONDS)
        threading.Thread(target=_refill, args=(made, workers, stop), daemon=True).start()
        yield made
    except TimeoutError as error:
        raise ClusterError(f"local:{workers}: the workers do not begin within {START_SECONDS} s; use fewer") from error
    finally:
        stop.set()
        with suppress(OSError, TimeoutError):
            made.close(timeout=10)


async def _keep_interrupts_here() -> None:
    """Let the workers, which this thread starts, hear no Ctrl-C of the terminal: this process ends them."""
    if hasattr(signal, "pthread_sigmask"):
        resource_tracker.ensure_running()  # which unblocks the signal where it begins
        signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})


def _refill(made: Any, workers: int, stop: threading.Event) -> None:
    while not stop.wait(REFILL_SECONDS):
        if len(made.scheduler_info["workers"]) < workers:
            with suppress(OSError, RuntimeError, TimeoutError):
                made.scale(workers)


def _connected(distributed: Any, scheduler: Any, address: str) -> Any:
    try:
        if isinstance(scheduler, str):
            distributed.Client(scheduler, timeout=CONNECT_SECONDS, set_as_default=False).close()
        client = distributed.Client(scheduler, timeout=PATIENCE_SECONDS, set_as_default=False)  # so long it waits for one that begins anew
    except (OSError, ValueError, TimeoutError) as error:
        raise ClusterError(
            f"{address}: no Dask scheduler answers within {CONNECT_SECONDS} s; start one (dask scheduler) or correct the address"
        ) from error
    try:
        client.wait_for_workers(1, timeout=CONNECT_SECONDS)
    except TimeoutError as error:
        client.close(timeout=2)
        raise ClusterError(f"{address}: the scheduler has no worker; start one (dask worker {address})") from error
    return client
