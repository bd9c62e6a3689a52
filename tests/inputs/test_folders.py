"""Folders of images, single arrays, other names and layouts: input -> images or message."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from ecc_lava.common import Array
from ecc_lava.errors import EccLavaError, FileError, InvalidInput
from ecc_lava.inputs import InputSpec, as_batch, load_dataset
from tests.helpers.images import as_array

RNG = np.random.default_rng(0)
GREY, COLOUR = InputSpec("x", (4, 5, 1)), InputSpec("x", (4, 5, 3))
X = RNG.integers(0, 256, (6, 4, 5, 3)).astype(np.uint8)
Y = np.array([0, 1, 2, 0, 1, 2])


def _put(path: Path, x: Array, **options: Any) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(x.squeeze()).save(path, **options)


def _classes(folder: Path) -> Path:
    for k, name in enumerate(["ant", "bee", "cat"]):
        for n in range(2):
            _put(folder / name / f"{n}.png", X[2 * k + n])
    return folder


# --- folders -----------------------------------------------------------------------------------------------------------------------------


def test_folders_of_classes_come_in_turns(tmp_path: Path) -> None:
    """So that the first N images are of all classes."""
    read = load_dataset(_classes(tmp_path), "test", inputs=[COLOUR])
    np.testing.assert_array_equal(as_array(read.x), X[[0, 2, 4, 1, 3, 5]])
    assert as_array(read.y).tolist() == [0, 1, 2, 0, 1, 2]
    few = load_dataset(tmp_path, "test", 4, [COLOUR])
    assert as_array(few.y).tolist() == [0, 1, 2, 0]
    assert as_array(few.all_y).tolist() == [0, 1, 2, 0, 1, 2]


def test_a_flat_folder_has_no_labels(tmp_path: Path) -> None:
    for n, x in enumerate(X):
        _put(tmp_path / f"{n}.PNG", x)
    (tmp_path / "notes.txt").write_text("not an image")
    (tmp_path / ".hidden.png").write_text("not an image")
    read = load_dataset(tmp_path, "test", inputs=[COLOUR])
    np.testing.assert_array_equal(as_array(read.x), X)
    assert read.y is None


def test_folders_of_splits(tmp_path: Path) -> None:
    _classes(tmp_path / "train")
    _put(tmp_path / "test" / "a" / "0.png", X[0])
    assert len(load_dataset(tmp_path, "train", inputs=[COLOUR]).x) == 6
    assert len(load_dataset(tmp_path, "test", inputs=[COLOUR]).x) == 1


@pytest.mark.parametrize("ending", ["jpg", "JPEG"])
def test_jpeg_is_read_as_it_decodes(ending: str, tmp_path: Path) -> None:
    smooth = np.broadcast_to(np.arange(5, dtype=np.uint8)[None, :, None] * 20, (4, 5, 3)).copy()
    _put(tmp_path / f"a.{ending}", smooth, quality=100, subsampling=0)
    read = as_array(load_dataset(tmp_path, "test", inputs=[COLOUR]).x)
    assert np.abs(read[0].astype(int) - smooth).max() <= 3


@pytest.mark.parametrize(
    ("stored", "spec"), [(X[..., :1], COLOUR), (X, GREY), (X[..., :1], GREY)], ids=["grey to RGB", "RGB to grey", "grey"]
)
def test_channels_are_those_that_the_model_takes(stored: Array, spec: InputSpec, tmp_path: Path) -> None:
    _put(tmp_path / "a.png", stored[0])
    read = as_array(load_dataset(tmp_path, "test", inputs=[spec]).x)
    assert read.shape == (1, *spec.shape)
    if stored.shape[-1] == 1:
        np.testing.assert_array_equal(read[0], np.broadcast_to(stored[0], spec.shape))


def _damaged(folder: Path) -> None:
    (folder / "a.png").write_bytes(b"\x89PNG\r\n\x1a\n and no more")


def _deep(folder: Path) -> None:
    Image.fromarray(np.full((4, 5), 40_000, np.uint16)).save(folder / "a.png")


def _beside(folder: Path) -> None:
    _classes(folder)
    _put(folder / "stray.png", X[0])


BAD_FOLDERS: dict[str, tuple[Callable[[Path], object], InputSpec, str]] = {
    "empty": (lambda folder: None, COLOUR, "only a folder without PNG or JPEG images"),
    "another size": (
        lambda folder: _put(folder / "a.png", X[0]),
        InputSpec("x", (8, 8, 3)),
        "is 4 x 5 pixels; the model takes 8 x 8. Resize",
    ),
    "damaged": (_damaged, COLOUR, "not a PNG or JPEG image, or a damaged one"),
    "16 bits": (_deep, GREY, "more than 8 bits a channel"),
    "images beside classes": (_beside, COLOUR, "move them into the folders of their classes"),
    "another split": (lambda folder: _classes(folder / "train"), COLOUR, "has no folder test; it holds train"),
    "two channels": (lambda folder: _put(folder / "a.png", X[0]), InputSpec("x", (4, 5, 2)), "2 channels, which no image has"),
    "events": (lambda folder: _put(folder / "a.png", X[0]), GREY._replace(events=True), "give an .npz of arrays"),
}


@pytest.mark.parametrize("name", BAD_FOLDERS)
def test_folders_that_cannot_be_read(name: str, tmp_path: Path) -> None:
    make, spec, reason = BAD_FOLDERS[name]
    make(tmp_path)
    with pytest.raises(EccLavaError) as caught:
        load_dataset(tmp_path, "test", inputs=[spec])
    assert reason in str(caught.value)
    assert str(tmp_path) in str(caught.value)
    assert "\n" not in str(caught.value)


# --- arrays ------------------------------------------------------------------------------------------------------------------------------


def test_a_single_array(tmp_path: Path) -> None:
    np.save(tmp_path / "x.npy", X)
    for split in ("train", "test"):
        read = load_dataset(tmp_path / "x.npy", split)
        np.testing.assert_array_equal(as_array(read.x), X)
        assert read.y is None


NAMES = [
    {"X_test": X, "Y_test": Y},
    {"test_x": X, "test_y": Y},
    {"test_images": X, "test_labels": Y},
    {"images_test": X, "labels_test": Y},
    {"testX": X, "testY": Y},
    {"test-data": X, "test-targets": Y},
    {"X_testing": X, "y_testing": Y},
    {"x": X, "y": Y},
    {"images": X, "labels": Y},
    {"arr_0": X, "arr_1": Y},
    {"x_test": X, "y_test": Y, "X_TEST": X[:1], "x": X[:2], "labels": Y[:2]},
    {"x_test": X, "y": Y},
]


@pytest.mark.parametrize("arrays", NAMES, ids=lambda arrays: "-".join(arrays))
def test_other_spellings(arrays: dict[str, Array], tmp_path: Path) -> None:
    np.savez(tmp_path / "data.npz", **arrays)
    read = load_dataset(tmp_path / "data.npz", "test")
    np.testing.assert_array_equal(as_array(read.x), X)
    np.testing.assert_array_equal(as_array(read.y), Y)


def test_names_that_may_each_be_meant(tmp_path: Path) -> None:
    np.savez(tmp_path / "data.npz", X_test=X, test_images=X[:2])
    with pytest.raises(InvalidInput, match="holds X_test and test_images, which may each be meant by x_test"):
        load_dataset(tmp_path / "data.npz", "test")


def test_another_split_is_never_taken(tmp_path: Path) -> None:
    np.savez(tmp_path / "data.npz", X_train=X, y_train=Y)
    with pytest.raises(InvalidInput, match="has no x_test; it holds X_train, y_train"):
        load_dataset(tmp_path / "data.npz", "test")


def test_files_of_other_kinds_are_named(tmp_path: Path) -> None:
    (tmp_path / "net.h5").write_bytes(b"\x89HDF\r\n\x1a\n" + bytes(100))
    with pytest.raises(FileError, match="an HDF5 file, a model or a network, not images"):
        load_dataset(tmp_path / "net.h5", "test")


LAYOUTS: dict[str, tuple[InputSpec, Array]] = {
    "as the model": (COLOUR, X),
    "channels first": (COLOUR, np.moveaxis(X, -1, 1)),
    "flat": (COLOUR, X.reshape(6, -1)),
    "channels last for a model with channels first": (COLOUR._replace(channels_first=True), X),
    "flat for a model with channels first": (COLOUR._replace(channels_first=True), np.moveaxis(X, -1, 1).reshape(6, -1)),
    "a signal, channels first": (InputSpec("x", (1, 5, 3)), np.moveaxis(X[:, 0], -1, 1)),
}


@pytest.mark.parametrize("name", LAYOUTS)
def test_layouts_that_the_models_shape_settles(name: str) -> None:
    spec, x = LAYOUTS[name]
    expected = X[:, :1] if spec.shape[0] == 1 else X
    np.testing.assert_array_equal(as_batch(x, [spec])["x"], expected)


def test_the_models_own_layout_comes_first() -> None:
    x = RNG.random((2, 3, 3, 3))
    np.testing.assert_array_equal(as_batch(x, [InputSpec("x", (3, 3, 3))])["x"], x)


@pytest.mark.parametrize("shape", [(6, 5, 4, 3), (6, 4, 5, 1), (6, 59), (6, 4, 3, 5)])
def test_other_shapes_are_refused(shape: tuple[int, ...]) -> None:
    with pytest.raises(InvalidInput, match="does not fit"):
        as_batch(np.zeros(shape), [COLOUR])
