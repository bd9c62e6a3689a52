"""Model files: a saved model comes back; code in a file never runs; what is hostile, damaged or no model is refused."""

from __future__ import annotations

import json
import subprocess
import sys
import warnings
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest

import ecc_lava
from ecc_lava.errors import FileError, UnsupportedModel
from tests.helpers.keras_compared import TOLERANCE, difference, randomised, sequential


def _small(keras: Any, layers: Any) -> Any:
    return randomised(
        sequential(keras, (6, 6, 2), layers.Conv2D(3, 3, activation="relu"), layers.BatchNormalization(), layers.Flatten(), layers.Dense(2))
    )


def _save(model: Any, path: Path) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # Keras warns that HDF5 is legacy
        model.save(path)


@pytest.mark.parametrize("suffix", ["keras", "h5", "hdf5"])
def test_a_saved_model_comes_back(keras: Any, layers: Any, suffix: str, tmp_path: Path) -> None:
    model = _small(keras, layers)
    path = tmp_path / f"model.{suffix}"
    _save(model, path)
    graph = ecc_lava.from_keras(ecc_lava.load_model(path))
    assert difference(graph, model) <= TOLERANCE


def _touching(path: Path) -> Callable[[Any], Any]:
    """Return a lambda that creates `path` wherever it runs."""
    return lambda t, p=str(path): (open(p, "w").close(), t)[1]  # type: ignore[misc, func-returns-value]  # noqa: PTH123


def _load_elsewhere(path: Path) -> str:
    """Load a model in a fresh process; return the refusal, and which heavy packages had been imported by then."""
    script = (
        "import sys, ecc_lava\n"
        "try: ecc_lava.load_model(sys.argv[1])\n"
        "except ecc_lava.UnsupportedModel as error: print(error, sorted({'keras', 'tensorflow'} & set(sys.modules)))"
    )
    return subprocess.run([sys.executable, "-c", script, str(path)], capture_output=True, text=True, check=True).stdout


@pytest.mark.parametrize("suffix", ["keras", "h5"])
def test_a_lambda_layer_of_a_file_never_runs(keras: Any, layers: Any, suffix: str, tmp_path: Path) -> None:
    trace, path = tmp_path / "trace", tmp_path / f"evil.{suffix}"
    model = sequential(keras, (4,), layers.Lambda(_touching(trace), output_shape=(4,), name="evil"), layers.Dense(2))
    _save(model, path)
    trace.unlink(missing_ok=True)  # the function ran here, if Keras traced it
    refusal = _load_elsewhere(path)
    assert "evil (Lambda)" in refusal
    assert refusal.strip().endswith("[]"), "refused before TensorFlow is imported"
    assert not trace.exists()


@pytest.mark.parametrize("suffix", ["keras", "h5"])
def test_code_as_an_activation_of_a_file_never_runs(keras: Any, layers: Any, suffix: str, tmp_path: Path) -> None:
    from keras.src.utils.python_utils import func_dump

    trace, path = tmp_path / "trace", tmp_path / f"evil.{suffix}"
    code, defaults, closure = func_dump(_touching(trace))
    _save(sequential(keras, (4,), layers.Dense(4, activation="tanh", name="evil"), layers.Dense(2)), path)
    stored = {"class_name": "__lambda__", "config": {"code": code, "defaults": defaults, "closure": closure}}
    _edit_config(path, '"tanh"', json.dumps(stored))
    refusal = _load_elsewhere(path)
    assert "evil" in refusal
    assert refusal.strip().endswith("[]")
    assert not trace.exists()


def _edit_config(path: Path, old: str, new: str) -> None:
    """Replace text in the description of a model file."""
    if path.suffix == ".h5":
        with h5py.File(path, "r+") as file:
            text = file.attrs["model_config"]
            assert old in text
            file.attrs["model_config"] = text.replace(old, new)
        return
    with zipfile.ZipFile(path) as archive:
        parts = {name: archive.read(name) for name in archive.namelist()}
    text = parts["config.json"].decode()
    assert old in text
    with zipfile.ZipFile(path, "w") as archive:
        for name, data in parts.items():
            archive.writestr(name, text.replace(old, new) if name == "config.json" else data)


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        ('"module": "keras.layers", "class_name": "Conv2D"', '"module": "evil_package", "class_name": "Conv2D"', "evil_package"),
        ('"module": "keras.initializers", "class_name": "Zeros"', '"module": "os.path", "class_name": "Zeros"', "os.path"),
        (
            '"module": "keras.initializers", "class_name": "Zeros"',
            '"module": "keras.layers", "class_name": "TFSMLayer"',
            r"conv2d\w* \(TFSMLayer\)",
        ),
    ],
)
def test_objects_that_are_no_supported_layers_are_refused(keras: Any, layers: Any, old: str, new: str, says: str, tmp_path: Path) -> None:
    path = tmp_path / "model.keras"
    _save(_small(keras, layers), path)
    _edit_config(path, old, new)
    with pytest.raises(UnsupportedModel, match=says):
        ecc_lava.load_model(path)


EVIL_FUNCTION = {"module": "keras", "class_name": "function", "config": "utils.get_file", "registered_name": "function"}
EVIL_CLASS = {"module": "subprocess", "class_name": "Popen", "config": {"args": "true"}, "registered_name": None}
EVIL_SPEC = {**EVIL_CLASS, "class_name": "__typespec__", "spec_name": "Popen"}
OLD_LAMBDA = {"class_name": "Lambda", "config": {"function": ["4wEAAAA=", None, None], "function_type": "lambda"}}


