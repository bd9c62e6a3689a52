"""The option --dask: a cluster for a command, what is told of it, and what its workers did."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Optional

import typer

from ecc_lava.cluster import WorkReport, own_client
from ecc_lava.errors import ClusterError

if TYPE_CHECKING:
    from distributed import Client

__all__ = ["Dask", "Workers", "cluster"]

Dask = Annotated[
    Optional[str],
    typer.Option("--dask", metavar="ADDRESS|local:N", help="Run on the workers of a Dask cluster, or on N processes of this machine."),
]


@dataclass
class Workers:
    """A command's cluster, if it has one.

    Attributes
    ----------
    client : distributed.Client or None
    report : WorkReport or None
        What the workers did last.
    """

    client: Client | None = None
    report: WorkReport | None = None

    def told(self, report: WorkReport) -> None:
        """Take what the workers did."""
        self.report = report

    def lines(self) -> tuple[str, ...]:
        """Return a line of what the workers did; none without a cluster."""
        slow = None if self.report is None else self.report.slowest
        if self.report is None or slow is None:
            return ()
        done, seconds = (sum(getattr(share, of) for share in self.report.shares.values()) for of in ("done", "seconds"))
        again = f"; {self.report.lost} parts ran again" if self.report.lost else ""
        rate = f"{done / seconds:,.1f}/s each, the slowest {slow.worker} {slow.rate:,.1f}/s"
        return (f"cluster: {len(self.report.shares)} workers, {rate}{again}",)

    def as_dict(self) -> dict[str, Any]:
        """Return what JSON objects carry of the cluster; nothing without one."""
        return {} if self.client is None or self.report is None else {"cluster": self.report.as_dict()}


@contextmanager
def cluster(address: str | None, journal: Path | None = None) -> Iterator[Workers]:
    """Give a command its cluster, and say on stderr where its dashboard is; if the work is stopped, say what a journal keeps."""
    with own_client(address) as client:
        if client is not None:
            workers = client.scheduler_info(n_workers=-1)["workers"]
            threads = sum(worker["nthreads"] for worker in workers.values())
            sys.stderr.write(f"ecc-lava: {len(workers)} workers of {threads} threads; dashboard {client.dashboard_link}\n")
        try:
            yield Workers(client)
        except (ClusterError, KeyboardInterrupt):
            if journal is not None:
                sys.stderr.write(f"ecc-lava: finished images are kept in {journal}; the same command goes on from there\n")
            raise
