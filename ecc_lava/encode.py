"""From images to what the input population sends."""

from __future__ import annotations

import logging

import numpy as np

from ecc_lava.arrays import Array, Shape
from ecc_lava.errors import InvalidInput
from ecc_lava.network import InputCoding

__all__ = ["as_batch", "choose_coding", "encode", "images_as_floats"]

_log = logging.getLogger(__name__)

PAYLOAD_MAX = 255
"""Largest value of an 8-bit graded spike."""

_USUAL_RANGES = ((0.0, 1.0), (-1.0, 1.0), (0.0, 255.0))


def as_batch(x: Array, shape: Shape, what: str = "data") -> Array:
    """Return images as a (N, H, W, C) array of a network's input shape.

    Images without a channel axis get one; a signal input takes (N, L, C), a vector input (N, C).

    Raises
    ------
    InvalidInput
        If the array is empty, has another shape, is not numeric or holds NaN or infinity.
    """
    x = np.asarray(x)
    if x.dtype.kind not in "buif":
        raise InvalidInput(f"{what}: values of type {x.dtype} are not numbers")
    if x.ndim == 3 and shape[2] == 1 and x.shape[1:] == shape[:2]:
        x = x[..., None]
    elif x.ndim == 3 and shape[0] == 1 and x.shape[1:] == shape[1:]:
        x = x[:, None]
    if x.ndim == 2 and shape[:2] == (1, 1):
        x = x[:, None, None, :]
    if x.ndim != 4 or x.shape[1:] != shape:
        raise InvalidInput(f"{what}: shape {x.shape} does not fit; the network takes (N, {shape[0]}, {shape[1]}, {shape[2]})")
    if not len(x):
        raise InvalidInput(f"{what}: there is no image in it")
    if x.dtype.kind == "f":
        bad = ~np.isfinite(x).reshape(len(x), -1).all(axis=1)
        if bad.any():
            raise InvalidInput(f"{what}: image {int(bad.argmax())} holds NaN or infinity ({int(bad.sum())} such images)")
    return x


def images_as_floats(x: Array, uint8_scale: float) -> Array:
    """Return stored images as the model takes them: uint8 is multiplied by `uint8_scale`, floats stay as they are."""
    return x.astype(np.float64) * uint8_scale if x.dtype == np.uint8 else x.astype(np.float64)


def choose_coding(x: Array, uint8_scale: float) -> InputCoding:
    """Return the graded coding whose range holds all values of calibration images.

    The usual ranges [0, 1], [-1, 1] and [0, 255] are taken where they hold the data, else its own minimum and maximum.

    Parameters
    ----------
    x : float array (N, H, W, C)
        As the model takes it.
    uint8_scale : float
    """
    low, high = float(x.min()), float(x.max())
    for bottom, top in _USUAL_RANGES:
        if bottom <= low and high <= top:
            return InputCoding("graded", bottom, (top - bottom) / PAYLOAD_MAX, uint8_scale)
    return InputCoding("graded", low, max(high - low, 1e-12) / PAYLOAD_MAX, uint8_scale)


def encode(x: Array, coding: InputCoding) -> Array:
    """Return ``q = round((x - offset) / scale)`` in 0..255 as uint8; values outside are clipped, counted and warned of.

    Parameters
    ----------
    x : float array (N, H, W, C)
        As the model takes it.
    coding : InputCoding
    """
    q = np.rint((x - coding.offset) / coding.scale)
    clipped = int(((q < 0) | (q > PAYLOAD_MAX)).sum())
    if clipped:
        _log.warning(
            "%d of %d input values lie outside [%g, %g] and were clipped",
            clipped,
            q.size,
            coding.offset,
            coding.offset + coding.scale * PAYLOAD_MAX,
        )
    return np.clip(q, 0, PAYLOAD_MAX).astype(np.uint8)
