"""Image files: what is read, what is refused, and how stored values become a network's input."""

from __future__ import annotations

import io
import logging
import pickle
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from ecc_lava.backends.simulate import simulate
from ecc_lava.common.arrays import Array
from ecc_lava.errors import EccLavaError, FileError, InvalidInput
from ecc_lava.inputs import InputCoding
from ecc_lava.inputs.batches import InputSpec, as_maps, images_as_floats
from ecc_lava.inputs.dataset import digest, load_dataset
from ecc_lava.inputs.encoding import choose_coding, encode
from tests.helpers.images import as_array
from tests.helpers.networks import random_network

X = np.random.default_rng(0).integers(0, 256, (5, 4, 3, 2)).astype(np.uint8)
Y = np.array([3, 1, 4, 1, 5])


def _saved(folder: Path, **arrays: Any) -> Path:
    np.savez(folder / "data.npz", **arrays)
    return folder / "data.npz"


class Trap:
    """Leaves a file behind if it is unpickled."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[Any, ...]:
        return Path.touch, (self.path,)


# --- what is read ----------------------------------------------------------------------------------------------------------------------


def test_images_and_labels_come_as_they_are_stored(tmp_path: Path) -> None:
    read = load_dataset(_saved(tmp_path, x_train=X[:2], x_test=X, y_test=Y), "test")
    assert as_array(read.x).dtype == np.uint8
    np.testing.assert_array_equal(as_array(read.x), X)
    assert read.y is not None
    assert read.y.dtype == np.int64
    np.testing.assert_array_equal(read.y, Y)
    assert len(load_dataset(tmp_path / "data.npz", "train").x) == 2


@pytest.mark.parametrize("dtype", ["float16", "float32", "float64", "uint8", "int64", "bool"])
def test_types_are_kept(dtype: str, tmp_path: Path) -> None:
    assert as_array(load_dataset(_saved(tmp_path, x_test=X.astype(dtype)), "test").x).dtype == dtype


def test_labels_are_optional(tmp_path: Path) -> None:
    assert load_dataset(_saved(tmp_path, x_test=X), "test").y is None


@pytest.mark.parametrize("labels", [Y.astype(np.uint8), Y.astype(np.int16), Y[:, None], Y.astype(">i4")])
def test_integer_labels_of_any_width_and_of_one_column(labels: Array, tmp_path: Path) -> None:
    read = load_dataset(_saved(tmp_path, x_test=X, y_test=labels), "test").y
    assert read is not None
    np.testing.assert_array_equal(read, Y)


def test_compressed_archives(tmp_path: Path) -> None:
    np.savez_compressed(tmp_path / "data.npz", x_test=X)
    np.testing.assert_array_equal(as_array(load_dataset(tmp_path / "data.npz", "test").x), X)


@pytest.mark.parametrize(("limit", "kept"), [(1, 1), (3, 3), (5, 5), (99, 5), (None, 5)])
def test_limit_takes_the_first_in_file_order(limit: int | None, kept: int, tmp_path: Path) -> None:
    read = load_dataset(_saved(tmp_path, x_test=X, y_test=Y), "test", limit)
    np.testing.assert_array_equal(as_array(read.x), X[:kept])
    assert read.y is not None
    np.testing.assert_array_equal(read.y, Y[:kept])


def test_a_damaged_array_that_is_not_asked_for_does_no_harm(tmp_path: Path) -> None:
    path = _saved(tmp_path, x_test=X)
    with zipfile.ZipFile(path, "a") as archive:
        archive.writestr("x_train.npy", b"junk")
    np.testing.assert_array_equal(as_array(load_dataset(path, "test").x), X)


def test_the_digest_is_of_type_shape_and_values() -> None:
    assert digest(X) == digest(X.copy())
    others: list[Array] = [X.astype(np.int16), X.reshape(5, 24), X[::-1], X + np.uint8(1)]
    assert len({digest(X), *(digest(other) for other in others)}) == 5


# --- what is refused -------------------------------------------------------------------------------------------------------------------


def _refused(path: Path, split: str = "test", limit: int | None = None) -> str:
    with pytest.raises(EccLavaError) as caught:
        load_dataset(path, split, limit)
    message = str(caught.value)
    assert message.startswith((str(path), "--limit"))
    assert "\n" not in message
    return message


def test_missing_files_and_folders(tmp_path: Path) -> None:
    assert "no such file" in _refused(tmp_path / "none.npz")
    assert "only a folder" in _refused(tmp_path)


def test_a_missing_split_is_named_with_what_there_is(tmp_path: Path) -> None:
    path = _saved(tmp_path, x_train=X, images=X)
    assert "has no x_test; it holds x_train, images" in _refused(path)
    assert "holds nothing" in _refused(_saved(tmp_path))


@pytest.mark.parametrize("name", ["x_test", "y_test"])
def test_pickled_objects_are_refused_and_not_run(name: str, tmp_path: Path) -> None:
    trap = np.empty(5, object)
    trap[:] = [Trap(tmp_path / "sprung")] * 5
    path = _saved(tmp_path, **{"x_test": X, name: trap})
    assert "plain arrays" in _refused(path)
    assert not (tmp_path / "sprung").exists()


def test_a_pickle_named_npz_is_refused_and_not_run(tmp_path: Path) -> None:
    (tmp_path / "data.npz").write_bytes(pickle.dumps(Trap(tmp_path / "sprung")))
    _refused(tmp_path / "data.npz")
    assert not (tmp_path / "sprung").exists()


def test_a_single_array_of_objects_is_refused(tmp_path: Path) -> None:
    np.save(tmp_path / "data.npy", np.array([Trap(tmp_path / "sprung")] * 5))
    assert "plain arrays" in _refused(tmp_path / "data.npy")
    assert not (tmp_path / "sprung").exists()


@pytest.mark.parametrize("content", [b"", b"text\n" * 50, b"PK\3\4", b"PK\5\6" + bytes(18), b"\x93NUMPY", bytes(5000)])
def test_other_files(content: bytes, tmp_path: Path) -> None:
    (tmp_path / "data.npz").write_bytes(content)
    _refused(tmp_path / "data.npz")


@pytest.mark.parametrize("save", [np.savez, np.savez_compressed])
def test_every_truncation_is_refused(save: Any, tmp_path: Path) -> None:
    buffer = io.BytesIO()
    save(buffer, x_test=X, y_test=Y)
    content = buffer.getvalue()
    path = tmp_path / "data.npz"
    for length in range(0, len(content) - 1, 7):
        path.write_bytes(content[:length])
        _refused(path)


@pytest.mark.parametrize("save", [np.savez, np.savez_compressed])
def test_flipped_bytes_are_refused_or_harmless(save: Any, tmp_path: Path) -> None:
    buffer = io.BytesIO()
    save(buffer, x_test=X)
    content = buffer.getvalue()
    path = tmp_path / "data.npz"
    rng = np.random.default_rng(2)
    for _ in range(800):
        changed = bytearray(content)
        for position in rng.integers(0, len(content), int(rng.integers(1, 4))):
            changed[position] = int(rng.integers(256))
        path.write_bytes(changed)
        try:
            read = as_array(load_dataset(path, "test").x)
        except FileError:
            continue
        except InvalidInput as error:  # the name of the array itself was hit
            if "has no x_test" in str(error):
                continue
            raise
        np.testing.assert_array_equal(read, X)


def test_a_claimed_shape_beyond_memory(tmp_path: Path) -> None:
    header = io.BytesIO()
    write: Callable[..., None] = np.lib.format.write_array_header_1_0
    write(header, {"descr": "|u1", "fortran_order": False, "shape": (2**50, 8, 8, 1)})
    with zipfile.ZipFile(tmp_path / "data.npz", "w") as archive:
        archive.writestr("x_test.npy", header.getvalue())
    _refused(tmp_path / "data.npz")


@pytest.mark.parametrize(
    ("labels", "reason"),
    [
        (Y[:4], "5 labels are needed"),
        (np.arange(6), "5 labels are needed"),
        (np.array(3), "5 labels are needed"),
        (np.array(["a"] * 5), "number the classes from 0"),
        (Y.astype(complex), "no numbers"),
    ],
    ids=["short", "long", "scalar", "text", "complex"],
)
def test_labels_that_do_not_fit(labels: Array, reason: str, tmp_path: Path) -> None:
    assert reason in _refused(_saved(tmp_path, x_test=X, y_test=labels))


@pytest.mark.parametrize("labels", [Y.astype(float), np.eye(5), Y > 2, np.zeros((5, 4, 3))], ids=["float", "one-hot", "bool", "maps"])
def test_labels_of_other_tasks_are_kept_for_those_who_know_the_outputs(labels: Array, tmp_path: Path) -> None:
    read = load_dataset(_saved(tmp_path, x_test=X, y_test=labels), "test").y
    assert read is not None
    np.testing.assert_array_equal(read, labels)


@pytest.mark.parametrize("images", [X[:0], np.zeros((0, 8)), np.float64(3), np.arange(5)], ids=["no image", "no vector", "scalar", "flat"])
def test_no_image(images: Array, tmp_path: Path) -> None:
    assert "holds no image" in _refused(_saved(tmp_path, x_test=images))


@pytest.mark.parametrize("limit", [0, -1])
def test_limit_of_no_image(limit: int, tmp_path: Path) -> None:
    assert "at least 1" in _refused(_saved(tmp_path, x_test=X), limit=limit)


# --- from stored values to a network's input -------------------------------------------------------------------------------------------


def test_a_channel_axis_of_one_may_be_absent() -> None:
    assert as_maps(X[..., 0], InputSpec("x", (4, 3, 1))).shape == (5, 4, 3, 1)
    assert as_maps(X.reshape(5, 24), InputSpec("x", (1, 1, 24))).shape == (5, 1, 1, 24)
    assert as_maps(X[:, 0], InputSpec("x", (1, X.shape[2], X.shape[3]))).shape == (5, 1, *X.shape[2:])


@pytest.mark.parametrize(
    "x", [X, X[0], X[..., :1], X.transpose(0, 3, 1, 2), X.reshape(5, 24), X[None]], ids=["C", "one", "C1", "CHW", "flat", "5D"]
)
def test_other_shapes_are_refused_with_both(x: Array) -> None:
    with pytest.raises(InvalidInput, match=r"data\.npz: shape .* does not fit; the network takes \(N, 4, 3, 3\)"):
        as_maps(x, InputSpec("x", (4, 3, 3)), "data.npz")


@pytest.mark.parametrize("dtype", ["U3", "complex64", "datetime64[s]", "S2"])
def test_values_that_are_no_numbers(dtype: str) -> None:
    with pytest.raises(InvalidInput, match="not numbers"):
        as_maps(np.zeros((1, 4, 3, 2), dtype), InputSpec("x", (4, 3, 2)))


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_nan_and_infinity_are_found(bad: float) -> None:
    x = X.astype(np.float32)
    x[2, 1, 1, 0] = x[4, 0, 0, 0] = bad
    with pytest.raises(InvalidInput, match=r"image 2 holds NaN or infinity \(2 such images\)"):
        as_maps(x, InputSpec("x", (4, 3, 2)))


def test_uint8_is_scaled_and_nothing_else_is() -> None:
    np.testing.assert_array_equal(images_as_floats(X, 1 / 255), X * (1 / 255))
    for dtype in ("float32", "int64", "uint16"):
        np.testing.assert_array_equal(images_as_floats(X.astype(dtype), 1 / 255), X.astype(float))


def test_uint8_images_and_their_floats_are_the_same_input() -> None:
    coding = InputCoding("graded", 0.0, 1 / 255, 1 / 255)
    np.testing.assert_array_equal(encode(images_as_floats(X, 1 / 255), coding), X)


@pytest.mark.parametrize(
    ("low", "high", "offset", "scale"),
    [(0.1, 0.9, 0, 1 / 255), (0, 1, 0, 1 / 255), (-0.3, 1, -1, 2 / 255), (0, 200, 0, 1), (-3, 2, -3, 5 / 255), (7, 300, 7, 293 / 255)],
)
def test_the_coding_holds_the_calibration_images(low: float, high: float, offset: float, scale: float) -> None:
    coding = choose_coding(np.linspace(low, high, 50), InputCoding())
    assert coding.offset == offset
    assert coding.scale == pytest.approx(scale, rel=1e-12)


def test_a_constant_input_has_a_coding() -> None:
    coding = choose_coding(np.full((1, 4, 3, 2), 300.0), InputCoding(uint8_scale=1.0))
    np.testing.assert_array_equal(encode(np.full((1, 4, 3, 2), 300.0), coding), 0)


def test_values_outside_are_clipped_counted_and_warned_of(caplog: pytest.LogCaptureFixture) -> None:
    network = random_network(0)
    x = np.full((2, *network.input.shape), 100.0)
    outside = x.copy()
    outside[0, 0, 0, 0], outside[1, 1, 1, 0] = -3.0, 999.0
    edge = x.copy()
    edge[0, 0, 0, 0], edge[1, 1, 1, 0] = 0.0, 255.0
    np.testing.assert_array_equal(encode(outside, network.codings[0]), encode(edge, network.codings[0]))
    caplog.clear()
    with caplog.at_level(logging.WARNING):
        clipped = simulate(network, outside, backend="golden")
    assert f"2 of {x.size} input values lie outside [0, 255]" in caplog.text
    caplog.clear()
    assert np.array_equal(np.asarray(clipped.readout), np.asarray(simulate(network, edge, backend="golden").readout))
    assert not caplog.text


def test_a_large_npy_is_mapped_and_not_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    frames = np.arange(2 * 5 * 4 * 4 * 1, dtype=np.uint8).reshape(2, 5, 4, 4, 1)
    np.save(tmp_path / "frames.npy", frames)
    read = load_dataset(tmp_path / "frames.npy", "test").x
    monkeypatch.setattr("ecc_lava.inputs.archives.MAPPED_MIN", 1)
    mapped = load_dataset(tmp_path / "frames.npy", "test").x
    assert isinstance(mapped, np.ndarray)
    assert not mapped.flags.writeable
    np.testing.assert_array_equal(as_array(mapped), as_array(read))
    np.testing.assert_array_equal(as_array(load_dataset(tmp_path / "frames.npy", "test", limit=1).x), frames[:1])
    assert digest(mapped) == digest(read)
    (tmp_path / "frames.npy").write_bytes((tmp_path / "frames.npy").read_bytes()[:-3])
    with pytest.raises(FileError, match=r"frames\.npy: not an \.npz of plain arrays, or a damaged one"):
        load_dataset(tmp_path / "frames.npy", "test")
