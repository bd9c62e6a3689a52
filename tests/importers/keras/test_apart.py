"""The process that reads a model file, started before it is asked."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from ecc_lava.demo.data import MODEL
from ecc_lava.errors import EccLavaError, FileError
from ecc_lava.importers.keras.files import apart
from ecc_lava.importers.keras.files.apart import answer_of_a_child, end_reader, start_reader
from tests.helpers.processes import command_of
from tests.helpers.program import BAD_INPUT, OK, exit_code


@pytest.fixture(autouse=True)
def no_keras_here(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Take this process for one that has not imported Keras, as commands are."""
    monkeypatch.delitem(sys.modules, "keras", raising=False)
    yield
    end_reader()


def _readers() -> set[int]:
    return {child.pid for child in psutil.Process().children() if any("keras.files.child" in word for word in command_of(child))}


def test_what_is_ready_is_asked_once() -> None:
    expected = answer_of_a_child(MODEL, {})[1]
    start_reader()
    start_reader()
    (ready,) = apart._ready
    begun_by = time.monotonic() + 60
    while not (found := _readers()) and time.monotonic() < begun_by:  # a child has its own command line only once it has begun
        time.sleep(0.01)
    assert found == {ready.pid}
    assert answer_of_a_child(MODEL, {})[1].digest == expected.digest
    assert ready.returncode is not None and not apart._ready
    assert answer_of_a_child(MODEL, {})[1].digest == expected.digest


def test_one_with_an_engine_is_another(tmp_path: Path) -> None:
    start_reader()
    (tmp_path / "broken.keras").write_bytes(b"no model")
    with pytest.raises(EccLavaError, match=r"broken\.keras"):
        raise answer_of_a_child(tmp_path / "broken.keras", {}, engine=True)
    assert len(apart._ready) == 1


def test_one_that_has_ended_is_an_answer_that_did_not_come() -> None:
    start_reader()
    apart._ready[0].kill()
    apart._ready[0].wait()
    assert answer_of_a_child(MODEL, {}) is None  # and it is asked again, with the engine


def test_a_process_that_cannot_be_started_is_told_when_it_is_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    def refused(engine: bool) -> None:
        raise OSError(11, "Resource temporarily unavailable")

    monkeypatch.setattr(apart, "_started", refused)
    start_reader()
    with pytest.raises(FileError, match="cannot be started: Resource temporarily unavailable"):
        answer_of_a_child(MODEL, {}, engine=True)


@pytest.mark.parametrize("arguments", [("--no-such-option",), (MODEL, "--help"), ("none.keras",)])
def test_a_command_that_reads_nothing_leaves_none(arguments: tuple[object, ...], capfd: pytest.CaptureFixture[str]) -> None:
    before = _readers()
    assert exit_code("inspect", *arguments) == (OK if "--help" in arguments else BAD_INPUT)
    assert _readers() == before and not apart._ready


def test_commands_that_open_no_model_start_none(monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr(apart, "_started", lambda engine: pytest.fail("started"))
    assert exit_code("run", "none.h5", "--data", "none.npz") == BAD_INPUT
    assert exit_code("inspect", "--help") == OK
