"""Images that are read while a model is: the same as read after it."""

from __future__ import annotations

import threading
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from ecc_lava.cli import files
from ecc_lava.cli.files import begin_opening, load_images
from ecc_lava.errors import InvalidInput
from ecc_lava.inputs import InputSpec
from tests.helpers.images import as_array

INPUTS = (InputSpec("x", (4, 4, 1)),)


@pytest.fixture
def archive(tmp_path: Path) -> Path:
    rng = np.random.default_rng(0)
    np.savez(tmp_path / "images.npz", x_test=rng.integers(0, 256, (6, 4, 4, 1), np.uint8), y_test=np.arange(6))
    return tmp_path / "images.npz"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for index in range(3):
        (tmp_path / "folder" / "test" / str(index)).mkdir(parents=True)
        Image.fromarray(np.full((4, 4), index * 50, np.uint8)).save(tmp_path / "folder" / "test" / str(index) / "a.png")
    return tmp_path / "folder"


@pytest.mark.parametrize("kind", ["archive", "folder"])
@pytest.mark.parametrize("limit", [None, 2])
def test_the_same_images(kind: str, limit: int | None, request: pytest.FixtureRequest) -> None:
    path: Path = request.getfixturevalue(kind)
    expected, found = load_images(path, "test", INPUTS, limit), begin_opening(path, "test", limit)(INPUTS)
    np.testing.assert_array_equal(as_array(found.x), as_array(expected.x))
    assert found.y is not None and expected.y is not None
    np.testing.assert_array_equal(found.y, expected.y)


def test_they_are_read_before_the_model_is_known(archive: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    begun = threading.Event()
    monkeypatch.setattr(files, "load_dataset", lambda *_: begun.set())
    begin_opening(archive, "test")
    assert begun.wait(60)


def test_what_does_not_fit_is_named_as_ever(archive: Path) -> None:
    with pytest.raises(InvalidInput, match=r"images\.npz"):
        begin_opening(archive, "test")([InputSpec("x", (9, 9, 3))])
    with pytest.raises(InvalidInput, match="has no x_train"):
        begin_opening(archive, "train")(INPUTS)