@pytest.mark.parametrize("suffix", ["keras", "h5"])
@pytest.mark.parametrize(
    "stored", [EVIL_FUNCTION, EVIL_CLASS, EVIL_SPEC, OLD_LAMBDA, {**EVIL_CLASS, "module": None}, {"class_name": ["Dense"]}]
)
@pytest.mark.parametrize("key", ['"activation": "tanh"', '"kernel_constraint": null', '"trainable": true'])
def test_hostile_objects_anywhere_in_a_file_are_refused_before_keras_is_imported(
    keras: Any, layers: Any, key: str, stored: Any, suffix: str, tmp_path: Path
) -> None:
    from ecc_lava.importers.keras.files.loading import described_layers

    path = tmp_path / f"evil.{suffix}"
    _save(sequential(keras, (4,), layers.Dense(4, activation="tanh", name="evil"), layers.Dense(2)), path)
    assert ("evil", "Dense", "") in described_layers(path)
    _edit_config(path, key, f'{key.partition(":")[0]}: [{{"odd": {json.dumps(stored)}}}]')
    with pytest.raises(UnsupportedModel, match=r"evil|custom"):
        ecc_lava.load_model(path)


def test_what_an_inner_model_is_trained_with_is_looked_at_too(keras: Any, layers: Any, tmp_path: Path) -> None:
    """Keras compiles inner models although it is asked not to."""
    inner = sequential(keras, (4,), layers.Dense(4, activation="relu"))
    inner.compile("adam", "mse")
    path = tmp_path / "model.keras"
    _save(keras.Sequential([keras.Input((4,)), inner, layers.Dense(2)]), path)
    _edit_config(path, '"module": "keras.optimizers", "class_name": "Adam"', '"module": "evil_package", "class_name": "Adam"')
    with pytest.raises(UnsupportedModel, match="evil_package"):
        ecc_lava.load_model(path)


def test_operations_of_keras_2_files_are_refused_with_the_remedy(keras: Any, layers: Any, tmp_path: Path) -> None:
    path = tmp_path / "old.h5"
    _save(sequential(keras, (4,), layers.Dense(4), layers.Activation("relu", name="tf.math.add")), path)
    _edit_config(path, '"class_name": "Activation"', '"class_name": "TFOpLambda"')
    with h5py.File(path, "r+") as file:
        file.attrs["model_config"] = file.attrs["model_config"].replace('"module": "keras.layers", ', "")
    with pytest.raises(UnsupportedModel, match=r"tf.math.add \(TFOpLambda\).*Keras 2"):
        ecc_lava.load_model(path)


def test_all_unsupported_layers_of_a_file_are_named_at_once(keras: Any, layers: Any, tmp_path: Path) -> None:
    path = tmp_path / "model.keras"
    _save(sequential(keras, (8, 8, 2), layers.LayerNormalization(name="one"), layers.ELU(name="two")), path)
    model = ecc_lava.load_model(path)
    with pytest.raises(UnsupportedModel, match=r"(?s)one \(LayerNormalization\).*two \(ELU\)"):
        ecc_lava.from_keras(model)


def _nothing(path: Path) -> None:
    pass


def _text_file(path: Path) -> None:
    path.write_text("this is no model")


def _other_archive(path: Path) -> None:
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("readme.txt", "hello")


def _weights_only(path: Path) -> None:
    with h5py.File(path, "w") as file:
        file["dense/kernel"] = np.ones((2, 2))


def _bad_json(path: Path) -> None:
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("config.json", "{")


def _json_of_something_else(path: Path) -> None:
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("config.json", '{"hello": [1, 2]}')
        archive.writestr("metadata.json", "{}")


@pytest.mark.parametrize(
    ("name", "make", "says"),
    [
        ("missing.keras", _nothing, "no such file"),
        ("text.keras", _text_file, "neither"),
        ("text.h5", _text_file, "neither"),
        ("other.keras", _other_archive, "not a Keras archive"),
        ("weights.weights.h5", _weights_only, "weights only"),
        ("json.keras", _bad_json, "not JSON"),
        ("else.keras", _json_of_something_else, "cannot load"),
    ],
)
def test_files_that_are_no_models(name: str, make: Callable[[Path], None], says: str, tmp_path: Path) -> None:
    make(tmp_path / name)
    with pytest.raises(FileError, match=says) as caught:
        ecc_lava.load_model(tmp_path / name)
    assert name in str(caught.value)


@pytest.mark.parametrize("suffix", ["keras", "h5"])
@pytest.mark.parametrize("share", [0.3, 0.9, 0.999])
def test_truncated_files(keras: Any, layers: Any, suffix: str, share: float, tmp_path: Path) -> None:
    path = tmp_path / f"model.{suffix}"
    _save(_small(keras, layers), path)
    data = path.read_bytes()
    path.write_bytes(data[: int(len(data) * share)])
    with pytest.raises(FileError, match=path.name):
        ecc_lava.load_model(path)


def test_a_folder_is_no_model(tmp_path: Path) -> None:
    with pytest.raises(FileError, match="no such file"):
        ecc_lava.load_model(tmp_path)
