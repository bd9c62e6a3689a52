"""Image files that are opened and not read: `.npy`, `.npz` and HDF5 files, folders; and batches that a library yields."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from math import prod
from pathlib import Path
from typing import Any

import numpy as np

from ecc_lava.common import Array, Images, check_memory, memory_limit, require_file
from ecc_lava.errors import FileError, InvalidInput
from ecc_lava.inputs.archives import ArrayArchive
from ecc_lava.inputs.batches import InputSpec
from ecc_lava.inputs.dataset import HDF5_START, check_found, checked_labels, damage_told
from ecc_lava.inputs.folders import FolderSource, open_folder
from ecc_lava.inputs.hdf5 import datasets
from ecc_lava.inputs.names import image_names, label_name
from ecc_lava.inputs.rows import FileRows
from ecc_lava.inputs.sources import ArraySource, ImageSource, Rows

__all__ = ["BatchSource", "StoredDataset", "is_hdf5", "open_dataset"]


@dataclass(frozen=True, eq=False)
class StoredDataset:
    """Images of one split, which are read when they are wanted, and labels.

    Attributes
    ----------
    x : ImageSource
    y : array (N, ...) or None
    all_y : array or None
        The labels of the whole split, of which a limit takes the first.
    """

    x: ImageSource
    y: Array | None
    all_y: Array | None = None


def open_dataset(path: str | Path, split: str, limit: int | None = None, inputs: Sequence[InputSpec] = ()) -> StoredDataset | None:
    """Open one split of an image file; parameters and errors as for `load_dataset`. None if the file can only be read as a whole."""
    path = Path(path)
    if limit is not None and limit < 1:
        raise InvalidInput(f"--limit {limit}; at least 1 image is needed")
    if path.is_dir():
        folder, classes = open_folder(path, split, tuple(inputs))
        chosen = FolderSource(folder.files[:limit], folder.spec)
        return StoredDataset(chosen, None if classes is None else classes[:limit], classes)
    path = require_file(path)
    names, images, labels = _of_hdf5(path, split) if is_hdf5(path) else _of_archive(path, split)
    check_found(path, split, names, list(images))
    if any(rows is None for rows in images.values()):
        return None
    arrays = {name: rows for name, rows in images.items() if rows is not None}
    for rows in arrays.values():
        if len(rows.shape) < 2 or not rows.shape[0] or rows.dtype.kind not in "buif":
            raise InvalidInput(f"{path}: x_{split} of type {rows.dtype} and shape {rows.shape} holds no image")
        check_memory(f"{path}: one image", prod(rows.shape[1:]) * rows.dtype.itemsize, memory_limit())
        if isinstance(rows, FileRows) and rows.offset + prod(rows.shape) * rows.dtype.itemsize > path.stat().st_size:
            raise FileError(f"{path}: claims {rows.shape[0]} images and ends before them; the file is cut short")
    number = next(iter(arrays.values())).shape[0]
    y = None if labels is None else checked_labels(path, split, labels, number)
    return StoredDataset(ArraySource(arrays, number if limit is None else min(limit, number)), None if y is None else y[:limit], y)


def is_hdf5(path: Path) -> bool:
    """Whether a file begins as HDF5 files do."""
    with path.open("rb") as file:
        return file.read(len(HDF5_START)) == HDF5_START


_Found = tuple[Sequence[str], dict[str, "Rows | None"], "Array | None"]
"""Names of all arrays, the images by input, and the labels."""


def _of_archive(path: Path, split: str) -> _Found:
    with damage_told(path), path.open("rb") as file:
        archive = ArrayArchive(file, path.stat().st_size)
        if archive.is_single:
            return [], {"": archive.rows(path)}, None
        names, label = archive.names, label_name(archive.names, split)
        images = {name: archive.rows(path, stored) for name, stored in image_names(names, split).items()}
        return names, images, None if label is None else archive.read(label)[0]


def _of_hdf5(path: Path, split: str) -> _Found:
    found = datasets(path)
    label = label_name(list(found), split)
    images: dict[str, Rows | None] = {name: found[stored] for name, stored in image_names(list(found), split).items()}
    if not images:
        raise FileError(f"{path}: is an HDF5 file without x_{split}: a model or a network, not images")
    if label is not None:
        check_memory(f"{path}: {label}", prod(found[label].shape) * found[label].dtype.itemsize, memory_limit())
    return list(found), images, None if label is None else found[label].read(0, found[label].shape[0])


@dataclass(eq=False)
class BatchSource(ImageSource):
    """Images of batches that a library yields, such as a ``tf.data.Dataset`` or a Keras ``PyDataset``, read in order.

    Parameters
    ----------
    batches : iterable, or callable () -> iterable
        Batches (N, ...) of images, or pairs of images and what else there is, of which images alone are read. It is begun anew
        if earlier images are wanted again.
    images : int
        Number of all images.
    """

    batches: Iterable[Any] | Callable[[], Iterable[Any]]
    images: int
    _iterator: Iterator[Any] | None = field(default=None, init=False)
    _at: int = field(default=0, init=False)
    _left: Array | None = field(default=None, init=False)

    def __len__(self) -> int:
        return self.images

    def part(self, first: int, end: int) -> Images:
        """Return the images of a range."""
        if self._iterator is None or first < self._at:
            self._iterator, self._at, self._left = iter(self.batches() if callable(self.batches) else self.batches), 0, None
        kept: list[Array] = []
        while self._at < end:
            batch = self._left if self._left is not None else self._next()
            skipped = min(max(first - self._at, 0), len(batch))
            taken = batch[skipped : max(end - self._at, 0)]
            if len(taken):
                kept.append(taken)
            used = skipped + len(taken)
            self._left = batch[used:] if used < len(batch) else None
            self._at += used
        return np.concatenate(kept)

    def _next(self) -> Array:
        assert self._iterator is not None
        batch = next(self._iterator, None)
        if batch is None:
            raise InvalidInput(f"the batches end after {self._at} of {self.images} images")
        images = batch[0] if isinstance(batch, tuple | list) else batch
        if isinstance(images, Mapping):
            raise InvalidInput("batches of several inputs are not read; give arrays by input name")
        return np.asarray(images)
