"""The command line: one message for every bad input, exit code 2, and nothing lost or half-written."""

from __future__ import annotations

import contextlib
import errno
import io
import json
import os
import subprocess
import sys
import time
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest

from ecc_lava.demo.data import MODEL
from tests.helpers.program import BAD_INPUT, DATA, OK, PROGRAM, Call, Outcome, in_process_of_its_own, one_message


def _inspect(model: Path, folder: Path) -> list[object]:
    return ["inspect", model]


def _convert(model: Path, folder: Path) -> list[object]:
    return ["convert", model, "--calibration", DATA, "-o", folder / "out" / "net.h5"]


def _repacked(folder: Path, name: str = "model.keras", **members: bytes | None) -> Path:
    """Return a copy of the demo's model with members replaced; None leaves one out."""
    renamed = {key.replace("__", "."): content for key, content in members.items()}
    with zipfile.ZipFile(MODEL) as old, zipfile.ZipFile(folder / name, "w") as new:
        for info in old.infolist():
            content = renamed.get(info.filename, old.read(info))
            if content is not None:
                new.writestr(info.filename, content)
    return folder / name


def _weights(change: Callable[[Any], None]) -> bytes:
    buffer = io.BytesIO(_member("model.weights.h5"))
    with h5py.File(buffer, "r+") as file:
        change(file)
    return buffer.getvalue()


def _member(name: str) -> bytes:
    with zipfile.ZipFile(MODEL) as archive:
        return archive.read(name)


def _first_array(file: Any) -> Any:
    found: list[Any] = []
    file.visititems(lambda name, item: found.append(item) if isinstance(item, h5py.Dataset) and item.ndim == 4 else None)
    return found[0]


def _spoil(file: Any) -> None:
    _first_array(file)[0, 0, 0, 0] = np.nan


def _reshape(file: Any) -> None:
    array = _first_array(file)
    name, parent = array.name, array.parent
    del file[name]
    parent.create_dataset(name.split("/")[-1], data=np.zeros((2, 2, 1, 3), np.float32))


def _remove(file: Any) -> None:
    del file[_first_array(file).name]


def _config(change: Callable[[Any], None]) -> bytes:
    config = json.loads(_member("config.json"))
    change(config)
    return json.dumps(config).encode()


def _layer(**fields: Any) -> Callable[[Any], None]:
    """Return a change that gives the model's ReLU layers other fields."""

    def change(config: Any) -> None:
        for layer in config["config"]["layers"]:
            if layer["class_name"] == "ReLU":
                layer.update(fields)

    return change


def _cut(name: str, content: bytes) -> Callable[[Path], Path]:
    def make(folder: Path) -> Path:
        (folder / name).write_bytes(content)
        return folder / name

    return make


def _two_in_one(folder: Path) -> Path:
    """Return an HDF5 model with a Lambda layer, which Keras would load, that is also an archive with a harmless description."""
    layers = [{"class_name": "Lambda", "config": {"name": "my_layer"}}]
    with h5py.File(folder / "model.h5", "w") as file:
        file.attrs["model_config"] = json.dumps({"class_name": "Sequential", "config": {"layers": layers}})
    with (folder / "model.h5").open("ab") as file:
        file.write(MODEL.read_bytes())
    assert zipfile.is_zipfile(folder / "model.h5")
    return folder / "model.h5"


BAD_MODELS: dict[str, tuple[Callable[[Path], Path], str]] = {
    "missing": (lambda folder: folder / "none.keras", "no such file"),
    "a folder": (lambda folder: folder, "only a folder"),
    "text named .keras": (_cut("model.keras", b"hello, I am text\n"), "neither a .keras archive nor"),
    "text named .h5": (_cut("model.h5", b"hello, I am text\n"), "neither a .keras archive nor"),
    "empty": (_cut("model.keras", b""), "neither a .keras archive nor"),
    "cut short": (_cut("model.keras", MODEL.read_bytes()[:9000]), "neither a .keras archive nor"),
    "an HDF5 file without a model": (_cut("model.h5", _member("model.weights.h5")), "weights only"),
    "HDF5 named .keras": (_cut("model.keras", _member("model.weights.h5")), "weights only"),
    "no description": (lambda folder: _repacked(folder, config__json=None), "config.json"),
    "description not JSON": (lambda folder: _repacked(folder, config__json=b"{"), "not JSON"),
    "description not UTF-8": (lambda folder: _repacked(folder, config__json=b"\xff\xfe\x00"), "not JSON"),
    "description deep": (lambda folder: _repacked(folder, config__json=b"[" * 90_000 + b"]" * 90_000), "not JSON"),
    "description a number": (lambda folder: _repacked(folder, config__json=b"7"), "model"),
    "description a list": (lambda folder: _repacked(folder, config__json=b"[]"), "model"),
    "no weights": (lambda folder: _repacked(folder, model__weights__h5=None), "cannot load"),
    "weights cut short": (lambda f: _repacked(f, model__weights__h5=_member("model.weights.h5")[:20_000]), "cannot load"),
    "weights that are text": (lambda f: _repacked(f, model__weights__h5=b"text"), "cannot load"),
    "a weight missing": (lambda f: _repacked(f, model__weights__h5=_weights(_remove)), "cannot load"),
    "a weight of another shape": (lambda f: _repacked(f, model__weights__h5=_weights(_reshape)), "cannot load"),
    "NaN in weights": (lambda f: _repacked(f, model__weights__h5=_weights(_spoil)), "NaN or infinite"),
    "a Lambda layer": (lambda f: _repacked(f, config__json=_config(_layer(class_name="Lambda"))), "relu0 (Lambda)"),
    "a custom layer": (
        lambda f: _repacked(f, config__json=_config(_layer(class_name="Mine", module="my.layers", registered_name="Mine"))),
        "my.layers",
    ),
    "a description behind another": (_two_in_one, "my_layer (Lambda)"),
    "a function of the language": (
        lambda f: _repacked(
            f,
            config__json=_config(
                _layer(config={"name": "a", "activation": {"module": "builtins", "class_name": "function", "config": "exec"}})
            ),
        ),
        "builtins",
    ),
}


