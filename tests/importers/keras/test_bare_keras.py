"""Files read by a process whose Keras imports no engine: the same graphs, the same refusals, the same warnings, and a way back."""

from __future__ import annotations

import logging
import pickle
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest

from ecc_lava.errors import FileError, UnsupportedModel
from ecc_lava.graph import Graph
from ecc_lava.importers.keras.examining import examined_here
from ecc_lava.importers.keras.files import apart
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


PEAK = """
import resource, sys
from pathlib import Path
from ecc_lava.importers.keras.files.apart import answer_of_a_child
_, graph = answer_of_a_child(Path(sys.argv[1]), {})
print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss * 1024)
"""


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="counts memory as Linux does")
@pytest.mark.parametrize("ending", ["keras", "h5"])
def test_weights_are_held_once(ending: str, tmp_path: Path) -> None:
    """The child's memory grows by one copy of the weights, and what it hands over is a file that the asker maps."""
    import keras

    peaks, sizes = [], []
    for units in (8, 1800):
        path = tmp_path / f"{units}.{ending}"
        layers = [keras.layers.Dense(units, activation="relu", kernel_initializer="ones") for _ in range(4)]
        keras.Sequential([keras.Input((units,)), *layers]).save(path)
        done = subprocess.run([sys.executable, "-c", PEAK, str(path)], capture_output=True, text=True, check=True)
        peaks.append(int(done.stdout))
        sizes.append(path.stat().st_size)
    assert sizes[1] > 5 * 10**7
    assert peaks[1] - peaks[0] < 1.6 * sizes[1]


def test_arrays_of_a_child_are_mapped_and_nothing_stays(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import keras

    path = tmp_path / "model.keras"
    model = keras.Sequential([keras.Input((40,)), keras.layers.Dense(30)])
    randomise(model)
    model.save(path)
    place = tmp_path / "tmp"
    place.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(place))
    monkeypatch.setenv("TMPDIR", str(place))
    _, graph = answer_of_a_child(path, {})
    kernel = next(node.geometry.kernel for node in graph.nodes if hasattr(node, "geometry"))
    base = kernel
    while isinstance(base.base, np.ndarray):
        base = base.base
    assert isinstance(base, np.memmap)
    assert not kernel.flags.writeable
    np.testing.assert_array_equal(kernel.reshape(40, 30), np.asarray(model.layers[0].kernel))
    assert not list(place.iterdir())


def test_weights_that_cannot_be_handed_over_are_one_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import keras

    if not Path("/dev/full").is_char_device():
        pytest.skip("this system has no /dev/full")
    path = tmp_path / "model.keras"
    keras.Sequential([keras.Input((400,)), keras.layers.Dense(300)]).save(path)

    @contextmanager
    def full() -> Iterator[Path]:
        folder = tmp_path / "full"
        folder.mkdir()
        (folder / "arrays").symlink_to("/dev/full")
        yield folder

    monkeypatch.setattr(apart, "temporary_folder", full)
    with pytest.raises(FileError, match="handed over") as refused:
        raise answer_of_a_child(path, {})
    assert "make room there" in str(refused.value)
