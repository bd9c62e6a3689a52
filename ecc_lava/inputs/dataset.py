"""Image files: `.npz` archives with `x_train, y_train, x_test, y_test`, any of which may be absent; `.npy` files; folders of images.

The images of a model with several inputs are `x_train_NAME` and `x_test_NAME`, one for each input. `ecc_lava.inputs.names` knows other
spellings, `ecc_lava.inputs.folders` the folders.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, TypeAlias

import numpy as np

from ecc_lava.common import Array, Images, require_file
from ecc_lava.errors import FileError, InvalidInput
from ecc_lava.inputs.archives import ArrayArchive
from ecc_lava.inputs.batches import InputSpec, batch_part, batch_size
from ecc_lava.inputs.folders import read_folder
from ecc_lava.inputs.names import image_names, label_name
from ecc_lava.inputs.sources import ImageSource, in_memory

__all__ = ["HDF5_START", "Dataset", "check_found", "checked_labels", "damage_told", "digest", "load_dataset"]

HDF5_START = b"\x89HDF\r\n\x1a\n"
"""The first bytes of an HDF5 file; a network file has a header of 512 bytes before them."""

_Part: TypeAlias = tuple[Array, int]
"""The first rows of an array, and how many it has in all."""


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


def digest(x: Images | ImageSource) -> str:
    """Return the SHA-256 of the type, shape and bytes of an array, or of all arrays with their names."""
    sha = hashlib.sha256()
    for name in _named(batch_part(x, slice(1)) if isinstance(x, ImageSource) else x):
        for number, part in enumerate(in_memory(x)):
            array = _named(part)[name]
            if not number:
                shape = (batch_size(x), *array.shape[1:]) if array.ndim else ()
                sha.update(f"{name}{array.dtype.str}{shape}".encode())
            for rows in (array[first : first + 1] for first in range(len(array))) if array.ndim else (array,):
                sha.update(np.ascontiguousarray(rows).reshape(-1).view(np.uint8).data)
    return sha.hexdigest()


def _named(x: Images) -> Mapping[str, Array]:
    return x if isinstance(x, Mapping) else {"": np.asarray(x)}


def load_dataset(path: str | Path, split: str, limit: int | None = None, inputs: Sequence[InputSpec] = ()) -> Dataset:
    """Read one split of an image file.

    Parameters
    ----------
    path : path of a `.npz`, a `.npy` or a folder of images
        A `.npy` holds the images of whatever split.
    split : {"train", "test"}
    limit : int, optional
        Number of images to read, from the first on; all by default.
    inputs : sequence of InputSpec, optional
        What the model takes: the size and channels of images in a folder.

    Raises
    ------
    FileError
        If the file is missing, damaged or of another kind.
    InvalidInput
        If the split is absent or empty, or labels do not fit the images.
    """
    path = Path(path)
    if limit is not None and limit < 1:
        raise InvalidInput(f"--limit {limit}; at least 1 image is needed")
    if path.is_dir():
        return Dataset(*read_folder(path, split, tuple(inputs), limit))
    path = require_file(path)
    with damage_told(path), path.open("rb") as file:
        names, images, y = _arrays(file, path.stat().st_size, split, limit)
    check_found(path, split, names, list(images))
    return _checked(path, split, images, y, limit)


@contextmanager
def damage_told(path: Path) -> Iterator[None]:
    """Name the file in whatever goes wrong while its arrays are read."""
    try:
        yield
    except InvalidInput as error:
        raise InvalidInput(f"{path}: {error}") from error
    except Exception as error:  # zipfile, zlib, lzma and NumPy's header parser raise every kind of error on a damaged file
        reason = _kind(path) or (str(error) or type(error).__name__).splitlines()[0]
        raise FileError(f"{path}: not an .npz of plain arrays, or a damaged one: {reason}") from error


def check_found(path: Path, split: str, names: Sequence[str], images: Sequence[str]) -> None:
    """Check that a file of arrays of these names has images of a split."""
    if not images and "config.json" in names:
        raise InvalidInput(f"{path}: has no x_{split}: it is a Keras model; give the images' file")
    if not images:
        raise InvalidInput(
            f"{path}: has no x_{split}; it holds {', '.join(names) or 'nothing'}; save it with numpy.savez(path, x_{split}=...)"
        )


def _arrays(file: BinaryIO, size: int, split: str, limit: int | None) -> tuple[list[str], dict[str, _Part], _Part | None]:
    """Return the names of all arrays of an archive, and the images and labels of a split; images by input, "" for the only one."""
    archive = ArrayArchive(file, size)
    if archive.is_single:
        return [], {"": archive.read(limit=limit)}, None
    names = archive.names
    labels = label_name(names, split)
    y = None if labels is None else archive.read(labels)
    return names, {name: archive.read(stored, limit) for name, stored in image_names(names, split).items()}, y


def _kind(path: Path) -> str:
    """Return what a file that is no data seems to be; nothing if that is not known."""
    with path.open("rb") as file:
        start = file.read(1024)
    if HDF5_START in (start[:8], start[512:520]):
        return "it is an HDF5 file, a model or a network, not images"
    return ""


def _checked(path: Path, split: str, images: dict[str, _Part], labels: _Part | None, limit: int | None) -> Dataset:
    arrays = {name: array for name, (array, _) in images.items()}
    for name, array in arrays.items():
        if array.ndim < 2 or not len(array):
            raise InvalidInput(f"{path}: x_{split}{name and f'_{name}'} of shape {array.shape} holds no image")
    x: Images = arrays.get("", arrays)
    y = None if labels is None else checked_labels(path, split, labels[0], next(iter(images.values()))[1])
    return Dataset(batch_part(x, slice(limit)), None if y is None else y[:limit], y)


def checked_labels(path: Path, split: str, y: Array, number: int) -> Array:
    """Return the labels of so many images."""
    y = y.reshape(-1) if y.ndim == 2 and y.shape[1] == 1 else y
    if y.ndim < 1 or len(y) != number:
        raise InvalidInput(f"{path}: y_{split} has shape {y.shape}; {number} labels are needed, one for each image")
    if y.dtype.kind not in "buif":
        raise InvalidInput(f"{path}: y_{split} holds {y.dtype}, no numbers; number the classes from 0, such as y.astype(int)")
    return y.astype(np.int64) if y.dtype.kind in "bui" else y
