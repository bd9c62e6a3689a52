"""How many images one thread computes at once: the same on any number of cores, and with it every rounding."""

from __future__ import annotations

from typing import Final

__all__ = ["images_at_once"]

IMAGES: Final = 32
"""Most images."""

BYTES: Final = 2**27
"""Most memory for their numbers, bytes; an image at least is computed whole."""


def images_at_once(numbers: int) -> int:
    """Return how many images of so many float32 numbers each one thread computes at once."""
    return max(1, min(IMAGES, BYTES // (4 * max(numbers, 1))))
