"""Images that are read by range: every kind of file gives what reading all of it gives, and a run's memory does not grow with the file."""

from __future__ import annotations

import gc
import subprocess
import sys
import warnings
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest
from PIL import Image

from ecc_lava.common import Array, Images
from ecc_lava.errors import EccLavaError, FileError, InvalidInput
from ecc_lava.inputs import BatchSource, ImageSource, InputSpec, batch_range, digest, in_memory, load_dataset, open_dataset

X = np.random.default_rng(1).integers(0, 256, (11, 4, 5, 3), np.uint8)
Y = np.arange(11) % 4


def _npy(path: Path) -> Path:
    np.save(path / "x.npy", X)
    return path / "x.npy"


def _npz(path: Path) -> Path:
    np.savez(path / "x.npz", y_test=Y, x_test=X)
    return path / "x.npz"


def _packed(path: Path) -> Path:
    np.savez_compressed(path / "p.npz", y_test=Y, x_test=X)
    return path / "p.npz"


def _hdf5(path: Path) -> Path:
    with h5py.File(path / "x.h5", "w") as file:
        file.create_dataset("x_test", data=X, compression="gzip", chunks=(2, 4, 5, 3))
        file["y_test"] = Y
    return path / "x.h5"


def _folder(path: Path) -> Path:
    for number, image in enumerate(X):
        Image.fromarray(image).save(path / f"{number:02d}.png")
    return path


KINDS = (_npy, _npz, _packed, _hdf5, _folder)


def _array(x: Images) -> Array:
    assert isinstance(x, np.ndarray)
    return x


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.__name__)
def test_a_file_that_is_opened_gives_what_it_holds(kind: object, tmp_path: Path) -> None:
    assert callable(kind)
    found = open_dataset(kind(tmp_path), "test", 9, (InputSpec("x", (4, 5, 3)),))
    assert found is not None
    assert len(found.x) == 9
    for first, end in ((0, 2), (2, 9), (8, 9), (0, 9)):  # onwards, and back again
        assert np.array_equal(_array(found.x.part(first, end)), X[first:end])
    for numbers in ([4], [0, 1, 2, 5, 8], [7, 3, 4]):
        assert np.array_equal(_array(found.x.chosen(np.array(numbers))), X[numbers])
    rest = batch_range(found.x, slice(3, None))
    assert isinstance(rest, ImageSource)
    assert (len(rest), rest.can_be_sent) == (6, found.x.can_be_sent)
    assert np.array_equal(_array(rest.part(2, 9)), X[5:9])
    assert digest(found.x) == digest(X[:9])
    if found.y is not None:
        assert np.array_equal(found.y, Y[:9])
        assert found.all_y is not None
        assert len(found.all_y) == 11


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.__name__)
def test_a_source_that_is_given_up_leaves_no_open_file(kind: object, tmp_path: Path) -> None:
    assert callable(kind)
    path = kind(tmp_path)
    gc.freeze()  # what there is by now need not be looked at twenty times
    with warnings.catch_warnings(record=True) as found:
        warnings.simplefilter("always")
        for _ in range(20):  # the collector finalises the objects of a cycle in any order
            source = open_dataset(path, "test", None, (InputSpec("x", (4, 5, 3)),))
            assert source is not None
            source.x.part(0, 2)
            cycle: list[object] = [source]
            cycle.append(cycle)
            del source, cycle
            gc.collect()
    assert [str(warning.message) for warning in found] == []


def test_several_inputs_are_read_by_name(tmp_path: Path) -> None:
    np.savez(tmp_path / "x.npz", x_test_a=X, x_test_b=X[:, 0])
    found = open_dataset(tmp_path / "x.npz", "test")
    assert found is not None
    part = found.x.part(3, 5)
    assert isinstance(part, dict)
    assert {name: array.shape for name, array in part.items()} == {"a": (2, 4, 5, 3), "b": (2, 5, 3)}
    assert digest(found.x) == digest({"a": X, "b": X[:, 0]})


@pytest.mark.slow
def test_a_data_set_of_tensorflow_is_read() -> None:
    tf = pytest.importorskip("tensorflow")
    _check_batches(tf.data.Dataset.from_tensor_slices((X, Y)).batch(4))


