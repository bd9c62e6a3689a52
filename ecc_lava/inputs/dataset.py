"""Image files: `.npz` archives with `x_train, y_train, x_test, y_test`, any of which may be absent.

The images of a model with several inputs are `x_train_NAME` and `x_test_NAME`, one for each input.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

import numpy as np

from ecc_lava.common import Array, Images, require_file
from ecc_lava.errors import FileError, InvalidInput
from ecc_lava.inputs.batches import batch_part, batch_size

__all__ = ["Dataset", "digest", "load_dataset"]


@dataclass(frozen=True, eq=False)
class Dataset:
    """Images and labels of one split, in file order.

    Attributes
    ----------
    x : array (N, H, W, C), (N, H, W) or (N, features), or such arrays by input name
        uint8 or float.
    y : array (N, ...) or None
        Labels as stored: numbers.
    all_y : array or None
        The labels of the whole split, of which a limit takes the first.
    """

    x: Images
    y: Array | None
    all_y: Array | None = None


def digest(x: Images) -> str:
    """Return the SHA-256 of the type, shape and bytes of an array, or of all arrays with their names."""
    sha = hashlib.sha256()
    for name, array in x.items() if isinstance(x, Mapping) else (("", np.asarray(x)),):
        sha.update(f"{name}{array.dtype.str}{array.shape}".encode() + np.ascontiguousarray(array).tobytes())
    return sha.hexdigest()


def load_dataset(path: str | Path, split: str, limit: int | None = None) -> Dataset:
    """Read one split of an image file.

    Parameters
    ----------
    path : path of a `.npz`
    split : {"train", "test"}
    limit : int, optional
        Number of images to read, from the first on; all by default.

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
            names, images, y = _arrays(file, split)
    except Exception as error:  # zipfile, zlib, lzma and NumPy's header parser raise every kind of error on a damaged file
        reason = (str(error) or type(error).__name__).splitlines()[0]
        raise FileError(f"{path}: not an .npz of plain arrays, or a damaged one: {reason}") from error
    if not images:
        raise InvalidInput(
            f"{path}: has no x_{split}; it holds {', '.join(names) or 'nothing'}; save it with numpy.savez(path, x_{split}=...)"
        )
    return _checked(path, split, images, y, limit)


def _arrays(file: BinaryIO, split: str) -> tuple[list[str], dict[str, Array], Array | None]:
    """Return the names of all arrays of an archive, and the images and labels of a split; images by input, "" for the only one."""
    archive = np.load(file, allow_pickle=False)
    if not isinstance(archive, np.lib.npyio.NpzFile):
        raise ValueError(f"it is a single array; save it with numpy.savez(path, x_{split}=...)")
    with archive:
        names = list(archive.keys())
        single = [f"x_{split}"] if f"x_{split}" in names else []
        chosen = single or [name for name in names if name.startswith(f"x_{split}_")]
        images = {name[len(f"x_{split}_") :]: archive[name] for name in chosen}
        y = archive[f"y_{split}"] if f"y_{split}" in names else None
        for array in (*images.values(), y):
            if array is not None and not isinstance(array, np.ndarray):
                raise ValueError("a member is not an array")  # np.load hands out the bytes of a member that has no header
    return names, images, y


def _checked(path: Path, split: str, images: dict[str, Array], y: Array | None, limit: int | None) -> Dataset:
    if limit is not None and limit < 1:
        raise InvalidInput(f"--limit {limit}; at least 1 image is needed")
    for name, array in images.items():
        if array.ndim < 2 or not len(array):
            raise InvalidInput(f"{path}: x_{split}{name and f'_{name}'} of shape {array.shape} holds no image")
    x: Images = images.get("", images)
    if y is not None:
        y = y.reshape(-1) if y.ndim == 2 and y.shape[1] == 1 else y
        if y.ndim < 1 or len(y) != batch_size(x):
            raise InvalidInput(f"{path}: y_{split} has shape {y.shape}; {batch_size(x)} labels are needed, one for each image")
        if y.dtype.kind not in "buif":
            raise InvalidInput(f"{path}: y_{split} holds {y.dtype}, no numbers; number the classes from 0, such as y.astype(int)")
        y = y.astype(np.int64) if y.dtype.kind in "bui" else y
    return Dataset(batch_part(x, slice(limit)), None if y is None else y[:limit], y)