@pytest.mark.parametrize("command", [_inspect, _convert], ids=["inspect", "convert"])
@pytest.mark.parametrize("name", BAD_MODELS)
def test_bad_models(name: str, command: Callable[[Path, Path], list[object]], call: Call, tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    make, reason = BAD_MODELS[name]
    (tmp_path / "in").mkdir()
    outcome = call(*command(make(tmp_path / "in"), tmp_path), "--json")
    assert outcome.code == BAD_INPUT
    if outcome.out:  # the layers of a model with some that cannot be converted
        assert command is _inspect
        assert "refused" in [row["became"] for row in outcome.json["layers"]]
    assert "Traceback" not in outcome.err
    assert outcome.err.startswith("ecc-lava: ")
    assert len(outcome.err.splitlines()) <= 4, outcome.err
    assert reason in outcome.err, outcome.err
    assert not list((tmp_path / "out").iterdir())


def _altered(network: Path, folder: Path) -> Path:
    content = bytearray(network.read_bytes())
    content[len(content) // 2] ^= 1
    (folder / "net.h5").write_bytes(content)
    return folder / "net.h5"


def _truncated(network: Path, folder: Path) -> Path:
    (folder / "net.h5").write_bytes(network.read_bytes()[:-100])
    return folder / "net.h5"


def _text(network: Path, folder: Path) -> Path:
    (folder / "net.h5").write_text("text")
    return folder / "net.h5"


BAD_NETWORKS: dict[str, tuple[Callable[[Path, Path], Path], str]] = {
    "missing": (lambda network, folder: folder / "none.h5", "no such file"),
    "a folder": (lambda network, folder: folder, "only a folder"),
    "truncated": (_truncated, "cut short"),
    "altered": (_altered, "altered"),
    "text": (_text, "not a network file"),
    "a model": (lambda network, folder: MODEL, "ecc-lava convert"),
}

NETWORK_COMMANDS: dict[str, Callable[[Path, Path], list[object]]] = {
    "run": lambda network, out: ["run", network, "--data", DATA, "--limit", 2, "--predictions", out / "p.npz"],
    "run float": lambda network, out: ["run", network, "--data", DATA, "--backend", "float"],
    "check": lambda network, out: ["check", network, "--data", DATA, "--limit", 2],
    "stream": lambda network, out: ["stream", network, "-o", out / "stream.h5"],
    "map": lambda network, out: ["map", network, "-o", out / "mapping.json"],
    "track": lambda network, out: ["track", network, "--data", DATA, "-o", out / "boxes.csv"],
}


@pytest.mark.parametrize("command", NETWORK_COMMANDS)
@pytest.mark.parametrize("name", BAD_NETWORKS)
def test_bad_networks(name: str, command: str, call: Call, network: Path, tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    (tmp_path / "out").mkdir()
    make, reason = BAD_NETWORKS[name]
    outcome = call(*NETWORK_COMMANDS[command](make(network, tmp_path / "in"), tmp_path / "out"), "--json")
    assert reason in one_message(outcome)
    assert not list((tmp_path / "out").iterdir())


def _images(**arrays: Any) -> Callable[[Path, str], Path]:
    def make(folder: Path, split: str) -> Path:
        np.savez(folder / "data.npz", **{f"{key}_{split}": value for key, value in arrays.items()})
        return folder / "data.npz"

    return make


def _nan(folder: Path, split: str) -> Path:
    x = np.zeros((5, 8, 8, 1), np.float32)
    x[3, 2, 2, 0] = np.nan
    return _images(x=x)(folder, split)


def _other_split(folder: Path, split: str) -> Path:
    return _images(x=np.zeros((5, 8, 8, 1)))(folder, "other")


def _cut_data(folder: Path, split: str) -> Path:
    (folder / "data.npz").write_bytes(DATA.read_bytes()[:5000])
    return folder / "data.npz"


def _flipped_data(folder: Path, split: str) -> Path:
    content = bytearray(DATA.read_bytes())
    content[1000] ^= 0xFF
    content[-6000] ^= 0xFF
    (folder / "data.npz").write_bytes(content)
    return folder / "data.npz"


BAD_DATA: dict[str, tuple[Callable[[Path, str], Path], str]] = {
    "missing": (lambda folder, split: folder / "none.npz", "no such file"),
    "a folder": (lambda folder, split: folder, "only a folder"),
    "truncated": (_cut_data, "damaged"),
    "altered": (_flipped_data, "damaged"),
    "a model": (lambda folder, split: MODEL, "has no x_"),
    "objects": (_images(x=np.array([[None]] * 5)), "plain arrays"),
    "text values": (_images(x=np.full((5, 8, 8, 1), "a")), "not numbers"),
    "complex values": (_images(x=np.zeros((5, 8, 8, 1), complex)), "not numbers"),
    "another shape": (_images(x=np.zeros((5, 9, 8, 1))), "does not fit"),
    "three channels": (_images(x=np.zeros((5, 8, 8, 3))), "does not fit"),
    "channels in the middle": (_images(x=np.zeros((5, 8, 1, 8))), "does not fit"),
    "one image": (_images(x=np.zeros((8, 8))), "does not fit"),
    "empty": (_images(x=np.zeros((0, 8, 8, 1))), "no image"),
    "NaN": (_nan, "image 3 holds NaN"),
    "another split": (_other_split, "has no x_"),
}
BAD_LABELS: dict[str, tuple[Callable[[Path, str], Path], str]] = {
    "too few labels": (_images(x=np.zeros((5, 8, 8, 1)), y=np.arange(4)), "5 labels are needed"),
    "one-hot labels of fewer classes": (_images(x=np.zeros((5, 8, 8, 1)), y=np.eye(5)), "one-hot rows"),
}


@pytest.mark.parametrize("name", BAD_DATA)
def test_bad_calibration(name: str, call: Call, tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    make, reason = BAD_DATA[name]
    path = make(tmp_path, "train")
    message = one_message(call("convert", MODEL, "--calibration", path, "-o", tmp_path / "out" / "net.h5", "--json"))
    assert reason in message
    assert str(path) in message
    assert not list((tmp_path / "out").iterdir())


@pytest.mark.parametrize("command", ["run", "check", "run closed-form"])
@pytest.mark.parametrize("name", [*BAD_DATA, *BAD_LABELS])
def test_bad_data(name: str, command: str, call: Call, network: Path, tmp_path: Path) -> None:
    make, reason = (BAD_DATA | BAD_LABELS)[name]
    path = make(tmp_path, "test")
    backend = ["--backend", command.split()[1]] if " " in command else []
    message = one_message(call(command.split()[0], network, "--data", path, *backend, "--json"))
    assert reason in message
    assert str(path) in message


CLIPPED = (
    "2560 of 2560 input values lie outside [0, 1] and were clipped; the images lie in 1.5 to 1.5, those of calibration in 0 to 1: "
    "scale them alike, or calibrate with images like these"
)


def test_values_outside_the_coding_are_warned_of_once(network: Path, tmp_path: Path) -> None:
    path = _images(x=np.full((40, 8, 8, 1), 1.5))(tmp_path, "test")
    outcome = in_process_of_its_own("run", network, "--data", path, "--json")
    assert outcome.code == OK
    assert outcome.json["images"] == 40
    lines = outcome.err.splitlines()
    assert lines[0] == f"WARNING: {CLIPPED}"
    assert len(lines) == 2
    assert "unlike those of training" in lines[1]


def test_check_warns_of_clipped_values_once(call: Call, bare: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    path = _images(x=np.full((40, 8, 8, 1), 1.5))(tmp_path, "test")
    assert call("check", bare, "--data", path, "--lava-limit", 1).code == OK
    assert [r.getMessage() for r in caplog.records] == [CLIPPED]


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
    "9 bits": lambda network, out: [*OUTPUTS["convert"](network, out), "--bits", 9],
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
    with subprocess.Popen([str(a) for a in arguments], stdout=subprocess.PIPE, stderr=theirs, text=True) as process:
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
