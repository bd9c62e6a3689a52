"""Images that are read when they are wanted, a range at a time, so that a data set may be larger than the memory."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Final, Protocol

import numpy as np

from ecc_lava.common import Array, Images
from ecc_lava.errors import InvalidInput

__all__ = ["PART_BYTES", "ArraySource", "ImageSource", "RangeSource", "Rows", "in_memory"]

PART_BYTES: Final = 2**26
"""Bytes of the images that are read together."""


class ImageSource(ABC):
    """Images in a fixed order, of which a part can be read."""

    @property
    def can_be_sent(self) -> bool:
        """Whether another process can read the same images where it finds the same files."""
        return False

    @abstractmethod
    def __len__(self) -> int:
        """Return the number of images."""

    @abstractmethod
    def part(self, first: int, end: int) -> Images:
        """Return the images of a range, an array or arrays by input name."""

    def chosen(self, numbers: Array) -> Images:
        """Return the images of some numbers, in this order; those that follow one another are read together."""
        runs = np.split(numbers, np.flatnonzero(np.diff(numbers) != 1) + 1)
        found = [_by_name(self.part(int(run[0]), int(run[-1]) + 1)) for run in runs]
        joined = {name: np.concatenate([part[name] for part in found]) for name in found[0]}
        return joined.get("", joined)

    @cached_property
    def image_bytes(self) -> int:
        """Bytes of one image of all inputs, as stored."""
        return sum(array.nbytes for array in _by_name(self.part(0, 1)).values())


def _by_name(x: Images) -> Mapping[str, Array]:
    return x if isinstance(x, Mapping) else {"": np.asarray(x)}


class Rows(Protocol):
    """One stored array, of which rows are read."""

    @property
    def shape(self) -> tuple[int, ...]:
        """Shape of the array."""

    @property
    def dtype(self) -> np.dtype[Any]:
        """Its type."""

    @property
    def can_be_sent(self) -> bool:
        """Whether another process can read it."""

    def read(self, first: int, end: int) -> Array:
        """Return rows."""


@dataclass(frozen=True, eq=False)
class ArraySource(ImageSource):
    """Images of stored arrays.

    Attributes
    ----------
    arrays : input name -> Rows
        "" for the only input.
    images : int
        The first so many rows.
    """

    arrays: Mapping[str, Rows]
    images: int

    def __post_init__(self) -> None:
        for name, rows in self.arrays.items():
            if rows.shape[0] < self.images:
                raise InvalidInput(f"input {name!r} has {rows.shape[0]} images, others have {self.images}")

    @property
    def can_be_sent(self) -> bool:
        """Whether another process can read the same rows."""
        return all(rows.can_be_sent for rows in self.arrays.values())

    def __len__(self) -> int:
        return self.images

    def part(self, first: int, end: int) -> Images:
        """Return the images of a range."""
        found = {name: rows.read(first, min(end, self.images)) for name, rows in self.arrays.items()}
        return found.get("", found)


@dataclass(frozen=True, eq=False)
class RangeSource(ImageSource):
    """A range of another source's images.

    Attributes
    ----------
    source : ImageSource
    first, end : int
    """

    source: ImageSource
    first: int
    end: int

    @property
    def can_be_sent(self) -> bool:
        """Whether another process can read the same images."""
        return self.source.can_be_sent

    def __len__(self) -> int:
        return self.end - self.first

    def part(self, first: int, end: int) -> Images:
        """Return the images of a range."""
        return self.source.part(self.first + first, min(self.first + end, self.end))


def in_memory(x: Images | ImageSource) -> Iterator[Images]:
    """Yield the images one part after the other; images that are in memory are one part."""
    if not isinstance(x, ImageSource):
        yield x
        return
    size = max(1, PART_BYTES // max(x.image_bytes, 1))
    for first in range(0, len(x), size):
        yield x.part(first, min(first + size, len(x)))
