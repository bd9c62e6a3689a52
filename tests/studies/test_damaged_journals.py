"""A damaged journal costs at most the damaged trials: lines that are torn, lost, doubled, altered or of other types."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.helpers.studies import USED, again


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
    ran, finished = again(path)
    assert ran <= most
    assert finished == len(USED)
    assert again(path)[1] == len(USED)


@pytest.mark.parametrize("at", range(10))
def test_a_doubled_line_costs_nothing(at: int, whole: dict[str, bytes], tmp_path: Path) -> None:
    path = tmp_path / "trials.journal"
    lines = whole[".journal"].splitlines(keepends=True)
    assert len(lines) == 10
    lines.insert(at, lines[at])
    path.write_bytes(b"".join(lines))
    assert again(path) == (0, len(USED))
    is_making = json.loads(lines[at])["op_code"] == 4
    assert (tmp_path / "trials.journal.damaged").exists() == is_making


def _record(change: Callable[[dict[str, Any]], object]) -> Callable[[Path], None]:
    """Return what changes the first trial's record."""

    def damage(lines: list[bytes]) -> None:
        at = next(i for i, line in enumerate(lines) if b'"digest"' in line)
        entry = json.loads(lines[at])
        change(entry["user_attr"]["trial"])
        lines[at] = json.dumps(entry).encode() + b"\n"

    return _line(damage)


def _as_of_an_earlier_version(change: Callable[[dict[str, Any]], object]) -> Callable[[dict[str, Any]], None]:
    """Return what changes a record without key, context and digest, which nothing but its types can prove wrong."""

    def changed(record: dict[str, Any]) -> None:
        for name in ("key", "context", "digest"):
            del record[name]
        change(record)

    return changed


def _figure(name: str, value: object) -> Callable[[dict[str, Any]], None]:
    def change(record: dict[str, Any]) -> None:
        record["figures"][name] = value

    return change


RECORDS: dict[str, Callable[[dict[str, Any]], object]] = {
    "without a digest": lambda record: record.pop("digest"),
    "without digest and key": lambda record: [record.pop(name) for name in ("digest", "key")],
    "with text for a figure": _as_of_an_earlier_version(_figure("accuracy", "high")),
    "with true for a figure": _as_of_an_earlier_version(_figure("images", True)),
    "with a fraction for a number": _as_of_an_earlier_version(_figure("latency_steps", 2.5)),
    "with infinity": _as_of_an_earlier_version(_figure("seconds", float("inf"))),
    "with an unknown figure": _as_of_an_earlier_version(_figure("mood", 1)),
    "with a number for its error": _as_of_an_earlier_version(lambda record: record.update(error=3, figures=None)),
    "with a list for its chip": _as_of_an_earlier_version(lambda record: record.update(mapped={"chip": ["loihi2"]})),
    "with a list for its figures": _as_of_an_earlier_version(lambda record: record.update(figures=[])),
    "with a number for its setting": _as_of_an_earlier_version(lambda record: record.update(setting=5)),
}


@pytest.mark.parametrize("name", RECORDS)
def test_a_record_that_is_wrong_is_named_and_runs_again(
    name: str, whole: dict[str, bytes], tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    path = tmp_path / "trials.journal"
    path.write_bytes(whole[".journal"])
    _record(RECORDS[name])(path)
    assert again(path) == (1, len(USED))
    assert "trial 0 of the storage is damaged: its setting runs again" in caplog.text


@pytest.mark.parametrize("key", [[], {}, 7, None, True])
def test_a_running_trial_whose_key_is_no_text_is_passed_over(key: object, whole: dict[str, bytes], tmp_path: Path) -> None:
    path = tmp_path / "trials.journal"
    lines = whole[".journal"].splitlines(keepends=True)
    entry = json.loads(next(line for line in lines if json.loads(line)["op_code"] == 4))
    entry["user_attrs"]["key"] = key
    path.write_bytes(b"".join([*lines, json.dumps(entry).encode() + b"\n"]))
    assert again(path) == (0, len(USED))


def test_a_whole_record_is_not_lost_with_the_key_beside_it(whole: dict[str, bytes], tmp_path: Path) -> None:
    path = tmp_path / "trials.journal"
    lines = whole[".journal"].splitlines(keepends=True)
    at = next(i for i, line in enumerate(lines) if json.loads(line)["op_code"] == 4)
    entry = json.loads(lines[at])
    entry["user_attrs"]["key"] = "another"
    lines[at] = json.dumps(entry).encode() + b"\n"
    path.write_bytes(b"".join(lines))
    assert again(path) == (0, len(USED))
