"""Files read by a process whose Keras imports no engine: the same graphs, the same refusals, the same warnings, and a way back."""

from __future__ import annotations

import logging
import pickle
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from ecc_lava.errors import FileError, UnsupportedModel
from ecc_lava.graph import Graph
from ecc_lava.importers.keras.examining import examined_here
from ecc_lava.importers.keras.files.apart import answer_of_a_child
from tests.helpers.keras_models import Recipe, generated, randomise

READER = """
import pickle, sys
from pathlib import Path
from ecc_lava.importers.keras.files import bare_keras
bare_keras.install()
from ecc_lava.importers.keras.examining import examined_here
pickle.dump([examined_here(Path(path), {}) for path in sys.argv[1:]], sys.stdout.buffer)
"""


def test_generated_models_are_read_alike(tmp_path: Path) -> None:
    paths = []
    for seed in range(15):
        model = generated(Recipe(seed, layers=3 + seed % 7)).model
        randomise(model)
        paths.append(tmp_path / f"{seed}.keras")
        model.save(paths[-1])
    done = subprocess.run([sys.executable, "-c", READER, *map(str, paths)], capture_output=True, check=True)
    bare = pickle.loads(done.stdout)  # noqa: S301 - our own process wrote it
    for path, (layers, result) in zip(paths, bare, strict=True):
        expected_layers, expected = examined_here(path, {})
        assert layers == expected_layers
        if isinstance(expected, UnsupportedModel):
            assert str(result) == str(expected)
        else:
            assert result.digest == expected.digest
    assert sum(isinstance(result, Graph) for _, result in bare) >= 10


def test_a_command_imports_no_engine(tmp_path: Path) -> None:
    import keras

    path = tmp_path / "model.keras"
    keras.Sequential([keras.Input((None, 3)), keras.layers.Conv1D(2, 3, activation="relu")]).save(path)
    code = f"""
import sys
from ecc_lava.importers.keras import examined_file
_, graph = examined_file({str(path)!r}, {{"": (7, 3)}})
print(graph.inputs[0].shape, [name for name in ("keras", "tensorflow") if name in sys.modules])
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "(1, 7, 3) []\n"


def test_what_a_child_finds_wrong_and_says_comes_back(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    import h5py
    import keras

    path = tmp_path / "old.h5"
    keras.Sequential([keras.Input((4,)), keras.layers.Dense(2), keras.layers.ELU(name="odd")]).save(path)
    with h5py.File(path, "r+") as file:
        file.attrs["keras_version"] = "2.15.0"
        file.attrs["model_config"] = file.attrs["model_config"].replace('"units": 2', '"units": 2, "groups": 1')
    with caplog.at_level(logging.WARNING):
        (*_, odd), refusal = answer_of_a_child(path, {})
    assert "words of Keras 3" in caplog.text
    assert odd.name == "odd"
    assert isinstance(refusal, UnsupportedModel)
    assert refusal.offences[0][0].startswith("odd")


def test_what_no_bare_child_can_read_is_left_to_one_with_an_engine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import keras

    path = tmp_path / "model.keras"
    keras.Sequential([keras.Input((4,)), keras.layers.Dense(2)]).save(path)
    monkeypatch.setattr(sys, "executable", str(tmp_path / "nothing"))
    assert answer_of_a_child(path, {}) is None
    with pytest.raises(FileError, match="cannot be started"):
        answer_of_a_child(path, {}, engine=True)
    monkeypatch.setattr(sys, "executable", "/bin/false")
    assert answer_of_a_child(path, {}) is None
    with pytest.raises(FileError, match="more memory or time"):
        answer_of_a_child(path, {}, engine=True)
    monkeypatch.undo()
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    assert isinstance(answer_of_a_child(path, {}), FileError)


def test_inputs_and_weights_are_those_of_the_file(tmp_path: Path) -> None:
    import keras

    from ecc_lava.graph.evaluate import forward

    path = tmp_path / "model.h5"
    model = keras.Sequential([keras.Input((3,)), keras.layers.Dense(4, activation="relu"), keras.layers.Dense(2)])
    randomise(model)
    model.save(path)
    _, graph = answer_of_a_child(path, {})
    x = np.random.default_rng(0).random((5, 3)).astype(np.float32)
    np.testing.assert_allclose(forward(graph, x), model(x), rtol=1e-5, atol=1e-6)
