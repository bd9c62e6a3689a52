"""Small files that claim much: sizes are compared with the bytes that store them before anything is built."""

from __future__ import annotations

import io
import json
import os
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest

from ecc_lava.common import read_bytes
from ecc_lava.demo.data import MODEL
from ecc_lava.errors import FileError, InvalidInput
from ecc_lava.importers.keras.files.reading import stored
from ecc_lava.importers.keras.files.sizes import held_bytes
from ecc_lava.inputs import load_dataset
from tests.helpers.images import as_array


def test_a_file_of_holes_is_not_read(tmp_path: Path) -> None:
    path = tmp_path / "sparse"
    path.touch()
    os.truncate(path, 2**33)
    with pytest.raises(FileError, match="holes"):
        read_bytes(path)
    with pytest.raises(FileError, match="at most 10"):
        read_bytes(path, 10)


def _npz(path: Path, shape: tuple[int, ...], stored: int, **headers: Any) -> Path:
    """Return an archive of zeros that claims a shape."""
    head = io.BytesIO()
    write: Callable[..., None] = np.lib.format.write_array_header_1_0
    write(head, {"descr": "|u1", "fortran_order": False, "shape": shape} | headers)
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:
        archive.writestr("x_test.npy", head.getvalue() + bytes(stored))
    return path


def test_images_are_read_from_their_header_on(tmp_path: Path) -> None:
    bomb = _npz(tmp_path / "bomb.npz", (2**30, 8, 8, 1), 2**12)
    with pytest.raises(InvalidInput, match="savez"):
        load_dataset(bomb, "test")
    assert as_array(load_dataset(bomb, "test", limit=3).x).shape == (3, 8, 8, 1)
    with pytest.raises(FileError, match="ends after"):
        load_dataset(bomb, "test", limit=100)
    column_first = _npz(tmp_path / "bomb.npz", (2**30, 8, 8, 1), 2**12, fortran_order=True)
    with pytest.raises(InvalidInput, match="savez"):
        load_dataset(column_first, "test", limit=3)


@pytest.mark.skipif(not Path("/proc/self/mem").exists(), reason="this system has no /proc")
def test_a_file_that_the_system_does_not_read_is_one_message() -> None:
    with pytest.raises(FileError, match=r"^/proc/self/mem: cannot be read: Input/output error$"):
        stored(Path("/proc/self/mem"))
    with pytest.raises(FileError, match=r"^/proc/self/mem: cannot be read: Input/output error$"):
        read_bytes("/proc/self/mem")


def _model(path: Path, **changed: bytes | Callable[[bytes], bytes]) -> Path:
    """Return the demo's model with some members changed."""
    with zipfile.ZipFile(MODEL) as old, zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as new:
        for name in old.namelist():
            change = changed.get(name.partition(".")[0], old.read(name))
            new.writestr(name, change if isinstance(change, bytes) else change(old.read(name)))
    return path


def _many_units(config: bytes) -> bytes:
    value = json.loads(config)
    value["config"]["layers"][-1]["config"]["units"] = 2 * 10**7
    return json.dumps(value).encode()


def test_a_description_claims_no_more_weights_than_the_file_holds(tmp_path: Path) -> None:
    path = _model(tmp_path / "huge.keras", config=_many_units)
    with pytest.raises(FileError, match=r"describes at least \d+ weights and holds"):
        held_bytes(path, stored(path))
    assert held_bytes(MODEL, stored(MODEL)) == sum(info.file_size for info in zipfile.ZipFile(MODEL).infolist())


def test_an_archive_unpacks_to_little_more_than_it_stores(tmp_path: Path) -> None:
    path = _model(tmp_path / "bomb.keras", model=bytes(2**26 + 2**22))
    with pytest.raises(FileError, match="unpacks to"):
        held_bytes(path, stored(path))


def _chunked(file: Any) -> None:
    file.create_dataset("w", (2**20, 2**10), "f4", chunks=(1024, 1024), compression="gzip")


def _outside(file: Any) -> None:
    file.create_dataset("w", (8,), "u1", external=[("/etc/passwd", 0, 8)])


def _virtual(file: Any) -> None:
    layout = h5py.VirtualLayout((8,), "u1")
    layout[:] = h5py.VirtualSource("/etc/passwd", "x", (8,))
    file.create_virtual_dataset("w", layout)


def _soft(file: Any) -> None:
    file["w"] = h5py.SoftLink("/elsewhere")


def _far(file: Any) -> None:
    file["w"] = h5py.ExternalLink("/etc/passwd", "/x")


def _text_of_any_length(file: Any) -> None:
    file.create_dataset("w", data="text", dtype=h5py.string_dtype())


@pytest.mark.parametrize("plant", [_chunked, _outside, _virtual, _soft, _far, _text_of_any_length], ids=lambda f: f.__name__.strip("_"))
@pytest.mark.parametrize("kind", ["archive", "hdf5"])
def test_weights_lie_in_the_file_itself(plant: Callable[[Any], None], kind: str, tmp_path: Path) -> None:
    weights = io.BytesIO()
    with h5py.File(weights, "w") as file:
        plant(file)
        file.attrs["model_config"] = json.dumps({"class_name": "Sequential", "config": {"layers": []}})
        file["cycle"] = file["/"]
    path = tmp_path / f"model.{kind}"
    if kind == "archive":
        _model(path, model=weights.getvalue())
    else:
        path.write_bytes(weights.getvalue())
    with pytest.raises(FileError, match=r"leads elsewhere|lie in the file|unpacks to"):
        held_bytes(path, stored(path))