def test_batches_are_read_in_order_and_again() -> None:
    _check_batches([(X[first : first + 4], Y[first : first + 4]) for first in range(0, 11, 4)])


def _check_batches(data: Iterable[Any]) -> None:
    source = BatchSource(data, 11)
    assert np.array_equal(np.concatenate([_array(source.part(0, 3)), _array(source.part(3, 9)), _array(source.part(9, 11))]), X)
    assert np.array_equal(_array(source.part(2, 7)), X[2:7])
    assert np.array_equal(np.concatenate([_array(part) for part in in_memory(BatchSource(lambda: iter([X[:5], X[5:]]), 11))]), X)
    with pytest.raises(InvalidInput, match="end after 11 of 12 images"):
        BatchSource(data, 12).part(0, 12)


def test_damaged_files_are_one_error(tmp_path: Path) -> None:
    whole = _npy(tmp_path)
    whole.write_bytes(whole.read_bytes()[:-10])
    with pytest.raises(FileError, match="cut short"):
        open_dataset(whole, "test")
    packed = _packed(tmp_path)
    content = packed.read_bytes()
    packed.write_bytes(content[:200] + bytes(100) + content[300:])
    with pytest.raises(EccLavaError):
        _read_all(packed)
    np.save(tmp_path / "o.npy", np.array([{}], object), allow_pickle=True)
    with pytest.raises(FileError, match="never loaded"):
        open_dataset(tmp_path / "o.npy", "test")


def _read_all(path: Path) -> None:
    found = open_dataset(path, "test")
    assert found is not None
    found.x.part(0, len(found.x))


def test_links_of_hdf5_are_passed_over(tmp_path: Path) -> None:
    _hdf5(tmp_path)
    with h5py.File(tmp_path / "linked.h5", "w") as file:
        file["x_test"] = h5py.ExternalLink("x.h5", "x_test")
    with pytest.raises(FileError, match="HDF5 file without x_test"):
        open_dataset(tmp_path / "linked.h5", "test")


def test_a_whole_file_is_read_where_columns_come_first(tmp_path: Path) -> None:
    np.save(tmp_path / "f.npy", np.asfortranarray(X))
    assert open_dataset(tmp_path / "f.npy", "test") is None
    assert np.array_equal(_array(load_dataset(tmp_path / "f.npy", "test").x), X)


MEASURE = """
import resource, sys, numpy as np
from ecc_lava import check, convert, simulate
from ecc_lava.geometry import Conv, Dense
from ecc_lava.graph import Graph
from ecc_lava.graph.nodes import Input, Linear, Relu
from ecc_lava.inputs import open_dataset
from tests.helpers.networks import chain
SHAPE, conv, dense = (128, 128, 3), Conv(np.ones((8, 8, 3, 2), np.int8), (8, 8)), Dense(np.ones((512, 10), np.int8))
net = chain(SHAPE, conv, dense)
graph = Graph((Input("x", SHAPE), Linear("c", "x", conv, np.zeros(2)), Relu("r", "c"), Linear("d", "r", dense, np.zeros(10))))
RUNS = {
    "run": lambda x: simulate(net, x),
    "check": lambda x: check(net, x, lava=False),
    "convert": lambda x: convert(graph, calibration=x, timesteps=4, recipe="channel"),
}
RUNS[sys.argv[1]](np.zeros((256, *SHAPE), np.float32))
images = open_dataset(sys.argv[2], "test").x
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
RUNS[sys.argv[1]](images)
print(len(images), resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before)
"""


@pytest.mark.slow
@pytest.mark.parametrize("what", ["run", "check", "convert"])
def test_it_takes_less_memory_than_the_file(what: str, tmp_path: Path) -> None:
    path, images = tmp_path / "large.npy", 2_500
    stored = np.lib.format.open_memmap(path, "w+", np.float32, (images, 128, 128, 3))  # type: ignore[no-untyped-call]
    del stored
    size = path.stat().st_size // 1024
    done = subprocess.run([sys.executable, "-c", MEASURE, what, str(path)], capture_output=True, text=True, check=True)
    number, grown = map(int, done.stdout.split())
    assert number == images
    assert grown < size / 2, f"{grown} KiB more for a file of {size} KiB"
