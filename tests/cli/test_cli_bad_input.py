"""The command line: one message for bad options and outputs, exit code 2, and nothing lost or half-written."""

from __future__ import annotations

import contextlib
import errno
import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from ecc_lava.demo.data import MODEL
from tests.helpers.program import BAD_INPUT, DATA, OK, PROGRAM, Call, Outcome, one_message

OUTPUTS: dict[str, Callable[[Path, Path], list[object]]] = {
    "convert": lambda network, out: ["convert", MODEL, "--calibration", DATA, "-o", out, "--recipe", "channel", "--calibration-images", 32],
    "run": lambda network, out: ["run", network, "--data", DATA, "--limit", 2, "--predictions", out],
    "map": lambda network, out: ["map", network, "-o", out],
    "page": lambda network, out: ["map", network, "-o", f"{out}.json", "--html", out],
    "check": lambda network, out: ["check", network, "--data", DATA, "--limit", 2, "--lava-limit", 1, "--picture", out],
}


@pytest.mark.parametrize("command", OUTPUTS)
@pytest.mark.parametrize("where", ["none/out", "file/out", "folder", "pipe", "n" * 400])
def test_outputs_that_cannot_be_written(where: str, command: str, call: Call, network: Path, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("mine")
    (tmp_path / "folder").mkdir()
    os.mkfifo(tmp_path / "pipe")
    started = time.process_time()
    message = one_message(call(*OUTPUTS[command](network, tmp_path / where), "--json"))
    assert time.process_time() - started < 2, "found out after the work"
    assert "cannot be written" in message
    assert sorted(p.name for p in tmp_path.iterdir()) == ["file", "folder", "pipe"]
    assert not list((tmp_path / "folder").iterdir())
    assert (tmp_path / "file").read_text() == "mine"


@pytest.mark.parametrize("command", OUTPUTS)
@pytest.mark.parametrize("number", [errno.EROFS, errno.EACCES])
def test_a_read_only_folder(number: int, command: str, call: Call, network: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fails(*arguments: object, **options: object) -> None:
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr("tempfile.mkstemp", fails)
    assert os.strerror(number) in one_message(call(*OUTPUTS[command](network, tmp_path / "out"), "--json"))
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("command", OUTPUTS)
def test_a_full_disk_leaves_the_old_file(command: str, call: Call, network: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "out").write_text("old")

    def fails(descriptor: int) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr("os.fsync", fails)
    assert "No space left" in one_message(call(*OUTPUTS[command](network, tmp_path / "out"), "--json"))
    assert [p.name for p in tmp_path.iterdir()] == ["out"]
    assert (tmp_path / "out").read_text() == "old"


def test_inputs_are_not_replaced(call: Call, network: Path, tmp_path: Path) -> None:
    copy, model, data = tmp_path / "net.h5", tmp_path / "m.keras", tmp_path / "d.npz"
    for path, source in ((copy, network), (model, MODEL), (data, DATA)):
        path.write_bytes(source.read_bytes())
    for arguments in (
        ("convert", model, "--calibration", data, "-o", model),
        ("convert", model, "--calibration", data, "-o", data),
        ("run", copy, "--data", data, "--predictions", data),
        ("run", copy, "--data", data, "--predictions", copy),
        ("map", copy, "-o", copy),
        ("map", copy, "-o", tmp_path / "m.json", "--html", copy),
        ("map", copy, "--data", data, "-o", tmp_path / "m.json", "--html", data),
        ("check", copy, "--data", data, "--picture", copy),
    ):
        assert "also an input" in one_message(call(*arguments))
    assert [p.read_bytes() for p in (copy, model, data)] == [p.read_bytes() for p in (network, MODEL, DATA)]


BAD_OPTIONS: dict[str, Callable[[Path, Path], list[object]]] = {
    "17 bits": lambda network, out: [*OUTPUTS["convert"](network, out), "--bits", 17],
    "bits of no file": lambda network, out: [*OUTPUTS["convert"](network, out), "--bits", "eight"],
    "bits of a file that is no JSON": lambda network, out: [*OUTPUTS["convert"](network, out), "--bits", DATA],
    "units per row": lambda network, out: [*OUTPUTS["convert"](network, out), "--per", "row"],
    "graded input on loihi1": lambda network, out: [*OUTPUTS["convert"](network, out), "--format", "loihi1", "--coding", "graded"],
    "a negative margin": lambda network, out: ["run", network, "--data", DATA, "--confident", -1],
    "a margin that is no number": lambda network, out: ["run", network, "--data", DATA, "--confident", "nan"],
    "an infinite margin": lambda network, out: ["run", network, "--data", DATA, "--confident", "inf"],
    "over time without time": lambda network, out: ["run", network, "--data", DATA, "--backend", "closed-form", "--over-time"],
    "1 bit": lambda network, out: [*OUTPUTS["convert"](network, out), "--bits", 1],
    "no timesteps": lambda network, out: [*OUTPUTS["convert"](network, out), "--timesteps", 0],
    "fractional timesteps": lambda network, out: [*OUTPUTS["convert"](network, out), "--timesteps", 1.5],
    "unknown format": lambda network, out: [*OUTPUTS["convert"](network, out), "--format", "tpu"],
    "unknown recipe": lambda network, out: [*OUTPUTS["convert"](network, out), "--recipe", "worst"],
    "unknown coding": lambda network, out: [*OUTPUTS["convert"](network, out), "--coding", "morse"],
    "no calibration images": lambda network, out: [*OUTPUTS["convert"](network, out), "--calibration-images", 0],
    "negative seed": lambda network, out: [*OUTPUTS["convert"](network, out), "--seed", -1],
    "input scale 0": lambda network, out: [*OUTPUTS["convert"](network, out), "--input-scale", 0],
    "input scale NaN": lambda network, out: [*OUTPUTS["convert"](network, out), "--input-scale", "nan"],
    "input scale infinite": lambda network, out: [*OUTPUTS["convert"](network, out), "--input-scale", "inf"],
    "another input shape": lambda network, out: [*OUTPUTS["convert"](network, out), "--input-shape", 9, 9, 1],
    "half an input shape": lambda network, out: ["inspect", MODEL, "--input-shape", 8],
    "unknown back end": lambda network, out: ["run", network, "--data", DATA, "--backend", "gpu"],
    "limit 0": lambda network, out: ["run", network, "--data", DATA, "--limit", 0],
    "limit -1": lambda network, out: ["check", network, "--data", DATA, "--limit", -1],
    "lava limit 0": lambda network, out: ["check", network, "--data", DATA, "--lava-limit", 0],
    "too many timesteps": lambda network, out: ["run", network, "--data", DATA, "--timesteps", 17],
    "no timesteps of a run": lambda network, out: ["run", network, "--data", DATA, "--timesteps", 0],
    "max loss NaN": lambda network, out: ["check", network, "--data", DATA, "--limit", 1, "--max-loss", "nan"],
    "unknown chip": lambda network, out: ["map", network, "-o", out, "--chip", "loihi9"],
    "chip of another format": lambda network, out: ["map", network, "-o", out, "--chip", "loihi1"],
    "chip file that is a network": lambda network, out: ["map", network, "-o", out, "--chip", network],
    "chip file that is a folder": lambda network, out: ["map", network, "-o", out, "--chip", out.parent],
    "page and mapping in one file": lambda network, out: ["map", network, "-o", out, "--html", out.parent / "." / out.name],
    "no data": lambda network, out: ["run", network],
    "no model": lambda network, out: ["inspect"],
    "no output": lambda network, out: ["map", network],
    "unknown option": lambda network, out: ["run", network, "--data", DATA, "--fast"],
    "unknown command": lambda network, out: ["fly"],
}


@pytest.mark.parametrize("name", BAD_OPTIONS)
def test_bad_options(name: str, call: Call, network: Path, tmp_path: Path) -> None:
    one_message(call(*BAD_OPTIONS[name](network, tmp_path / "out")))
    assert not list(tmp_path.iterdir())


def test_max_loss_needs_what_it_compares(call: Call, network: Path, bare: Path, unlabelled: Path) -> None:
    assert "y_test" in one_message(call("check", network, "--data", unlabelled, "--max-loss", 1, "--json"))
    assert "CNN" in one_message(call("check", bare, "--data", DATA, "--max-loss", 1, "--json"))


def test_a_float_back_end_needs_the_float_network(call: Call, bare: Path) -> None:
    assert "--backend fast" in one_message(call("run", bare, "--data", DATA, "--backend", "float"))


def test_lava_that_is_not_installed_is_one_message(call: Call, network: Path, without_lava: None) -> None:
    message = one_message(call("run", network, "--data", DATA, "--limit", 2, "--backend", "lava", "--json"))
    assert "lava-nc" in message


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no pseudo-terminals")
def test_progress_goes_to_the_terminal_and_results_to_stdout(network: Path) -> None:
    ours, theirs = os.openpty()
    arguments = [PROGRAM, "run", network, "--data", DATA, "--backend", "golden", "--limit", "300", "--json"]
    words, environment = [str(a) for a in arguments], {**os.environ, "TERM": "xterm"}
    with subprocess.Popen(words, stdout=subprocess.PIPE, stderr=theirs, text=True, env=environment) as process:
        os.close(theirs)
        shown = b""
        with contextlib.suppress(OSError):  # how a pseudo-terminal ends
            while part := os.read(ours, 4096):
                shown += part
        assert process.stdout is not None
        outcome = Outcome(process.wait(), process.stdout.read(), "")
    os.close(ours)
    assert outcome.json["images"] == 300
    assert b"golden" in shown
    assert b"{" not in shown


@pytest.mark.parametrize(
    "command", [[], ["--help"], *([c, "--help"] for c in ("demo", "inspect", "convert", "run", "check", "map", "deploy", "export"))]
)
def test_help(command: list[str], call: Call) -> None:
    outcome = call(*command)
    assert outcome.code == (OK if command else BAD_INPUT)
    assert "Usage" in outcome.out + outcome.err
