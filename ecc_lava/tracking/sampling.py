"""Bilinear sampling: windows of a frame around a place, at the size that a network takes."""

from __future__ import annotations

import numpy as np

from ecc_lava.common import Array, Float

__all__ = ["sampled", "window"]


def sampled(image: Array, rows: Array, columns: Array) -> Float:
    """Return an image at every crossing of some rows and columns, float64 (P, Q, C); bilinear, and 0 outside the image.

    Parameters
    ----------
    image : array (H, W, C)
    rows : array (P,)
    columns : array (Q,)
        Places in pixels. The first pixel reaches from 0 to 1, so that its middle is at 0.5.
    """
    return _along(_along(image, rows, 0), columns, 1)


def _along(image: Array, places: Array, axis: int) -> Float:
    first = np.floor(places - 0.5).astype(np.int64)
    share, size = places - 0.5 - first, image.shape[axis]
    total = 0.0
    for pixel, weight in ((first, 1.0 - share), (first + 1, share)):
        inside = (pixel >= 0) & (pixel < size)
        kept = np.expand_dims(weight * inside, tuple(i for i in range(image.ndim) if i != axis))
        total = total + np.take(image, np.clip(pixel, 0, size - 1), axis) * kept
    return np.asarray(total)


def window(frame: Array, centre: tuple[float, float], side: tuple[float, float], size: tuple[int, int]) -> Array:
    """Return the part of a frame around a place, resampled to so many pixels; outside the frame it has the frame's mean colour.

    Parameters
    ----------
    frame : array (H, W, C)
    centre : (x, y)
        In pixels.
    side : (width, height)
        Of the part, in pixels of the frame.
    size : (rows, columns)
        Pixels of the result.

    Returns
    -------
    array (rows, columns, C)
        Of the frame's type; whole numbers are rounded.
    """
    steps = [(np.arange(count) + 0.5) / count - 0.5 for count in size]
    mean = frame.mean(axis=(0, 1), dtype=np.float64)
    found = sampled(frame - mean, centre[1] + side[1] * steps[0], centre[0] + side[0] * steps[1]) + mean
    return (np.rint(found) if frame.dtype.kind in "ui" else found).astype(frame.dtype)
