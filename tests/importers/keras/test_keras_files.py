"""Which file is opened how: the content decides its kind, whatever its name; and which back end of Keras reads it."""

from __future__ import annotations

import importlib.util
import json
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import ecc_lava
from ecc_lava.errors import FileError, UnsupportedModel


@pytest.fixture(scope="module")
def saved(tmp_path_factory: pytest.TempPathFactory) -> tuple[Any, dict[str, Path]]:
    """Return a model and its files by kind."""
    import keras

    model = keras.Sequential([keras.Input((4, 4, 1)), keras.layers.Conv2D(2, 3, activation="relu"), keras.layers.Flatten()])
    folder = tmp_path_factory.mktemp("saved")
    files = {kind: folder / f"model.{kind}" for kind in ("keras", "h5")}
    for path in files.values():
        model.save(path)
    return model, files


@pytest.mark.parametrize("kind", ["keras", "h5"])
@pytest.mark.parametrize("name", ["model.keras", "model.h5", "model.HDF5", "model.zip", "model"])
def test_the_content_of_a_file_decides_how_it_is_opened(saved: Any, kind: str, name: str, tmp_path: Path) -> None:
    model, files = saved
    shutil.copyfile(files[kind], tmp_path / name)
    x = np.ones((1, 4, 4, 1), np.float32)
    np.testing.assert_array_equal(ecc_lava.load_model(tmp_path / name)(x), model(x))
    assert [path.name for path in tmp_path.iterdir()] == [name]


@pytest.mark.parametrize(("kind", "name"), [("keras", "model.h5"), ("h5", "model.keras"), ("keras", "model")])
def test_code_in_a_file_of_another_name_never_runs(kind: str, name: str, tmp_path: Path) -> None:
    import keras

    trace = tmp_path / "trace"

    def evil(t: Any, p: str = str(trace)) -> Any:
        open(p, "w").close()  # noqa: PTH123 - a Lambda is stored without the names around it
        return t

    model = keras.Sequential([keras.Input((4,)), keras.layers.Lambda(evil, output_shape=(4,), name="evil")])
    model.save(tmp_path / f"model.{kind}.{kind}")
    (tmp_path / f"model.{kind}.{kind}").rename(tmp_path / name)
    trace.unlink(missing_ok=True)
    with pytest.raises(UnsupportedModel, match="evil"):
        ecc_lava.load_model(tmp_path / name)
    assert not trace.exists()


def test_a_saved_model_is_refused_with_the_line_that_converts_it(tmp_path: Path) -> None:
    (tmp_path / "net").mkdir()
    (tmp_path / "net" / "saved_model.pb").write_bytes(b"\x08\x01")
    with pytest.raises(FileError, match=r"SavedModel.*load_model\('net'\)\.save\('net\.h5'\)"):
        ecc_lava.load_model(tmp_path / "net")


@pytest.mark.skipif(importlib.util.find_spec("jax") is not None, reason="jax is installed")
def test_a_back_end_that_is_not_installed_stops_no_command_and_is_one_message_in_python(saved: Any, tmp_path: Path) -> None:
    (tmp_path / "keras.json").write_text(json.dumps({"backend": "jax"}))
    code = f"""
import os, ecc_lava
from ecc_lava.importers.keras import examined_file
os.environ["KERAS_HOME"] = {str(tmp_path)!r}
os.environ.pop("KERAS_BACKEND", None)
print(len(examined_file({str(saved[1]["keras"])!r})[0]))
for chosen in (None, "jax"):
    if chosen:
        os.environ["KERAS_BACKEND"] = chosen
    try:
        ecc_lava.load_model({str(saved[1]["keras"])!r})
    except ecc_lava.EccLavaError as error:
        print(error)
"""
    layers, *messages = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.splitlines()
    assert layers == "3"
    assert len(messages) == 2
    assert all("set KERAS_BACKEND=tensorflow" in message and "jax" in message for message in messages)


@pytest.mark.slow
@pytest.mark.skipif(importlib.util.find_spec("torch") is None, reason="torch is not installed")
def test_another_back_end_reads_the_same_numbers(saved: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    model, files = saved
    monkeypatch.setenv("KERAS_BACKEND", "torch")
    code = f"""
import ecc_lava, numpy as np
graph = ecc_lava.from_keras(ecc_lava.load_model({str(files["h5"])!r}))
print(ecc_lava.forward(graph, np.ones((1, 4, 4, 1))).tolist())
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    np.testing.assert_allclose(json.loads(done.stdout), model(np.ones((1, 4, 4, 1), np.float32)), rtol=1e-5, atol=1e-6)


FUNCTIONS = {
    "relu": "nn.relu",
    "relu6": "nn.relu6",
    "leaky_relu": "nn.leaky_relu",
    "linear": "identity",
    "softmax": "nn.softmax",
    "sigmoid": "math.sigmoid",
}


@pytest.mark.parametrize("how", ["live", "keras", "h5"])
@pytest.mark.parametrize("name", FUNCTIONS)
def test_functions_of_tensorflow_are_those_of_keras(name: str, how: str, tmp_path: Path) -> None:
    import keras
    import tensorflow as tf

    function = tf
    for part in FUNCTIONS[name].split("."):
        function = getattr(function, part)
    rng = np.random.default_rng(0)

    def built(activation: Any) -> Any:
        model = keras.Sequential([keras.Input((5,)), keras.layers.Dense(3, activation=activation, name="last")])
        model.set_weights([rng.normal(0, 3, (5, 3)), np.zeros(3)])
        return model

    model, plain = built(function), built(name)
    plain.set_weights(model.get_weights())
    if how != "live":
        model.save(tmp_path / f"model.{how}")
        if name == "linear":  # a file holds the name alone, which may be anybody's function
            with pytest.raises(UnsupportedModel, match="only Keras's own"):
                ecc_lava.load_model(tmp_path / f"model.{how}")
            return
        model = ecc_lava.load_model(tmp_path / f"model.{how}")
    x = rng.normal(0, 1, (4, 5)).astype(np.float32)
    np.testing.assert_allclose(ecc_lava.forward(ecc_lava.from_keras(model), x), ecc_lava.forward(ecc_lava.from_keras(plain), x), rtol=1e-6)


def test_a_function_of_ones_own_of_the_same_name_stays_refused() -> None:
    import keras

    def softmax_v2(x: Any) -> Any:
        return 2 * x

    model = keras.Sequential([keras.Input((5,)), keras.layers.Dense(3, activation=softmax_v2)])
    with pytest.raises(UnsupportedModel, match="not of Keras"):
        ecc_lava.from_keras(model)
