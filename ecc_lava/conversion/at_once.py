"""How many images one thread computes at once: the same on any number of cores, and with it every rounding."""

from __future__ import annotations

from collections.abc import Callable
from threading import Lock
from typing import Final

import numpy as np

from ecc_lava.common import Array, on_all_cores

__all__ = ["IMAGES", "by_images", "gathered", "images_at_once"]

IMAGES: Final = 32
"""Most images."""

BYTES: Final = 2**27
"""Most memory for their numbers, bytes; an image at least is computed whole."""


def images_at_once(numbers: int) -> int:
    """Return how many images of so many float32 numbers each one thread computes at once."""
    return max(1, min(IMAGES, BYTES // (4 * max(numbers, 1))))


def by_images(function: Callable[..., Array], *arrays: Array) -> Array:
    """Return a function's value of arrays (N, ...) that gives every image its own value, some images at a time on all cores."""
    size = images_at_once(arrays[0].size // max(len(arrays[0]), 1))
    (whole,) = gathered(len(arrays[0]), size, lambda start: (function(*(a[start : start + size] for a in arrays)),))
    return whole


def gathered(images: int, at_once: int, function: Callable[[int], tuple[Array, ...]]) -> tuple[Array, ...]:
    """Return arrays of so many images, on all cores; a function gives their parts of at most `at_once` images from an image on."""
    whole: list[Array] = []
    allocating = Lock()

    def part(start: int) -> None:
        values = function(start)
        with allocating:
            if not whole:
                whole.extend(np.empty((images, *value.shape[1:]), value.dtype) for value in values)
        for array, value in zip(whole, values, strict=True):
            array[start : start + len(value)] = value

    on_all_cores(part, range(0, images, at_once))
    return tuple(whole)
