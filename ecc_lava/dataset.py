"""Image files: `.npz` archives with `x_train, y_train, x_test, y_test`, any of them absent."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

import numpy as np

from ecc_lava.arrays import Array
from ecc_lava.errors import FileError, InvalidInput
from ecc_lava.files import require_file

__all__ = ["Dataset", "digest", "load_dataset"]


@dataclass(frozen=True, eq=False)
class Dataset:
    """Images and labels of one split, in file order.

    Attributes
    ----------
    x : array (N, H, W, C), (N, H, W) or (N, features)
        uint8 or float.
    y : integer array (N,) or None
    """

    x: Array
    y: Array | None


def digest(x: Array) -> str:
    """Return the SHA-256 of an array's type, shape and bytes."""
    sha = hashlib.sha256(f"{x.dtype.str}{x.shape}".encode())
    sha.update(np.ascontiguousarray(x).tobytes())
    return sha.hexdigest()


def load_dataset(path: str | Path, split: str, limit: int | None = None) -> Dataset:
    """Read one split of an image file.

    Parameters
    ----------
    path : path of a `.npz`
    split : {"train", "test"}
    limit : int, optional
        Only the first so many images.

    Raises
    ------
    FileError
        If the file is missing, damaged or no `.npz`.
    InvalidInput
        If the split is absent or empty, or labels do not fit the images.
    """
    path = require_file(path)
    try:
        with path.open("rb") as file:
            names, x, y = _arrays(file, split)
    except Exception as error:  # zipfile, zlib, lzma and NumPy's header parser raise every kind of error on a damaged file
        reason = (str(error) or type(error).__name__).splitlines()[0]
        raise FileError(f"{path}: not an .npz of plain arrays, or a damaged one: {reason}") from error
    if x is None:
        raise InvalidInput(f"{path}: has no x_{split}; it holds {', '.join(names) or 'nothing'}")
    return _checked(path, split, x, y, limit)


def _arrays(file: BinaryIO, split: str) -> tuple[list[str], Array | None, Array | None]:
    """Return the names of all arrays of an archive, and the images and labels of a split."""
    archive = np.load(file, allow_pickle=False)
    if not isinstance(archive, np.lib.npyio.NpzFile):
        raise ValueError(f"it is a single array; save it with numpy.savez(path, x_{split}=...)")
    with archive:
        names = list(archive.keys())
        x, y = (archive[name] if name in names else None for name in (f"x_{split}", f"y_{split}"))
        for array in (x, y):
            if array is not None and not isinstance(array, np.ndarray):
                raise ValueError("a member is not an array")  # np.load hands out the bytes of a member that has no header
    return names, x, y


def _checked(path: Path, split: str, x: Array, y: Array | None, limit: int | None) -> Dataset:
    if limit is not None and limit < 1:
        raise InvalidInput(f"--limit {limit}; at least 1 image is needed")
    if x.ndim < 2 or not len(x):
        raise InvalidInput(f"{path}: x_{split} of shape {x.shape} holds no image")
    if y is not None:
        y = y.reshape(-1) if y.ndim == 2 and y.shape[1] == 1 else y
        if y.shape != (len(x),) or y.dtype.kind not in "iu":
            raise InvalidInput(f"{path}: y_{split} has shape {y.shape} and type {y.dtype}; {len(x)} integers are needed")
    return Dataset(x[:limit], None if y is None else y[:limit].astype(np.int64))
