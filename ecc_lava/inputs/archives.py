"""Arrays of `.npz` and `.npy` files, read within bounds: headers first, then no more than the caller takes.

A zip member says how large it is unpacked; zeros unpack to a thousand times their size. What an archive may unpack to grows with what it
stores, so that a small file cannot fill the memory.
"""

from __future__ import annotations

import struct
import zipfile
from collections.abc import Callable
from math import prod
from pathlib import Path
from typing import Any, BinaryIO, Final

import numpy as np

from ecc_lava.common import Array
from ecc_lava.errors import InvalidInput
from ecc_lava.inputs.rows import FileRows, PackedRows
from ecc_lava.inputs.sources import Rows

__all__ = ["ArrayArchive"]

UNPACKED_MAX: Final = 2**29
"""Bytes that any file may unpack to."""

TIMES_PACKED: Final = 2
"""How many times its own size a file may unpack to beyond that."""

MAPPED_MIN: Final = 2**26
"""Bytes of a `.npy` from which it is mapped into memory and not read, so that long sequences take what is looked at."""

_NAME_LENGTHS: Final = 26
"""Where the header before a zip member has the lengths of its name and of its extra field."""

HEADER_BYTES_MAX: Final = 10_000
"""Longest header that NumPy reads without trusting a file."""


class ArrayArchive:
    """The arrays of an open file by name; a `.npy` holds one, named "".

    Parameters
    ----------
    file : binary file
    size : int
        Its bytes.

    Raises
    ------
    Exception
        Of every kind, from zipfile and NumPy's header parser, if the file is damaged or of another kind.
    """

    def __init__(self, file: BinaryIO, size: int) -> None:
        self._file, self._zip = file, zipfile.ZipFile(file) if zipfile.is_zipfile(file) else None
        self._left = UNPACKED_MAX + TIMES_PACKED * size
        self._members: dict[str, zipfile.ZipInfo] = {}
        for info in self._zip.infolist() if self._zip else ():
            self._members[info.filename.removesuffix(".npy")] = info

    @property
    def is_single(self) -> bool:
        """Whether the file is one array without a name."""
        return self._zip is None

    @property
    def names(self) -> list[str]:
        """Names of the arrays."""
        return list(self._members)

    def read(self, name: str = "", limit: int | None = None) -> tuple[Array, int]:
        """Return an array, or its first `limit` rows, and the number of all its rows.

        Raises
        ------
        InvalidInput
            If it would take more memory than a file of this size may.
        ValueError
            If it is no plain array.
        """
        if self._zip is None:
            self._file.seek(0)
            return self._array(self._file, name, limit)
        with self._zip.open(self._members[name]) as member:
            return self._array(member, name, limit)

    def rows(self, path: Path, name: str = "") -> Rows | None:
        """Return an array whose rows are read when they are wanted; None if its columns come first.

        Parameters
        ----------
        path : Path
            Of this file, which is opened again for every read.
        name : str

        Raises
        ------
        ValueError
            If it is no plain array.
        """
        if self._zip is None:
            self._file.seek(0)
            shape, fortran, dtype = _plain_header(self._file, name)
            return None if fortran or not shape else FileRows(path, self._file.tell(), shape, dtype)
        info = self._members[name]
        with self._zip.open(info) as member:
            shape, fortran, dtype = _plain_header(member, name)
            header = member.tell()
        if fortran or not shape:
            return None
        if info.compress_type != zipfile.ZIP_STORED:
            return PackedRows(path, info.filename, header, shape, dtype)
        self._file.seek(info.header_offset + _NAME_LENGTHS)
        name_length, extra_length = struct.unpack("<HH", self._file.read(4))
        return FileRows(path, info.header_offset + _NAME_LENGTHS + 4 + name_length + extra_length + header, shape, dtype)

    def _array(self, file: Any, name: str, limit: int | None) -> tuple[Array, int]:
        shape, fortran, dtype = _plain_header(file, name)
        rows = min(shape[0], limit) if shape and limit is not None and not fortran else None
        taken = shape if rows is None else (rows, *shape[1:])
        size = prod(taken) * dtype.itemsize
        self._left -= size
        if self._left < 0:
            raise InvalidInput(
                f"the array {name!r} of shape {shape!s:.80} takes {size} bytes unpacked, more than a file of this size is trusted with; "
                "save it with numpy.savez, which does not pack, or read fewer images (--limit)"
            )
        if self._zip is None and size >= MAPPED_MIN:
            mapped = np.memmap(file, dtype, "r", file.tell(), taken, "F" if fortran else "C")
            return mapped.view(np.ndarray), shape[0]
        content = bytearray(size)
        _fill(memoryview(content), file)
        if taken == shape:
            file.read(1)  # at its end, a zip member checks its sum
        values: Array = np.frombuffer(content, dtype).reshape(taken[::-1] if fortran else taken)
        return values.T if fortran else values, shape[0] if shape else 0


def _plain_header(file: Any, name: str) -> tuple[tuple[int, ...], bool, np.dtype[Any]]:
    shape, fortran, dtype = _header(file)
    if dtype.hasobject:
        raise ValueError(f"the array {name!r} holds Python objects, which are never loaded")
    return shape, fortran, dtype


def _header(file: Any) -> tuple[tuple[int, ...], bool, np.dtype[Any]]:
    """Read NumPy's header and return shape, whether columns come first, and type."""
    version = np.lib.format.read_magic(file)  # type: ignore[no-untyped-call]
    readers: dict[tuple[int, int], Callable[..., Any]] = {
        (1, 0): np.lib.format.read_array_header_1_0,
        (2, 0): np.lib.format.read_array_header_2_0,
    }
    if version not in readers:
        raise ValueError(f"version {version} of NumPy's format is not read")
    shape, fortran, dtype = readers[version](file, max_header_size=HEADER_BYTES_MAX)
    if any(size < 0 for size in shape):
        raise ValueError(f"an array has the shape {shape}")
    return shape, fortran, dtype


def _fill(content: memoryview, file: Any) -> None:
    """Fill a buffer from a file."""
    done = 0
    while done < len(content):
        number = file.readinto(content[done:])
        if not number:
            raise ValueError(f"an array ends after {done} of {len(content)} bytes; the file is cut short")
        done += number
