"""Records of finished trials: each holds its key, its context and a digest of itself, so that it can be trusted wherever it is found."""

from __future__ import annotations

import hashlib
import json
import re
import sqlite3
from collections.abc import Iterator, Mapping
from contextlib import closing, suppress
from pathlib import Path
from typing import Any, NamedTuple

from ecc_lava.errors import EccLavaError
from ecc_lava.studies.trials.trial import Trial

__all__ = ["STUDY", "Record", "as_record", "from_record", "is_of_trials", "records_of"]

STUDY = "ecc_lava trials "
"""How the name of a context's Optuna study begins."""

_DIGEST = "digest"
_BEGIN = re.compile(rb'\{"key": ?"')
_LONGEST = 2**20
"""Bytes of a record, far more than one takes."""
_MARKS = (b"trial_user_attributes", b'{"op_code"', STUDY.encode())
"""What every SQLite database and every journal of Optuna holds, and the names of our studies: a schema may lie in a part that is lost."""


class Record(NamedTuple):
    """A finished trial and the context that it belongs to."""

    context: str
    trial: Trial


def as_record(trial: Trial, context: str) -> dict[str, Any]:
    """Return JSON values that `from_record` reads."""
    values = {"key": trial.key, "context": context, **trial.as_dict()}
    return {**values, _DIGEST: _digest(values)}


def from_record(values: Any, context: str | None = None, key: str | None = None, setting: Any = None) -> Record | None:
    """Return the trial of a record, or None if it is damaged.

    Parameters
    ----------
    values : JSON values
    context, key, setting
        What stands beside the record. They must agree with it where both are given. Earlier versions wrote no key, context and digest into
        a record, and need them.
    """
    try:
        values = dict(values)
        if _DIGEST in values and values[_DIGEST] != _digest({name: value for name, value in values.items() if name != _DIGEST}):
            return None
        is_old = _DIGEST not in values
        if is_old and ("key" in values or "context" in values or key is None or context is None or setting != values["setting"]):
            return None
        held = values.get("context", context), values.get("key", key)
        if not all(isinstance(value, str) for value in held) or (context or held[0], key or held[1]) != held:
            return None
        trial = Trial.from_dict(held[1], values)
        trial.as_row()
    except (EccLavaError, AssertionError, AttributeError, KeyError, TypeError, ValueError, ArithmeticError, RecursionError):
        return None
    return Record(held[0], trial)


def _digest(values: Mapping[str, Any]) -> str:
    return hashlib.sha256(json.dumps(values, sort_keys=True).encode()).hexdigest()[:32]


def is_of_trials(path: Path) -> bool:
    """Return whether a file once was a storage of trials, however damaged it is."""
    try:
        content = path.read_bytes()
    except OSError:
        return False
    return any(mark in content for mark in _MARKS) or next(_found_in(content), None) is not None


def records_of(path: Path) -> list[Record]:
    """Return all whole records of a damaged file, each key once: those that its tables or lines give, and those that its bytes hold."""
    content = path.read_bytes()
    found = [*_of_lines(content), *_of_tables(path), *_found_in(content)]
    return list({(record.context, record.trial.key): record for record in found}.values())


def _found_in(content: bytes) -> Iterator[Record]:
    """Find records by how they begin, with no regard to the file's structure."""
    decoder = json.JSONDecoder()
    for begin in _BEGIN.finditer(content):
        for length in (2**12, _LONGEST):
            text = content[begin.start() : begin.start() + length].decode("latin-1")
            with suppress(ValueError, RecursionError):
                record = from_record(decoder.raw_decode(text)[0])
                if record is not None:
                    yield record
                break


def _of_lines(content: bytes) -> Iterator[Record]:
    """Read a journal's records of earlier versions, whose keys stand in the lines that create trials."""
    studies: list[str] = []
    trials: list[tuple[int, dict[str, Any]]] = []
    for line in content.splitlines():
        with suppress(ValueError, KeyError, TypeError, IndexError, RecursionError, AttributeError):
            entry = json.loads(line)
            match entry["op_code"]:
                case 0:
                    studies.append(entry["study_name"])
                case 4:
                    trials.append((entry["study_id"], entry.get("user_attrs", {})))
                case 8 if "trial" in entry["user_attr"]:
                    study, beside = trials[entry["trial_id"]]
                    context = studies[study].removeprefix(STUDY)
                    record = from_record(entry["user_attr"]["trial"], context, beside["key"], beside.get("setting"))
                    if record is not None:
                        yield record


def _of_tables(path: Path) -> Iterator[Record]:
    """Read a database's records row by row, as far as SQLite can."""
    values: dict[str, dict[int, Any]] = {"key": {}, "setting": {}, "trial": {}}
    studies: dict[int, str] = {}
    with suppress(sqlite3.Error, OSError), closing(sqlite3.connect(path.absolute())) as database:
        database.text_factory = bytes
        with suppress(sqlite3.Error):
            studies = dict(database.execute("SELECT trial_id, study_name FROM trials JOIN studies USING (study_id)"))
        for trial, name, text in database.execute("SELECT trial_id, key, value_json FROM trial_user_attributes"):
            with suppress(ValueError, KeyError, TypeError, AttributeError, RecursionError):
                values[name.decode()][trial] = json.loads(text)
    for trial, held in values["trial"].items():
        with suppress(TypeError, AttributeError, ValueError):
            name = studies.get(trial)
            context = None if name is None else name.decode().removeprefix(STUDY)  # type: ignore[attr-defined]
            record = from_record(held, context, values["key"].get(trial), values["setting"].get(trial)) or from_record(held)
            if record is not None:
                yield record
