"""Clients: of a scheduler that runs somewhere, or of workers that this process starts."""

from __future__ import annotations

import logging
import re
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext, suppress
from typing import TYPE_CHECKING, Any, Final

from ecc_lava.cluster.versions import check_workers
from ecc_lava.errors import ClusterError, InvalidInput, MissingDependency

if TYPE_CHECKING:
    from distributed import Client

__all__ = ["open_client", "own_client"]

CONNECT_SECONDS: Final = 10
"""Seconds within which a scheduler must answer, and have a worker."""

WORKERS_MAX: Final = 1024
"""Most workers that a process starts."""

_ADDRESS: Final = re.compile(r"((tcp|tls|ucx|ws|wss)://)?[^\s/:]+:\d{1,5}")
_LOCAL: Final = re.compile(r"local:(.*)")


@contextmanager
def own_client(address: str | None) -> Iterator[Client | None]:
    """Give the client of an address for a block, as `open_client`; None without an address."""
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
    """Start workers of this machine, each a process of one thread."""
    logging.getLogger("distributed").setLevel(logging.CRITICAL)  # what ends a worker is told once, by us
    made = distributed.LocalCluster(
        n_workers=workers,
        threads_per_worker=1,
        processes=True,
        host="127.0.0.1",
        dashboard_address="127.0.0.1:0",
        memory_limit=0,
        silence_logs=logging.CRITICAL,
    )
    try:
        yield made
    finally:
        with suppress(OSError, TimeoutError):
            made.close(timeout=10)


def _connected(distributed: Any, scheduler: Any, address: str) -> Any:
    try:
        client = distributed.Client(scheduler, timeout=CONNECT_SECONDS, set_as_default=False)
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
