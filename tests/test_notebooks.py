"""Every notebook runs from top to bottom, and is stored without outputs; the site shows the executed copies that a run leaves."""

from __future__ import annotations

import importlib.util
from collections.abc import Callable
from pathlib import Path
from typing import Any

import nbformat
import numpy as np
import pytest
from nbclient import NotebookClient

NOTEBOOKS = sorted((Path(__file__).parents[1] / "notebooks").glob("*.ipynb"))


@pytest.mark.slow
@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
@pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::ResourceWarning")
def test_the_notebook_runs(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TF_CPP_MIN_LOG_LEVEL", "3")
    monkeypatch.setenv("MPLBACKEND", "module://matplotlib_inline.backend_inline")
    read: Callable[..., Any] = nbformat.read
    notebook = read(path, as_version=4)
    assert all(not cell.get("outputs") and cell.get("execution_count") is None for cell in notebook.cells), "outputs must be stripped"
    NotebookClient(notebook, timeout=1800, resources={"metadata": {"path": str(path.parent)}}).execute()
    executed = path.parent / "executed"
    executed.mkdir(exist_ok=True)
    write: Callable[..., Any] = nbformat.write
    write(notebook, executed / path.name)
    assert any("image/png" in out.get("data", {}) for cell in notebook.cells for out in cell.get("outputs", []))


def test_there_is_a_notebook() -> None:
    assert NOTEBOOKS


@pytest.fixture(scope="module")
def image_markers() -> Any:
    """Return the module beside the notebook on image markers."""
    spec = importlib.util.spec_from_file_location("image_markers", NOTEBOOKS[0].parent / "image_markers.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_strokes_are_a_function_of_the_seed_and_walk_along_edges(image_markers: Any) -> None:
    pictures = np.zeros((4, 16, 20, 3), np.uint8)
    pictures[:, 5:, :] = 200  # one edge, between rows 4 and 5
    first, again, other = (image_markers.strokes(pictures, seed, length=6) for seed in (0, 0, 1))
    assert all(np.array_equal(a, b) for a, b in zip(first, again, strict=True))
    assert any(not np.array_equal(a, b) for a, b in zip(first, other, strict=True))
    for stroke in first:
        assert len(set(map(tuple, stroke))) == 6
        assert np.abs(np.diff(stroke, axis=0)).max() == 1
        assert set(stroke[:, 0]) <= {4, 5}


def test_filters_are_centres_of_each_markers_patches_at_unit_length(image_markers: Any) -> None:
    maps = np.random.default_rng(0).normal(size=(3, 8, 8, 2))
    markers = [np.array([(0, 0), (3, 3), (2, 3), (9, 9), (15, 15)])] * 3  # pixels of images twice as large
    patches = image_markers.marked_patches(maps, markers, 3, stride=2)
    assert [p.shape for p in patches] == [(5 - 1, 3, 3, 2)] * 3  # two pixels lie in one of the map
    np.testing.assert_array_equal(patches[1][1], maps[1, :3, :3])
    assert (patches[0][0][0] == 0).all()  # above the map
    filters = image_markers.estimate(patches, 2, seed=0)
    assert filters.shape == (3, 3, 2, 6)
    np.testing.assert_allclose(np.linalg.norm(filters.reshape(-1, 6), axis=0), 1)
    np.testing.assert_array_equal(filters, image_markers.estimate(patches, 2, seed=0))
    mean = patches[2].mean(axis=0)
    np.testing.assert_allclose(image_markers.estimate(patches, 1, seed=0)[..., 2], mean / np.linalg.norm(mean))
