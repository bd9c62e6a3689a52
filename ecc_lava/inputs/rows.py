"""Rows of arrays in `.npy` and `.npz` files, read at their place in the file; of packed members, in order."""

from __future__ import annotations

import weakref
import zipfile
from contextlib import ExitStack
from dataclasses import dataclass, field
from math import prod
from pathlib import Path
from typing import Any

import numpy as np

from ecc_lava.common import Array
from ecc_lava.errors import FileError

__all__ = ["FileRows", "PackedRows"]


@dataclass(frozen=True, eq=False)
class FileRows:
    """An array that stands in a file as it stands in memory.

    Attributes
    ----------
    path : Path
    offset : int
        Where its values begin.
    shape : tuple of int
    dtype : NumPy type
    """

    path: Path
    offset: int
    shape: tuple[int, ...]
    dtype: np.dtype[Any]
    can_be_sent: bool = True

    def read(self, first: int, end: int) -> Array:
        """Return rows."""
        row = prod(self.shape[1:])
        try:
            with self.path.open("rb") as file:
                file.seek(self.offset + first * row * self.dtype.itemsize)
                values = np.fromfile(file, self.dtype, (end - first) * row)
        except OSError as error:
            raise FileError(f"{self.path}: cannot be read: {error.strerror or error}") from error
        if len(values) < (end - first) * row:
            raise FileError(f"{self.path}: ends within rows {first} to {end - 1} of {self.shape[0]}; the file is cut short")
        return values.reshape(end - first, *self.shape[1:])


@dataclass(eq=False)
class PackedRows:
    """An array in a packed member of an archive, which is unpacked from its start; rows that are read in order are unpacked once.

    Attributes
    ----------
    path : Path
    member : str
    header : int
        Bytes before the values.
    shape : tuple of int
    dtype : NumPy type
    """

    path: Path
    member: str
    header: int
    shape: tuple[int, ...]
    dtype: np.dtype[Any]
    can_be_sent: bool = False
    _open: Any = field(default=None, init=False)
    _at: int = field(default=0, init=False)

    def __post_init__(self) -> None:
        # not the collector, which finalises the objects of a cycle in any order: the file might go before what reads it
        self._files = ExitStack()
        weakref.finalize(self, self._files.close)

    def read(self, first: int, end: int) -> Array:
        """Return rows."""
        try:
            if self._open is None or first < self._at:
                self.close()
                archive = self._files.enter_context(zipfile.ZipFile(self.path))
                self._open, self._at = self._files.enter_context(archive.open(self.member)), 0
                self._skip(self.header)
            row = prod(self.shape[1:]) * self.dtype.itemsize
            self._skip((first - self._at) * row)
            content = self._open.read((end - first) * row)
        except Exception as error:  # zipfile and zlib raise every kind of error on a damaged file
            raise FileError(f"{self.path}: cannot be unpacked: {(str(error) or type(error).__name__).splitlines()[0]}") from error
        self._at = end
        if len(content) < (end - first) * row:
            raise FileError(f"{self.path}: ends within rows {first} to {end - 1} of {self.shape[0]}; the file is cut short")
        return np.frombuffer(content, self.dtype).reshape(end - first, *self.shape[1:])

    def _skip(self, number: int) -> None:
        while number:
            skipped = len(self._open.read(min(number, 2**20)))
            if not skipped:
                raise ValueError("the file is cut short")
            number -= skipped

    def close(self) -> None:
        """Close the file."""
        self._open = None
        self._files.close()
