"""Arrays of few values a channel stand in files in few bits, and come back bit for bit."""

from __future__ import annotations

import io
from typing import Any

import h5py
import numpy as np
import pytest

from ecc_lava.common import Array
from ecc_lava.errors import InvalidNetwork
from ecc_lava.storage.arrays import Reader, Writer, write_json
from ecc_lava.storage.packed import VALUES_LEAST, packed

_RNG = np.random.default_rng(0)
_ALPHA = _RNG.uniform(0.1, 2, 32)

CASES: dict[str, tuple[Array, int]] = {
    "one bit": (_RNG.choice(np.array([-1, 1], np.int8), (3, 3, 64, 32)), 1),
    "one bit with a scale by channel": (_RNG.choice([-1.0, 1.0], (3, 3, 64, 32)) * _ALPHA, 1),
    "three values in single precision": (_RNG.choice(np.array([-0.3, 0, 0.3], np.float32), (1024, 20)), 2),
    "four bits": (_RNG.integers(-7, 8, (5, 5, 40, 33)).astype(np.int8), 4),
    "one value": (np.zeros((40, 40, 8)), 1),
    "both zeros and not a number": (_RNG.choice([0.0, -0.0, np.nan, 1.0], (2048, 4)), 2),
    "fewer values in some channels": (np.where(np.arange(16) % 2, _RNG.integers(0, 5, (999, 16)), 3).astype(np.int16), 3),
}


def _stored(arrays: dict[str, Array]) -> bytes:
    buffer = io.BytesIO()
    with h5py.File(buffer, "w") as file:
        writer = Writer()
        for name, array in arrays.items():
            writer.array(file, name, array)
    return buffer.getvalue()


@pytest.mark.parametrize("case", CASES)
def test_they_come_back_bit_for_bit(case: str) -> None:
    array, bits = CASES[case]
    small = packed(array)
    assert small is not None and len(small.codes) == bits
    content = _stored({"a": array, "again": array.copy()})
    assert len(content) < array.nbytes * bits / (8 * array.itemsize) + array.nbytes / 4 + 8192
    with h5py.File(io.BytesIO(content)) as file:
        reader = Reader(len(content), array.nbytes)  # once, although it stands in two places
        back, again = (reader.array(file, name, array.dtype.name) for name in ("a", "again"))
    assert back is again and back.dtype == array.dtype and back.shape == array.shape and not back.flags.writeable
    assert back.tobytes() == np.ascontiguousarray(array).tobytes()


@pytest.mark.parametrize(
    "array",
    [
        _RNG.normal(size=(100, 50)),
        _RNG.integers(-127, 128, (3, 3, 128, 8)).astype(np.int8),
        np.zeros((1, 1, VALUES_LEAST)),
        np.ones((8, 8), np.float32),
        np.concatenate([np.zeros((2000, 4)), _RNG.normal(size=(2000, 4))]),
    ],
    ids=["normal", "8 bits", "one row", "small", "many values behind the first rows"],
)
def test_others_stand_as_they_are(array: Array) -> None:
    assert packed(array) is None
    with h5py.File(io.BytesIO(_stored({"a": array}))) as file:
        assert isinstance(file["a"], h5py.Dataset)


def _altered(file: Any, part: str, value: Any) -> None:
    del file["a"][part]
    if part == "shape":
        write_json(file["a"], part, value)
    elif value is not None:
        file["a"].create_dataset(part, data=value)


@pytest.mark.parametrize(
    ("part", "value"),
    [
        ("values", None),
        ("values", np.zeros((1, 32), np.int8)),
        ("values", np.zeros((2, 31), np.int8)),
        ("values", np.zeros((0, 32), np.int8)),
        ("values", np.zeros((2, 32))),
        ("values", np.zeros(64, np.int8)),
        ("codes", None),
        ("codes", np.zeros((1, 2303), np.uint8)),
        ("codes", np.zeros((0, 2304), np.uint8)),
        ("codes", np.zeros((9, 2304), np.uint8)),
        ("codes", np.full((2, 2304), 255, np.uint8)),
        ("codes", np.zeros((1, 2304), np.int8)),
        ("shape", [2**31, 2**31, 32]),
        ("shape", [3, 3, 64]),
        ("shape", [3, 3, -64, -32]),
        ("shape", [18432.0]),
        ("shape", []),
        ("shape", {"3": 3}),
        ("shape", [True, 576, 32]),
    ],
)
def test_broken_ones_are_refused(part: str, value: Any) -> None:
    content = io.BytesIO(_stored({"a": CASES["one bit"][0]}))
    with h5py.File(content, "r+") as file:
        _altered(file, part, value)
        with pytest.raises(InvalidNetwork):
            Reader(2**20, 2**24).array(file, "a", "int8")


def test_what_unpacks_to_more_than_the_memory_is_refused_before_it_is() -> None:
    array = CASES["one bit with a scale by channel"][0]
    with h5py.File(io.BytesIO(_stored({"a": array}))) as file, pytest.raises(InvalidNetwork, match="ECC_LAVA_MAX_MEMORY"):
        Reader(2**20, array.nbytes - 1).array(file, "a", "float64")
