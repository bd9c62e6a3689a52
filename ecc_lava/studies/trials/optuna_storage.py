"""Open the Optuna storage that keeps a study's trials, by its address.

An SQLite file serves the processes of one machine. Processes of several machines need a database server or Optuna's journal file.
"""

from __future__ import annotations

import functools
import random
import sqlite3
import time
import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ecc_lava.errors import EccLavaError, FileError, InvalidInput, MissingDependency
from ecc_lava.studies.trials.addresses import StorageAddress, address_of
from ecc_lava.studies.trials.damage import check_journal, is_damage, read_all, renew
from ecc_lava.studies.trials.optuna_values import DIRECTIONS, finished_trial
from ecc_lava.studies.trials.records import STUDY, Record, is_of_trials

if TYPE_CHECKING:
    from optuna import Study
    from optuna.storages import BaseStorage

__all__ = ["open_storage", "open_study", "quiet"]

TRIES = 20
"""Attempts to open a local database: processes that create a new one at the same moment disturb each other."""

BUSY_SECONDS = 60
"""Seconds that a process waits while others write to the same SQLite file."""

_REMEDIES = {
    "full": "free some space, and run the same command again",
    "space": "free some space, and run the same command again",
    "locked": "others hold it; run the same command again",
    "readonly": "make it writable, or give another place with --storage",
    "unable to open": "make it and its folder readable and writable, or give another place with --storage",
    "denied": "make it readable and writable, or give another place with --storage",
}
"""What helps, by a word of the reason."""


def open_storage(address: str | Path | None) -> BaseStorage:
    """Return the storage at an address.

    Parameters
    ----------
    address : str, path or None
        A database URL (``sqlite:///trials.db``, ``mysql://...``, ``postgresql://...``), a file that ends in ``.log`` or ``.journal`` (or
        ``journal:FILE``) for Optuna's journal, any other path for an SQLite file, or None for memory. A damaged file is set aside, and its
        whole trials go into a new one.

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
    place = address_of(address)
    try:
        return _guarded(_opened(place), place)
    except EccLavaError:
        raise
    except Exception as error:  # a damaged file makes Optuna raise every kind of error
        if place.path is None or not is_damage(error) or not is_of_trials(place.path):
            raise _worded(error, place) from error
    renew(place.path, functools.partial(_filled, place.is_journal))
    try:
        return _guarded(_opened(place), place)
    except Exception as error:  # another process may have damaged the new file too
        raise (error if isinstance(error, EccLavaError) else _worded(error, place)) from error


def open_study(storage: BaseStorage, name: str, directions: Sequence[str]) -> Study:
    """Return the Optuna study of a name; create it if there is none."""
    import optuna
    from optuna.study import StudyDirection

    try:
        with quiet():
            return optuna.create_study(
                study_name=name, storage=storage, directions=[StudyDirection[d.upper()] for d in directions], load_if_exists=True
            )
    except EccLavaError:
        raise
    except Exception as error:  # a storage raises every kind of error
        raise _worded(error, None) from error


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


def _opened(place: StorageAddress) -> BaseStorage:
    """Open a storage and read all of it."""
    with quiet():
        if place.is_journal and place.path is not None:
            before = place.path.read_bytes() if place.path.exists() else b""  # others may add lines while this process reads
            storage = _journal(place.path)
            check_journal(storage, before)
        else:
            storage = _database(place)
        read_all(storage)
    return storage


def _filled(is_journal: bool, path: Path, records: Sequence[Record]) -> None:
    """Write whole trials into an empty storage at a path."""
    storage = _opened(StorageAddress(path, is_journal))
    for record in records:
        study = open_study(storage, f"{STUDY}{record.context}", DIRECTIONS)
        storage.create_new_trial(study._study_id, finished_trial(record.trial, record.context))


def _guarded(storage: BaseStorage, place: StorageAddress) -> BaseStorage:
    """Have every error of a storage's methods be one message of ours; those that say what another process did stay as they are."""
    import optuna
    from optuna.storages import BaseStorage

    ours = (EccLavaError, optuna.exceptions.UpdateFinishedTrialError, optuna.exceptions.DuplicatedStudyError)

    def guarded(method: Callable[..., Any]) -> Callable[..., Any]:
        @functools.wraps(method)
        def call(*arguments: Any, **options: Any) -> Any:
            try:
                return method(*arguments, **options)
            except ours:
                raise
            except Exception as error:  # drivers of databases and SQLAlchemy raise every kind of error
                raise _worded(error, place) from error

        return call

    inner = ("_get_trials", "_create_new_trial", "_set_trial_param")  # of a database, called by Optuna's cache of it
    for name in (*(name for name in vars(BaseStorage) if not name.startswith("_")), *inner):
        if callable(getattr(storage, name, None)):
            setattr(storage, name, guarded(getattr(storage, name)))
    return storage


def _worded(error: BaseException, place: StorageAddress | None) -> FileError:
    """Return an error as one message with a remedy."""
    reason = (place or StorageAddress()).reason(error)
    told = reason.lower()
    remedy = next((advice for word, advice in _REMEDIES.items() if word in told), "run the same command again, or give another --storage")
    kind = "a database" if place is None or not place.is_journal else "a journal"
    where = "the storage" if place is None else place
    return FileError(f"{where}: cannot be used as {kind} of trials: {reason}; {remedy}; finished trials are kept")


def _journal(path: Path) -> BaseStorage:
    from optuna.storages import JournalStorage

    from ecc_lava.studies.trials.journal import WholeLines

    return JournalStorage(WholeLines(path))


def _database(place: StorageAddress) -> BaseStorage:
    import optuna
    import sqlalchemy.exc

    url = place.url or "sqlite://"
    options: dict[str, Any] = {}
    if place.path is not None:
        file = str(place.path.absolute())
        options["creator"] = lambda: sqlite3.connect(file, timeout=BUSY_SECONDS)  # a URL would take a part of some paths for options
        options["poolclass"] = sqlalchemy.pool.NullPool  # opening the file is cheap, and a pool would keep it open
    last: Exception | None = None
    for _ in range(TRIES if place.path is not None else 1):
        try:
            return optuna.storages.RDBStorage(url, engine_kwargs=options)
        except ImportError as error:
            raise MissingDependency(f"{place}: the driver of this database is not installed: {place.reason(error)}") from error
        except (sqlalchemy.exc.ArgumentError, sqlalchemy.exc.NoSuchModuleError, ValueError) as error:
            raise InvalidInput(f"{place}: not the address of a database: {place.reason(error)}") from error
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
    assert last is not None
    raise last
