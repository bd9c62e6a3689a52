"""Where a study's trials are kept: an Optuna storage by its address.

A database of one file (SQLite) serves the processes of one machine; others need a database server, or Optuna's journal file.
"""

from __future__ import annotations

import random
import time
import warnings
from pathlib import Path
from typing import TYPE_CHECKING

from ecc_lava.errors import FileError, InvalidInput, MissingDependency

if TYPE_CHECKING:
    from optuna.storages import BaseStorage

__all__ = ["open_storage"]

TRIES = 20
"""Processes that make a new database at the same moment get in each other's way."""

BUSY_SECONDS = 60
"""How long a process waits for others that are writing to the same SQLite file."""


LOCK_SECONDS = 5
"""After which the lock of a journal counts as left by a process that was killed; writing a line takes milliseconds."""


def open_storage(address: str | Path | None) -> BaseStorage:
    """Return the storage at an address.

    Parameters
    ----------
    address : str, path or None
        A database URL (``sqlite:///trials.db``, ``mysql://...``, ``postgresql://...``), a file that ends in ``.log`` or ``.journal`` (or
        ``journal:FILE``) for Optuna's journal, any other path for an SQLite file; None keeps trials in memory.

    Raises
    ------
    FileError
        If the file or the database cannot be opened, or is something else.
    InvalidInput
        If the address is of no kind of database that is known.
    MissingDependency
        If the database's driver is not installed.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # in a notebook without widgets, tqdm's of them; no bar of it is shown
        import optuna

    if address is None:
        return optuna.storages.InMemoryStorage()
    text = str(address)
    if text.startswith("journal:") or text.endswith((".log", ".journal")):
        return _journal(Path(text.removeprefix("journal:")))
    if "://" not in text:
        text = f"sqlite:///{text}"
    return _database(text)


def _journal(path: Path) -> BaseStorage:
    from optuna.storages import JournalStorage
    from optuna.storages.journal import JournalFileBackend, JournalFileSymlinkLock

    _check_folder(path)
    try:
        return JournalStorage(JournalFileBackend(str(path), JournalFileSymlinkLock(str(path), grace_period=LOCK_SECONDS)))
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise FileError(f"{path}: cannot be used as a journal of trials: {error}") from error


def _database(url: str) -> BaseStorage:
    import optuna
    import sqlalchemy.exc

    local = url.startswith("sqlite")
    options: dict[str, object] = {"connect_args": {"timeout": BUSY_SECONDS}} if local else {}
    if url.startswith("sqlite:///"):
        _check_folder(Path(url.removeprefix("sqlite:///")))
        options["poolclass"] = sqlalchemy.pool.NullPool  # opening the file is cheap; a pool would keep it open for ever
    last: Exception | None = None
    for _ in range(TRIES if local else 1):
        try:
            return optuna.storages.RDBStorage(url, engine_kwargs=options)
        except ImportError as error:
            raise MissingDependency(f"{_without_password(url)}: the driver of this database is not installed: {error}") from error
        except (sqlalchemy.exc.ArgumentError, sqlalchemy.exc.NoSuchModuleError) as error:
            raise InvalidInput(f"--storage {_without_password(url)}: not the address of a database: {error}") from error
        except sqlalchemy.exc.DatabaseError as error:
            last = error
            if "already exists" not in str(error) and "locked" not in str(error) and "UNIQUE" not in str(error):
                break
        except (RuntimeError, optuna.exceptions.StorageInternalError) as error:  # of another version of Optuna, or made this moment
            last = error
        time.sleep(random.uniform(0.02, 0.2))
    reason = str(getattr(last, "orig", None) or last).splitlines()[0]
    raise FileError(f"{_without_password(url)}: cannot be used as a database of trials: {reason}") from last


def _check_folder(path: Path) -> None:
    if path.is_dir() or not path.parent.is_dir():
        raise FileError(f"{path}: {'is a folder' if path.is_dir() else f'there is no folder {path.parent}'}; give a file for the trials")


def _without_password(url: str) -> str:
    import sqlalchemy

    try:
        return sqlalchemy.engine.make_url(url).render_as_string(hide_password=True)
    except sqlalchemy.exc.ArgumentError:
        return url.split("@")[-1]
