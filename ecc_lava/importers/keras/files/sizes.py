"""Check from sizes alone that a model file holds its weights itself, and not more than its bytes can mean, before anything is built.

Nothing here imports Keras. A zip member of zeros unpacks to a thousand times its size, a dataset may lie in another file, and a description
may claim any number of weights.
"""

from __future__ import annotations

import io
import struct
import zipfile
from collections.abc import Iterator
from contextlib import nullcontext
from math import prod
from pathlib import Path
from typing import Any, Final

from ecc_lava.errors import FileError
from ecc_lava.importers.keras.files.reading import ARCHIVE, Stored, line_of

__all__ = ["held_bytes"]

UNPACKED_MAX: Final = 2**26
"""Bytes that any file may unpack to, and that any description may claim."""

TIMES_PACKED: Final = 2
"""How many times its own size a file may unpack to beyond that."""

OBJECTS_MAX: Final = 2**18
"""Most groups and datasets of an HDF5 file."""

WEIGHTS_A_BYTE: Final = 8
"""Most weights that one byte can hold."""

SPARED: Final = 2**18
"""Bytes of weights that a description may lack: its numbers are bounds, not counts."""

_NAME_LENGTHS: Final = 26
"""Where the header of a zip member says how long its name and its further fields are, which the bytes follow."""

_SIZES: Final = ("units", "filters", "kernel_size", "depth_multiplier", "input_dim", "output_dim")
"""Settings whose product is at most the number of a layer's weights, where the layer has weights."""


def held_bytes(path: Path, file: Stored) -> int:
    """Return the bytes that a model file holds unpacked.

    Raises
    ------
    FileError
        If it unpacks to far more than it stores, leads to other files, or describes more weights than it holds.
    """
    most = UNPACKED_MAX + TIMES_PACKED * path.stat().st_size
    try:
        held = _of_archive(path, most) if file.kind == ARCHIVE else _of_hdf5(path, most)
    except FileError:
        raise
    except Exception as error:  # zipfile and h5py raise every kind of error on a damaged file
        raise FileError(
            f"{path}: Keras cannot load this model, which is damaged or cut short: {line_of(error)}. Copy or save it again"
        ) from error
    claimed = sum(_claims(file.description))
    if claimed > WEIGHTS_A_BYTE * (SPARED + held):
        raise FileError(f"{path}: describes at least {claimed} weights and holds {held} bytes; it was not saved by Keras, or is cut short")
    return held


def _of_archive(path: Path, most: int) -> int:
    with zipfile.ZipFile(path) as archive:
        unpacked = sum(info.file_size for info in archive.infolist())
        _check(path, unpacked, most)
        for info in archive.infolist():
            if info.filename.endswith(".h5"):
                _of_hdf5(path, most, _member(path, archive, info))
    return unpacked


def _member(path: Path, archive: zipfile.ZipFile, info: zipfile.ZipInfo) -> Any:
    """Return a member as a file: a part of the archive where it is not packed, as Keras stores weights, else its bytes."""
    if info.compress_type != zipfile.ZIP_STORED:
        return io.BytesIO(archive.read(info))
    with archive.open(info), path.open("rb") as file:  # opening checks the member's header
        file.seek(info.header_offset + _NAME_LENGTHS)
        first = file.tell() + 4 + sum(struct.unpack("<HH", file.read(4)))
    return _Part(path, first, info.file_size)


class _Part(io.RawIOBase):
    """A part of a file as a file, of which only what is asked for is read."""

    def __init__(self, path: Path, first: int, size: int) -> None:
        self._file, self._first, self._size, self._at = path.open("rb"), first, size, 0

    def seekable(self) -> bool:
        """Whether it has places."""
        return True

    def readable(self) -> bool:
        """Whether it can be read."""
        return True

    def seek(self, offset: int, whence: int = 0) -> int:
        """Go to a place."""
        self._at = offset + (0, self._at, self._size)[whence]
        return self._at

    def tell(self) -> int:
        """Return the place."""
        return self._at

    def readinto(self, buffer: Any) -> int:
        """Read from the place on."""
        self._file.seek(self._first + self._at)
        number = self._file.readinto(memoryview(buffer)[: max(0, self._size - self._at)])
        self._at += number
        return number

    def close(self) -> None:
        """Close the file."""
        self._file.close()
        super().close()


def _of_hdf5(path: Path, most: int, content: Any = None) -> int:
    import h5py

    with content or nullcontext(), h5py.File(content or path, "r") as file:
        unpacked = 0
        for name, member in _datasets(path, file):
            if member.external is not None or member.is_virtual or member.dtype.hasobject or member.shape is None:
                raise FileError(f"{path}: the array {name!r} does not lie in the file as numbers; save the model again with Keras")
            unpacked += max(prod(member.shape), prod(member.chunks or ())) * member.dtype.itemsize
            _check(path, unpacked, most)
    return unpacked


def _datasets(path: Path, file: Any) -> Iterator[tuple[str, Any]]:
    """Yield every dataset with its name; links that lead elsewhere are refused, and what has several names comes once."""
    import h5py

    seen, groups = {h5py.h5o.get_info(file.id).addr}, [file]
    while groups:
        group = groups.pop()
        for name in group:
            where = f"{group.name}/{name}"
            if group.id.links.get_info(name.encode("utf-8", "surrogateescape")).type != h5py.h5l.TYPE_HARD:
                raise FileError(f"{path}: {where!r} leads elsewhere; save the model again with Keras")
            member = group[name]
            place = h5py.h5o.get_info(member.id).addr
            if place in seen:
                continue
            seen.add(place)
            if len(seen) > OBJECTS_MAX:
                raise FileError(f"{path}: holds more than {OBJECTS_MAX} groups and arrays")
            if isinstance(member, h5py.Group):
                groups.append(member)
            elif isinstance(member, h5py.Dataset):
                yield where, member


def _check(path: Path, unpacked: int, most: int) -> None:
    if unpacked > most:
        raise FileError(
            f"{path}: unpacks to {unpacked} bytes, more than the {most} that a file of its size is trusted with; "
            "save the model again with model.save('name.keras')"
        )


def _claims(description: Any) -> Iterator[int]:
    """Yield a number of weights that each layer of a description has at least."""
    stack = [description]
    while stack:
        value = stack.pop()
        if isinstance(value, dict):
            settings, built = value.get("config"), value.get("build_config")
            if isinstance(settings, dict) and "trainable" in settings:
                sizes = [size for key in _SIZES if key in settings for size in _whole(settings[key])]
                if value.get("class_name") == "Dense" and isinstance(built, dict):
                    sizes += _whole(built.get("input_shape"))[-1:]
                yield prod(sizes)
            stack.extend(value.values())
        elif isinstance(value, list):
            stack.extend(value)


def _whole(value: Any) -> list[int]:
    return [size for size in (value if isinstance(value, list) else [value]) if type(size) is int and size > 0]
