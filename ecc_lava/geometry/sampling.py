"""Operators at some positions of their output map only."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from ecc_lava.common import Array
from ecc_lava.geometry.application import apply, padded_source, tap
from ecc_lava.geometry.types import Conv, Geometry, target_shape, written

__all__ = ["apply_at", "windows"]


def windows(conv: Conv, x: Array, rows: Array, columns: Array) -> Array:
    """Return the inputs that a convolution reads at some positions of its output map.

    Parameters
    ----------
    conv : Conv
    x : array (N, H, W, C)
    rows, columns : int arrays (P,)

    Returns
    -------
    array (kh, kw, N, P, Cin)
        Zero where the window lies outside the map.
    """
    padded = padded_source(conv, x)
    width, channels = padded.shape[2:]
    flat = padded.reshape(len(x), -1, channels)
    taps = np.empty((*conv.kernel.shape[:2], len(x), len(rows), channels), x.dtype)
    for a, b in np.ndindex(conv.kernel.shape[:2]):
        places = (rows * conv.strides[0] + a * conv.dilation[0]) * width + columns * conv.strides[1] + b * conv.dilation[1]
        np.take(flat, places, axis=1, out=taps[a, b], mode="clip")  # all lie inside; without "clip" numpy buffers the result
    return taps


def apply_at(geometry: Geometry, x: Array, rows: Array, columns: Array, dtype: npt.DTypeLike = None) -> Array:
    """Apply an operator at some positions of its output map.

    Parameters
    ----------
    geometry : Geometry
    x : array (N, H, W, C)
    rows, columns : int arrays (P,)
    dtype : optional
        Of the sums, by default that of `x`.

    Returns
    -------
    array (N, P, C')
        Equal to ``apply(geometry, x.astype(dtype))[:, rows, columns]``.
    """
    dtype = np.dtype(x.dtype if dtype is None else dtype)
    if not isinstance(geometry, Conv):
        return apply(geometry, x.astype(dtype, copy=False))[:, rows, columns]
    channels = target_shape(geometry, (x.shape[1], x.shape[2], x.shape[3]))[2]
    kernel, read = geometry.kernel.astype(dtype, copy=False), windows(geometry, x, rows, columns)
    whole = np.zeros((len(x), len(rows), channels), dtype)
    part = whole[..., written(geometry)]
    for a, b in np.ndindex(kernel.shape[:2]):
        part += tap(read[a, b].astype(dtype, copy=False), kernel[a, b], geometry.groups)
    if geometry.gain is not None:
        part *= geometry.gain.astype(dtype)[rows, columns][:, None]
    return whole
