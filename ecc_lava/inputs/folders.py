"""Folders of PNG and JPEG images: one folder for each class, or all images in one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import chain, zip_longest
from pathlib import Path
from typing import Any

import numpy as np

from ecc_lava.common import Array, Int
from ecc_lava.errors import FileError, InvalidInput
from ecc_lava.inputs.batches import InputSpec
from ecc_lava.inputs.sources import ImageSource

__all__ = ["FolderSource", "open_folder", "read_folder"]

ENDINGS = (".png", ".jpg", ".jpeg")

_SPLITS = {"train": ("train", "training"), "test": ("test", "testing")}

_MODES = {1: "L", 3: "RGB", 4: "RGBA"}
"""Channels that a model takes -> the mode that images are brought to, as Keras's `image_dataset_from_directory` does."""

_BYTES = ("1", "L", "LA", "P", "PA", "RGB", "RGBA", "CMYK", "YCbCr")
"""Modes of 8 bits a channel; others would lose bits."""


def read_folder(path: Path, split: str, inputs: tuple[InputSpec, ...], limit: int | None) -> tuple[Array, Int | None, Int | None]:
    """Return the images of a folder (N, H, W, C) as uint8, their classes, and the classes of all images of the folder.

    Folders ``train`` and ``test`` inside are taken for their split. Folders of images are classes, numbered from 0 in alphabetical order as
    by Keras; images then come in turns, one of each class, so that the first N are of all classes. Images in one folder have no classes.

    Raises
    ------
    FileError
        If the folder holds no image, or one cannot be read.
    InvalidInput
        If an image has another size than the model takes or the first image has, or more than 8 bits, or the model takes several inputs
        or no images.
    """
    found, classes = open_folder(path, split, inputs)
    chosen = found.files[:limit]
    return found.part(0, len(chosen)), None if classes is None else classes[:limit], classes


@dataclass(frozen=True, eq=False)
class FolderSource(ImageSource):
    """Images of a folder, which are read when they are wanted.

    Attributes
    ----------
    files : tuple of Path
    spec : InputSpec or None
        What the model takes.
    """

    files: tuple[Path, ...]
    spec: InputSpec | None

    @property
    def can_be_sent(self) -> bool:
        """True: another process reads the same files."""
        return True

    def __len__(self) -> int:
        return len(self.files)

    def part(self, first: int, end: int) -> Array:
        """Return the images of a range, uint8 (N, H, W, C)."""
        return self._read(self.files[first:end])

    def chosen(self, numbers: Array) -> Array:
        """Return the images of some numbers."""
        return self._read([self.files[number] for number in numbers])

    def _read(self, chosen: Sequence[Path]) -> Array:
        images = [_read(file, self.spec) for file in chosen]
        for file, image in zip(chosen, images, strict=True):
            if image.shape != images[0].shape:
                raise InvalidInput(f"{file}: is {_told(image)}; {chosen[0].name} is {_told(images[0])}. Give images of one size")
        return np.stack(images)


def open_folder(path: Path, split: str, inputs: tuple[InputSpec, ...]) -> tuple[FolderSource, Int | None]:
    """Return the images of a folder, none of which is read yet, and the classes of all; errors as for `read_folder`."""
    folder = _of_split(path, split)
    files, classes = _files(folder)
    if not files:
        raise FileError(f"{folder}: is only a folder without PNG or JPEG images, in it or in one folder for each class")
    if len(inputs) > 1 or (inputs and inputs[0].events):
        raise InvalidInput(f"{path}: a folder holds the images of one input; give an .npz of arrays")
    return FolderSource(tuple(files), inputs[0] if inputs else None), classes


def _told(image: Array) -> str:
    return f"{image.shape[0]} x {image.shape[1]} pixels in {'grey' if image.shape[2] == 1 else 'colour'}"


def _of_split(path: Path, split: str) -> Path:
    inside = {child.name.lower(): child for child in path.iterdir() if child.is_dir()}
    mine = [inside[name] for name in _SPLITS[split] if name in inside]
    others = [name for names in _SPLITS.values() for name in names if name in inside]
    if not mine and others:
        raise InvalidInput(f"{path}: has no folder {split}; it holds {', '.join(sorted(inside))}")
    return mine[0] if mine else path


def _images(folder: Path) -> list[Path]:
    return sorted(p for p in folder.iterdir() if p.suffix.lower() in ENDINGS and not p.name.startswith(".") and p.is_file())


def _files(folder: Path) -> tuple[list[Path], Int | None]:
    """Return the images of a folder in the order of reading, and their classes."""
    single = _images(folder)
    classes = [
        found for child in sorted(folder.iterdir()) if child.is_dir() and not child.name.startswith(".") if (found := _images(child))
    ]
    if single and classes:
        raise InvalidInput(f"{folder}: holds images beside folders of images; move them into the folders of their classes")
    if not classes:
        return single, None
    turns = chain.from_iterable(zip_longest(*([(file, k) for file in found] for k, found in enumerate(classes))))
    pairs = [pair for pair in turns if pair is not None]
    return [file for file, _ in pairs], np.array([k for _, k in pairs], np.int64)


def _read(path: Path, spec: InputSpec | None) -> Array:
    from PIL import Image, UnidentifiedImageError

    try:
        with Image.open(path) as image:
            mode = _mode(path, image, spec)
            pixels = np.asarray(image.convert(mode), np.uint8)
    except (OSError, SyntaxError, ValueError, UnidentifiedImageError, Image.DecompressionBombError) as error:
        if isinstance(error, InvalidInput):
            raise
        raise FileError(f"{path}: not a PNG or JPEG image, or a damaged one: {error}") from error
    return pixels if pixels.ndim == 3 else pixels[..., None]


def _mode(path: Path, image: Any, spec: InputSpec | None) -> str:
    """Return the mode to which an image is brought; refuse one that does not fit before it is decoded."""
    if image.mode not in _BYTES:
        raise InvalidInput(f"{path}: has more than 8 bits a channel (mode {image.mode}); give such images as an .npz of floats")
    if spec is None:
        return "L" if image.mode in ("1", "L") else "RGB"
    height, width, channels = spec.shape
    if (image.height, image.width) != (height, width):
        raise InvalidInput(
            f"{path}: is {image.height} x {image.width} pixels; the model takes {height} x {width}. Resize all images as in training"
        )
    if channels not in _MODES:
        raise InvalidInput(f"{path}: the model takes {channels} channels, which no image has; give an .npz of arrays")
    return _MODES[channels]
