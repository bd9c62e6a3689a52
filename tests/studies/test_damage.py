"""A damaged storage costs at most the damaged trials; every error of a storage is one message; addresses are paths or URLs."""

from __future__ import annotations

import json
import logging
import os
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from ecc_lava.errors import FileError, InvalidInput, MissingDependency
from ecc_lava.studies.running import run_settings
from ecc_lava.studies.trials.addresses import address_of
from ecc_lava.studies.trials.optuna_storage import open_storage
from ecc_lava.studies.trials.records import as_record, from_record, records_of
from ecc_lava.studies.trials.store import TrialStore
from ecc_lava.studies.trials.trial import Trial
from tests.helpers.studies import SETTINGS, Noted, as_problem, figures

USED = SETTINGS[:3]


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    """Return the bytes of storages with three finished trials."""
    folder = tmp_path_factory.mktemp("whole")
    for name in ("trials.db", "trials.journal"):
        store = TrialStore(open_storage(folder / name), "c")
        run_settings(as_problem(Noted(folder / "notes")), USED, store)
    return {path.suffix: path.read_bytes() for path in folder.glob("trials.*")}


def _again(path: Path) -> tuple[int, int]:
    """Run the study on a storage: how many trials were run again, and how many whole ones the storage then has."""
    noted = Noted(path.with_name("notes"))
    store = TrialStore(open_storage(path), "c")
    done = run_settings(as_problem(noted), USED, store)
    assert [(t.key, t.figures) for t in done] == [(noted.key(s), figures(s)) for s in USED]
    notes = path.with_name("notes")
    return (len(noted.noted("ended")) if notes.exists() else 0), len(store.finished())


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
    again, finished = _again(path)
    assert again <= most
    assert finished == len(USED)
    told = " ".join(record.getMessage() for record in caplog.records if record.levelno >= logging.WARNING)
    assert ("is damaged" in told) == bool(again and not (tmp_path / "trials.db.damaged").exists())
    assert ("trials.db.damaged" in told) == (tmp_path / "trials.db.damaged").exists()
    assert not [file for file in tmp_path.iterdir() if file.name.startswith(".")]


def _line(change: Callable[[list[bytes]], None]) -> Callable[[Path], None]:
    def damage(path: Path) -> None:
        lines = path.read_bytes().splitlines(keepends=True)
        change(lines)
        path.write_bytes(b"".join(lines))

    return damage


def _lose_the_first_trial(lines: list[bytes]) -> None:
    lines[:] = [line for i, line in enumerate(lines) if i != next(i for i, x in enumerate(lines) if json.loads(x)["op_code"] == 4)]


def _lose_the_study(lines: list[bytes]) -> None:
    del lines[0]


def _tear_the_last(lines: list[bytes]) -> None:
    lines[-1] = lines[-1][:20]


def _tear_the_middle(lines: list[bytes]) -> None:
    lines[len(lines) // 2] = lines[len(lines) // 2][:20] + b"\n"


def _alter_a_figure(lines: list[bytes]) -> None:
    at = next(i for i, line in enumerate(lines) if b"0.99" in line)
    lines[at] = lines[at].replace(b"0.99", b"0.98")


JOURNALS: dict[str, tuple[Callable[[Path], None], int]] = {
    "torn at its end": (_line(_tear_the_last), 1),
    "torn in its middle": (_line(_tear_the_middle), 1),
    "joined after a torn line": (_line(lambda lines: lines.insert(4, b'{"op_code":8,"wor')), 1),
    "without its study": (_line(_lose_the_study), 0),
    "without the line of a trial": (_line(_lose_the_first_trial), 0),
    "a figure altered": (_line(_alter_a_figure), 1),
    "an unknown operation": (_line(lambda lines: lines.insert(3, b'{"op_code":99,"worker_id":"x"}\n')), 0),
    "a list for a line": (_line(lambda lines: lines.insert(3, b"[]\n")), 0),
    "deep": (_line(lambda lines: lines.insert(3, b"[" * 100000 + b"\n")), 0),
}


@pytest.mark.parametrize("name", JOURNALS)
def test_a_damaged_journal_costs_at_most_the_damaged_trials(name: str, whole: dict[str, bytes], tmp_path: Path) -> None:
    path, (damage, most) = tmp_path / "trials.journal", JOURNALS[name]
    path.write_bytes(whole[".journal"])
    damage(path)
    again, finished = _again(path)
    assert again <= most
    assert finished == len(USED)
    assert _again(path)[1] == len(USED)


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
        assert _again(path) == (0, len(USED))


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
    assert _again(path)[1] == len(USED)


def test_a_database_that_cannot_be_written_is_one_message(whole: dict[str, bytes], tmp_path: Path) -> None:
    path = tmp_path / "trials.db"
    path.write_bytes(whole[".db"])
    store = TrialStore(open_storage(path), "c")
    path.unlink()
    with pytest.raises(FileError, match=r"cannot be used as a database of trials: .*; .*finished trials are kept") as caught:
        run_settings(as_problem(Noted(tmp_path / "notes")), SETTINGS[:4], store)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("name", ["q?a=b#c%20{SCHEMA_VERSION}", "journal:x\ny"])
def test_a_path_is_a_path_whatever_is_in_it(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / name).mkdir()
    TrialStore(open_storage(Path(name) / "trials.db"), "c")
    assert (tmp_path / name / "trials.db").read_bytes().startswith(b"SQLite format 3")
    assert [file.name for file in tmp_path.iterdir()] == [name]


@pytest.mark.parametrize("given", ["pipe.journal", "journal:pipe", "pipe", "sqlite:///pipe", "journal:/dev/full", "/dev/null", "broken"])
def test_what_is_no_regular_file_is_refused(given: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for name in ("pipe", "pipe.journal"):
        os.mkfifo(name)
    Path("broken").symlink_to("nowhere/at/all")
    with pytest.raises(FileError, match="is not a regular file"):
        open_storage(given)


@pytest.mark.parametrize("url", ["sqlite://", "sqlite:///", "sqlite:///x.db?mode=memory", "sqlite+pysqlite:///x.db?uri=true"])
def test_an_sqlite_address_is_a_file_without_options(url: str) -> None:
    with pytest.raises(InvalidInput, match="sqlite:///FILE without options"):
        open_storage(url)


@pytest.mark.parametrize(
    ("url", "secrets"),
    [
        ("postgresql://me:s3cret@host/x?sslpassword=t0ken", ("s3cret", "t0ken")),
        ("mysql://me:s3cr%2Fet@host/x", ("s3cr%2Fet", "s3cr/et")),
        ("nonsense://me:s3cret@host:port:9/x", ("s3cret",)),
        ("postgresql://me:s3cret@host:99999999/x", ("s3cret",)),
    ],
)
def test_no_secret_of_a_url_is_shown(url: str, secrets: tuple[str, ...]) -> None:
    with pytest.raises((InvalidInput, MissingDependency, FileError)) as caught:
        open_storage(url)
    address = address_of(url)
    said = ValueError(f"cannot connect to {url} with {secrets}")
    for text in (str(caught.value), str(address), repr(address), address.reason(said)):
        assert not [secret for secret in secrets if secret in text]
