"""Network files: what the tests of storage save, how they edit it behind a right checksum, and what they ask of the result."""

from __future__ import annotations

import io
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest

import ecc_lava
from ecc_lava.errors import FileError
from ecc_lava.graph.graph import Graph
from ecc_lava.networks import QuantisedNetwork
from ecc_lava.networks.spiking import SpikingNetwork
from ecc_lava.storage.envelope import BLOCK, seal

CALIBRATION = {"digest": "0" * 64, "indices": [0, 2, 5], "seed": 7, "timesteps": 8}

NET, FLOAT, NODES = "integer/network", "float/network", "graph/nodes"
"""Where a file has JSON."""

Triple = tuple[QuantisedNetwork, SpikingNetwork, Graph]


def assert_same(one: Any, other: Any) -> None:
    """Assert that two graphs, networks or parts of them are equal to the last bit."""
    assert type(one) is type(other)
    if isinstance(one, np.ndarray):
        assert one.dtype == other.dtype
        np.testing.assert_array_equal(one, other)
    elif isinstance(one, tuple):
        assert len(one) == len(other)
        for a, b in zip(one, other, strict=True):
            assert_same(a, b)
    elif hasattr(one, "__dataclass_fields__"):
        for field in one.__dataclass_fields__:
            assert_same(getattr(one, field), getattr(other, field))
    else:
        assert one == other


def refusal(content: bytes, folder: Path, read: Callable[[Path], object] | None = None) -> str:
    """Return the message with which a file of this content is refused; it is one line and names the file."""
    path = folder / "bad.h5"
    path.write_bytes(content)
    with pytest.raises(FileError) as caught:
        (ecc_lava.load if read is None else read)(path)
    message = str(caught.value)
    assert message.startswith(str(path))
    assert "\n" not in message
    assert len(message) < 600
    return message


def resealed(sealed: bytes, edit: Callable[[Any], None]) -> bytes:
    """Return a file with an edit and the right checksum."""
    buffer = io.BytesIO(bytes(BLOCK) + sealed[BLOCK:])
    with h5py.File(buffer, "r+") as file:
        edit(file)
    return seal(buffer.getvalue())


def json_at(path: str, change: Callable[[Any], Any]) -> Callable[[Any], None]:
    """Return an edit that replaces the JSON at `path`."""

    def edit(file: Any) -> None:
        value = json.loads(file[path][()].tobytes())
        value = change(value) or value
        text = value if isinstance(value, bytes) else json.dumps(value).encode()
        del file[path]
        file[path] = np.frombuffer(text, np.uint8)

    return edit


def replaced(path: str, value: Any, **options: Any) -> Callable[[Any], None]:
    """Return an edit that puts another array at `path`."""

    def edit(file: Any) -> None:
        del file[path]
        file.create_dataset(path, data=value, **options)

    return edit


def deleted(path: str) -> Callable[[Any], None]:
    """Return an edit that leaves nothing at `path`."""

    def edit(file: Any) -> None:
        del file[path]

    return edit


def linked(path: str, link: Any) -> Callable[[Any], None]:
    """Return an edit that puts a link at `path`."""

    def edit(file: Any) -> None:
        if path in file:
            del file[path]
        file[path] = link

    return edit


def claimed(path: str, dtype: str, shape: tuple[int, ...], **options: Any) -> Callable[[Any], None]:
    """Return an edit that puts an array of a claimed shape, without its data, at `path`."""

    def edit(file: Any) -> None:
        del file[path]
        file.create_dataset(path, shape, dtype, **options)

    return edit


def put(path: str, index: Any, value: Any) -> Callable[[Any], None]:
    """Return an edit that changes the entries of an array."""

    def edit(file: Any) -> None:
        file[path][index] = value

    return edit


def at(*keys: Any, to: Any) -> Callable[[Any], Any]:
    """Return a change of JSON values: the item under `keys` becomes `to`."""

    def change(value: Any) -> None:
        for key in keys[:-1]:
            value = value[key]
        value[keys[-1]] = to

    return change
