"""The command line: one message for every model that cannot be read, and nothing half-written."""

from __future__ import annotations

import io
import json
import sys
import zipfile
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest

from ecc_lava.demo.data import MODEL
from tests.helpers.program import BAD_INPUT, DATA, Call


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


Command = Callable[[Path, Path], list[object]]
BY_KERAS = "cannot load"
"""What is said of models that only Keras's engine finds out."""

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
    "no weights": (lambda folder: _repacked(folder, model__weights__h5=None), BY_KERAS),
    "weights cut short": (lambda f: _repacked(f, model__weights__h5=_member("model.weights.h5")[:20_000]), BY_KERAS),
    "weights that are text": (lambda f: _repacked(f, model__weights__h5=b"text"), BY_KERAS),
    "a weight missing": (lambda f: _repacked(f, model__weights__h5=_weights(_remove)), BY_KERAS),
    "a weight of another shape": (lambda f: _repacked(f, model__weights__h5=_weights(_reshape)), BY_KERAS),
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
def test_bad_models(name: str, command: Command, call: Call, tmp_path: Path) -> None:
    if BAD_MODELS[name][1] == BY_KERAS:
        with suppress(ImportError):
            import keras  # noqa: F401  read in this process: one of its own starts Keras's engine for every command
    _is_one_message(name, command, call, tmp_path)


def test_a_bad_model_that_a_process_of_its_own_reads(call: Call, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(sys.modules, "keras", raising=False)
    _is_one_message("a weight missing", _convert, call, tmp_path)


def _is_one_message(name: str, command: Command, call: Call, folder: Path) -> None:
    (folder / "out").mkdir()
    make, reason = BAD_MODELS[name]
    (folder / "in").mkdir()
    outcome = call(*command(make(folder / "in"), folder), "--json")
    assert outcome.code == BAD_INPUT
    if outcome.out:  # the layers of a model with some that cannot be converted
        assert command is _inspect
        assert "refused" in [row["became"] for row in outcome.json["layers"]]
    assert "Traceback" not in outcome.err
    assert outcome.err.startswith("ecc-lava: ")
    assert len(outcome.err.splitlines()) <= 4, outcome.err
    assert reason in outcome.err, outcome.err
    assert not list((folder / "out").iterdir())
