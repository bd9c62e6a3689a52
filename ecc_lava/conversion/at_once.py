"""How many images one thread computes at once: the same on any number of cores, and with it every rounding."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

import numpy as np

from ecc_lava.common import Array, on_all_cores

__all__ = ["by_images", "images_at_once"]

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
    return np.concatenate(on_all_cores(lambda start: function(*(a[start : start + size] for a in arrays)), range(0, len(arrays[0]), size)))
