"""Whether client and workers run the same code on the same arrays: otherwise results could differ without a sign of it."""

from __future__ import annotations

import hashlib
import sys
from collections.abc import Mapping
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import TYPE_CHECKING

from ecc_lava.errors import ClusterError
from ecc_lava.version import __version__

if TYPE_CHECKING:
    from distributed import Client

__all__ = ["check_workers", "difference", "versions"]

_PACKAGES = ("numpy", "scipy", "numba", "distributed")
"""What results are computed with, or arrays are sent with."""


@cache
def versions() -> dict[str, str]:
    """Return what must be alike in client and workers, by name."""
    found = {"ecc_lava": __version__, "ecc_lava's source": _source_digest(), "Python": f"{sys.version_info.major}.{sys.version_info.minor}"}
    for package in _PACKAGES:
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            found[package] = "none"
    return found


def _source_digest() -> str:
    """Return a digest of this package's files: a version names many states of a checkout, and file formats follow from the source."""
    sha, root = hashlib.sha256(), Path(__file__).parents[1]
    for path in sorted(p for ending in ("py", "c", "h") for p in root.rglob(f"*.{ending}")):
        sha.update(path.relative_to(root).as_posix().encode() + path.read_bytes())
    return sha.hexdigest()[:12]


def difference(theirs: Mapping[str, str], ours: Mapping[str, str]) -> str:
    """Return the first version that a worker has otherwise than the client, in words; nothing if all are alike."""
    for name, own in ours.items():
        if theirs.get(name) != own:
            return f"has {name} {theirs.get(name, 'none')}; this process has {own}. Install the same versions on all machines"
    return ""


def check_workers(client: Client) -> None:
    """Check that all workers have the client's versions.

    Raises
    ------
    ClusterError
        With the worker and what differs.
    """
    try:
        found = client.run(versions)
    except Exception as error:  # whatever a worker's Python says of a package that it lacks or cannot read
        reason = (str(error).splitlines() or [type(error).__name__])[0]
        raise ClusterError(f"the cluster's workers cannot run ecc_lava: {reason}. Install the same version on all machines") from error
    for worker, theirs in found.items():
        differs = difference(theirs, versions())
        if differs:
            raise ClusterError(f"the worker {worker} {differs}")
