"""Temporary files and folders whose names tell which process made them, so that what a killed process left is found and removed.

A process that is killed at once removes nothing. The next one that makes a temporary file at the same place does it instead.
"""

from __future__ import annotations

import atexit
import hashlib
import os
import re
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from ecc_lava.common.owners import is_gone, owner

__all__ = ["SEGMENTS", "sweep", "temporary_file", "temporary_folder"]

FOLDER = "ecc_lava_"
"""How the name of a temporary folder begins."""

SEGMENTS = "segments"
"""A file of a temporary folder that names the shared memory which belongs to it, one name a line."""

_PLACES: set[tuple[Path, str]] = set()
"""Folders in which this process has made temporary files and folders, and how the names of these begin."""

_MADE_BY = re.compile(r"([0-9a-f]{4})([0-9a-f]+)\.([0-9a-f]*)-\w{8}")


@contextmanager
def temporary_folder(parent: str | Path | None = None, prefix: str = FOLDER) -> Iterator[Path]:
    """Make a folder in `parent`, by default the system's folder for temporary files, and remove it after the block.

    Raises
    ------
    OSError
        If it cannot be made.
    """
    parent = Path(tempfile.gettempdir() if parent is None else parent)
    sweep(parent, prefix)
    _PLACES.add((parent, prefix))
    folder = Path(tempfile.mkdtemp(prefix=f"{prefix}{_maker()}-", dir=parent))
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def temporary_file(path: Path) -> tuple[int, Path]:
    """Make an empty file beside `path` that can be renamed to it; return its descriptor and its path.

    Raises
    ------
    OSError
        If it cannot be made.
    """
    sweep(path.parent, f".{path.name}.")
    _PLACES.add((path.parent, f".{path.name}."))
    handle, name = tempfile.mkstemp(prefix=f".{path.name}.{_maker()}-", dir=path.parent)
    return handle, Path(name)


def sweep(parent: Path | None = None, prefix: str = FOLDER) -> None:
    """Remove what begins with a prefix and was made by processes that have ended; what others own stays."""
    with suppress(OSError), os.scandir(parent or tempfile.gettempdir()) as entries:
        for entry in entries:
            made_by = _MADE_BY.fullmatch(entry.name, len(prefix)) if entry.name.startswith(prefix) else None
            if made_by is None or not _has_ended(*made_by.groups()):
                continue
            with suppress(OSError):
                _remove(entry)


@atexit.register
def _sweep_own() -> None:
    """Remove what this process has made and a signal kept it from removing: between a folder and its block there is a moment."""
    for parent, prefix in _PLACES:
        own = f"{prefix}{_maker()}-"
        with suppress(OSError), os.scandir(parent) as entries:
            for entry in entries:
                if entry.name.startswith(own):
                    with suppress(OSError):
                        _remove(entry)


def _remove(entry: os.DirEntry[str]) -> None:
    if hasattr(os, "geteuid") and entry.stat(follow_symlinks=False).st_uid != os.geteuid():
        return
    if not entry.is_dir(follow_symlinks=False):
        Path(entry.path).unlink()
        return
    with suppress(OSError):
        for name in Path(entry.path, SEGMENTS).read_text(errors="replace").split():
            if re.fullmatch(r"psm_[0-9a-f]+", name):  # as Python names shared memory
                Path("/dev/shm", name).unlink(missing_ok=True)
    shutil.rmtree(entry.path, ignore_errors=True)


def _maker() -> str:
    """Return a short name of this process: digest of its machine, number and time it began."""
    machine, number, began = owner().split(" ")
    return f"{_short(machine)}{int(number):x}.{int(began or 0):x}"


def _has_ended(machine: str, number: str, began: str) -> bool:
    here, _, own_began = owner().split(" ")
    if machine != _short(here):
        return False
    when = str(int(began or "0", 16)) if own_began else ""
    return bool(is_gone(f"{here} {int(number, 16)} {when}"))


def _short(machine: str) -> str:
    return hashlib.sha256(machine.encode()).hexdigest()[:4]
