"""What happens to a damaged file of trials: it is set aside, named, and its whole records go into a new one."""

from __future__ import annotations

import json
import logging
import os
import sqlite3
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING

from ecc_lava.common import temporary_file
from ecc_lava.errors import EccLavaError, FileError
from ecc_lava.studies.trials.records import Record, records_of

if TYPE_CHECKING:
    from optuna.storages import BaseStorage

__all__ = ["check_journal", "is_damage", "read_all", "renew", "set_aside"]

_log = logging.getLogger(__name__)

_PASSING = ("locked", "busy", "unable to open", "readonly", "read-only", "disk i/o", "full", "interrupted", "memory")
_SIDE_FILES = ("-journal", "-wal", "-shm")
"""Files that SQLite keeps beside a database; they belong to it alone."""


def is_damage(error: BaseException | None) -> bool:
    """Return whether an error of a storage tells of a damaged file, rather than of the system or another version."""
    while error is not None:
        if isinstance(error, (OSError, MemoryError, RuntimeError, EccLavaError, ImportError)):
            return isinstance(error, RecursionError)
        if isinstance(error, sqlite3.OperationalError) and any(word in str(error).lower() for word in _PASSING):
            return False
        error = getattr(error, "orig", None) or error.__cause__ or error.__context__
    return True


def read_all(storage: BaseStorage) -> None:
    """Read every study and trial once, so that damage shows before anything is built on it."""
    for study in storage.get_all_studies():
        storage.get_all_trials(study._study_id, deepcopy=False)


def check_journal(storage: BaseStorage, lines: bytes) -> None:
    """Check that every trial of some lines of a journal is there, and once.

    Optuna passes over a line whose study or trial it does not know, and takes later lines for those of others if a trial is made twice.

    Raises
    ------
    ValueError
        If a line is missing or doubled.
    """
    whole = [line for line in lines.splitlines(keepends=True) if line.endswith(b"\n")]
    entries = [json.loads(line) for line in whole]
    making = [line for line, entry in zip(whole, entries, strict=True) if entry["op_code"] == 4]
    if len(set(making)) < len(making):
        raise ValueError("a line is doubled")
    made = len(making)
    named = max((entry.get("trial_id", -1) for entry in entries), default=-1)
    held = sum(len(storage.get_all_trials(study._study_id, deepcopy=False)) for study in storage.get_all_studies())
    if max(made, named + 1) > held:
        raise ValueError("lines are missing")


def renew(path: Path, fill: Callable[[Path, Sequence[Record]], None]) -> None:
    """Set a damaged file aside, and have `fill` write its whole records into a new one in its place.

    Raises
    ------
    FileError
        If the new file cannot be written; the old one then stays as it is.
    """
    try:
        with _alone(path) as is_first:
            if is_first:
                records = records_of(path)
                aside = _exchanged(path, lambda new: fill(new, records))
                _log.warning("%s was damaged, and is now %s; %d finished trials were kept, all others run again", path, aside, len(records))
    except OSError as error:
        if isinstance(error, FileError):
            raise
        raise FileError(f"{path}: is damaged, and cannot be mended: {error.strerror or error}") from error


@contextmanager
def _alone(path: Path) -> Iterator[bool]:
    """Keep other processes from mending the same file; tell whether none has mended it before."""
    try:
        import fcntl
    except ImportError:  # Windows
        yield True
        return
    with path.open("rb") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield os.path.samestat(os.fstat(file.fileno()), path.stat())


def _exchanged(path: Path, fill: Callable[[Path], None]) -> Path:
    """Put a new file in the place of the path, and return the name that the old one has now."""
    handle, new = temporary_file(path)
    os.close(handle)
    try:
        fill(new)
        with new.open("rb") as file:
            os.fsync(file.fileno())
        new.chmod(path.stat().st_mode & 0o777)
        aside = set_aside(path)
        new.replace(path)
    finally:  # also when interrupted
        new.unlink(missing_ok=True)
    return aside


def set_aside(path: Path) -> Path:
    """Give a damaged file and what belongs to it another name."""
    aside = next(name for n in count(1) if not (name := path.with_name(f"{path.name}.damaged{'' if n == 1 else f'-{n}'}")).exists())
    path.rename(aside)
    for ending in _SIDE_FILES:
        with suppress(FileNotFoundError):
            path.with_name(path.name + ending).rename(aside.with_name(aside.name + ending))
    return aside
