"""Open the Optuna storage that keeps a study's trials, by its address.

An SQLite file serves the processes of one machine. Processes of several machines need a database server or Optuna's journal file.
"""

from __future__ import annotations

import random
import time
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from ecc_lava.errors import FileError, InvalidInput, MissingDependency

if TYPE_CHECKING:
    from optuna import Study
    from optuna.storages import BaseStorage

__all__ = ["open_storage", "open_study", "quiet"]

TRIES = 20
"""Attempts to open a local database: processes that create a new one at the same moment disturb each other."""

BUSY_SECONDS = 60
"""Seconds that a process waits while others write to the same SQLite file."""

LOCK_SECONDS = 5
"""Seconds after which a journal's lock counts as left by a killed process; writing a line takes milliseconds."""


def open_storage(address: str | Path | None) -> BaseStorage:
    """Return the storage at an address.

    Parameters
    ----------
    address : str, path or None
        A database URL (``sqlite:///trials.db``, ``mysql://...``, ``postgresql://...``), a file that ends in ``.log`` or ``.journal`` (or
        ``journal:FILE``) for Optuna's journal, any other path for an SQLite file, or None for memory.

    Raises
    ------
    FileError
        If the file or the database cannot be opened, or holds something else.
    InvalidInput
        If the address names an unknown kind of database.
    MissingDependency
        If the database's driver is not installed.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # tqdm warns in a notebook without widgets, though no bar of tqdm is shown
        import optuna

    if address is None:
        return optuna.storages.InMemoryStorage()
    text = str(address)
    if text.startswith("journal:") or text.endswith((".log", ".journal")):
        return _journal(Path(text.removeprefix("journal:")))
    if "://" not in text:
        text = f"sqlite:///{text}"
    return _database(text)


def open_study(storage: BaseStorage, name: str, directions: Sequence[str]) -> Study:
    """Return the Optuna study of a name; create it if there is none."""
    import optuna
    from optuna.study import StudyDirection

    try:
        with quiet():
            return optuna.create_study(
                study_name=name, storage=storage, directions=[StudyDirection[d.upper()] for d in directions], load_if_exists=True
            )
    except (optuna.exceptions.StorageInternalError, OSError) as error:
        raise FileError(f"the storage of trials cannot be used: {str(error).splitlines()[0]}") from error


@contextmanager
def quiet() -> Iterator[None]:
    """Keep Optuna from logging anything but errors."""
    import optuna

    before = optuna.logging.get_verbosity()
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    try:
        yield
    finally:
        optuna.logging.set_verbosity(before)


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
        options["poolclass"] = sqlalchemy.pool.NullPool  # opening the file is cheap, and a pool would keep it open
    last: Exception | None = None
    for _ in range(TRIES if local else 1):
        try:
            return optuna.storages.RDBStorage(url, engine_kwargs=options)
        except ImportError as error:
            raise MissingDependency(f"{_without_password(url)}: the driver of this database is not installed: {error}") from error
        except (sqlalchemy.exc.ArgumentError, sqlalchemy.exc.NoSuchModuleError) as error:
            raise InvalidInput(f"{_without_password(url)}: not the address of a database: {error}") from error
        except sqlalchemy.exc.DatabaseError as error:
            last = error
            if "already exists" not in str(error) and "locked" not in str(error) and "UNIQUE" not in str(error):
                break
        except (
            RuntimeError,
            optuna.exceptions.StorageInternalError,
        ) as error:  # of another version of Optuna, or just being made
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
