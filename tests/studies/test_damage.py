"""A damaged database costs at most the damaged trials; a record proves itself; every error of a storage is one message."""

from __future__ import annotations

import json
import logging
import os
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from ecc_lava.errors import FileError
from ecc_lava.studies.running import run_settings
from ecc_lava.studies.trials.optuna_storage import open_storage
from ecc_lava.studies.trials.records import as_record, from_record, records_of
from ecc_lava.studies.trials.store import TrialStore
from ecc_lava.studies.trials.trial import Trial
from tests.helpers.studies import SETTINGS, USED, Noted, again, as_problem, figures


def _sql(statement: str) -> Callable[[Path], None]:
    def damage(path: Path) -> None:
        with closing(sqlite3.connect(path)) as database:
            database.execute("PRAGMA foreign_keys = off")
            database.execute("PRAGMA ignore_check_constraints = on")
            database.execute(statement)
            database.commit()

    return damage


def _bytes(change: Callable[[bytearray], None]) -> Callable[[Path], None]:
    def damage(path: Path) -> None:
        content = bytearray(path.read_bytes())
        change(content)
        path.write_bytes(content)

    return damage


def _zeroed(content: bytearray) -> None:
    content[:100] = bytes(100)


def _halved(content: bytearray) -> None:
    del content[len(content) // 2 :]


ONE = "WHERE trial_id = 2"
DATABASES: dict[str, tuple[Callable[[Path], None], int]] = {
    "a record emptied": (_sql(f"UPDATE trial_user_attributes SET value_json = '' {ONE} AND key = 'trial'"), 1),
    "a record of another type": (_sql(f"UPDATE trial_user_attributes SET value_json = '[1]' {ONE} AND key = 'trial'"), 1),
    "a figure altered": (
        _sql(f"UPDATE trial_user_attributes SET value_json = replace(value_json, '0.99', '0.98') {ONE} AND key = 'trial'"),
        1,
    ),
    "a key altered": (_sql(f"UPDATE trial_user_attributes SET value_json = '\"other\"' {ONE} AND key = 'key'"), 1),
    "an attribute emptied": (_sql(f"UPDATE trial_user_attributes SET value_json = '' {ONE} AND key = 'owner'"), 0),
    "a state altered": (_sql(f"UPDATE trials SET state = 'NONE' {ONE}"), 0),
    "a date altered": (_sql(f"UPDATE trials SET datetime_start = 'yesterday' {ONE}"), 0),
    "a range altered": (_sql(f"UPDATE trial_params SET distribution_json = '{{}}' {ONE}"), 0),
    "a direction altered": (_sql("UPDATE study_directions SET direction = 'UP'"), 0),
    "a table dropped": (_sql("DROP TABLE study_directions"), 0),
    "a version emptied": (_sql("UPDATE version_info SET schema_version = NULL"), 0),
    "its head zeroed": (_bytes(_zeroed), 0),
    "cut in half": (_bytes(_halved), 3),
}


FAST = ("a record emptied", "its head zeroed")


@pytest.mark.parametrize("name", [n if n in FAST else pytest.param(n, marks=pytest.mark.slow) for n in DATABASES])
def test_a_damaged_database_costs_at_most_the_damaged_trials(
    name: str, whole: dict[str, bytes], tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    path, (damage, most) = tmp_path / "trials.db", DATABASES[name]
    path.write_bytes(whole[".db"])
    damage(path)
    ran, finished = again(path)
    assert ran <= most
    assert finished == len(USED)
    told = " ".join(record.getMessage() for record in caplog.records if record.levelno >= logging.WARNING)
    assert ("is damaged" in told) == bool(ran and not (tmp_path / "trials.db.damaged").exists())
    assert ("trials.db.damaged" in told) == (tmp_path / "trials.db.damaged").exists()
    assert not [file for file in tmp_path.iterdir() if file.name.startswith(".")]


def test_a_record_proves_itself_and_one_of_an_earlier_version_needs_what_stands_beside_it() -> None:
    trial = Trial("k", SETTINGS[0], figures(SETTINGS[0]))
    record = as_record(trial, "c")
    assert from_record(record) == ("c", trial)
    assert from_record(record, "c", "k") == ("c", trial)
    assert from_record(record, "other") is None
    assert from_record(record, "c", "other") is None
    assert from_record({**record, "error": "x"}) is None
    old = trial.as_dict()
    assert from_record(old) is None
    assert from_record(old, "c", "k", trial.setting.as_dict()) == ("c", trial)
    assert from_record(old, "c", "k", SETTINGS[1].as_dict()) is None


def test_a_damaged_storage_of_an_earlier_version_keeps_its_trials(whole: dict[str, bytes], tmp_path: Path) -> None:
    """Their records hold neither key nor digest."""
    journal, database = tmp_path / "trials.journal", tmp_path / "trials.db"
    lines = [json.loads(line) for line in whole[".journal"].splitlines()]
    for held in [line["user_attr"]["trial"] for line in lines if "trial" in line.get("user_attr", {})]:
        for name in ("key", "context", "digest"):
            del held[name]
    journal.write_text("".join(json.dumps(line) + "\n" for line in lines) + "torn\n")
    database.write_bytes(whole[".db"])
    with closing(sqlite3.connect(database)) as opened:
        rows = opened.execute("SELECT trial_id, value_json FROM trial_user_attributes WHERE key = 'trial'").fetchall()
        for trial, text in rows:
            held = {name: value for name, value in json.loads(text).items() if name not in ("key", "context", "digest")}
            opened.execute(
                "UPDATE trial_user_attributes SET value_json = ? WHERE trial_id = ? AND key = 'trial'", (json.dumps(held), trial)
            )
        opened.execute("UPDATE trials SET state = 'NONE'")
        opened.commit()
        opened.execute("VACUUM")  # what the file no longer holds, its bytes do not hold either
    for path in (journal, database):
        assert len(records_of(path)) == len(USED)
        assert again(path) == (0, len(USED))


def test_a_full_disk_is_one_message_and_the_study_goes_on_when_there_is_room(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "trials.journal"
    store = TrialStore(open_storage(path), "c")
    run_settings(as_problem(Noted(tmp_path / "notes")), USED[:1], store)
    before = path.read_bytes()
    with monkeypatch.context() as full:

        def no_room(number: int) -> None:
            raise OSError(28, "No space left on device")

        full.setattr(os, "fsync", no_room)
        with pytest.raises(FileError, match=r"No space left on device; free some space, and run the same command again"):
            run_settings(as_problem(Noted(tmp_path / "notes")), USED, store)
    assert path.read_bytes() == before
    assert again(path)[1] == len(USED)


def test_a_database_that_cannot_be_written_is_one_message(whole: dict[str, bytes], tmp_path: Path) -> None:
    path = tmp_path / "trials.db"
    path.write_bytes(whole[".db"])
    store = TrialStore(open_storage(path), "c")
    path.unlink()
    with pytest.raises(FileError, match=r"cannot be used as a database of trials: .*; .*finished trials are kept") as caught:
        run_settings(as_problem(Noted(tmp_path / "notes")), SETTINGS[:4], store)
    assert "\n" not in str(caught.value)
