"""Operators applied to batches of maps, forwards and transposed."""

from __future__ import annotations

import numpy as np

from ecc_lava.common import Array, Shape
from ecc_lava.geometry.sparse import matrix
from ecc_lava.geometry.types import Conv, Dense, Geometry, Sparse, stretched, target_shape, written

__all__ = ["apply", "padded_source", "tap", "transposed"]


NARROW = 16
"""Width of a map below which its rows are copied together: NumPy multiplies row by row, and reads all weights for each."""


def _pad(x: Array, padding: tuple[int, int, int, int]) -> Array:
    """Zero-pad (positive) or crop (negative) the two spatial axes of (N, H, W, C)."""
    top, bottom, left, right = padding
    x = x[:, max(-top, 0) : x.shape[1] - max(-bottom, 0), max(-left, 0) : x.shape[2] - max(-right, 0)]
    if max(padding) > 0:
        x = np.pad(x, ((0, 0), (max(top, 0), max(bottom, 0)), (max(left, 0), max(right, 0)), (0, 0)))
    return x


def _stretch(x: Array, input_dilation: tuple[int, int]) -> Array:
    """Put zeros between rows and columns of (N, H, W, C)."""
    if input_dilation == (1, 1):
        return x
    height, width = (stretched(size, step) for size, step in zip(x.shape[1:3], input_dilation, strict=True))
    result = np.zeros((len(x), height, width, x.shape[3]), x.dtype)
    result[:, :: input_dilation[0], :: input_dilation[1]] = x
    return result


def padded_source(conv: Conv, x: Array) -> Array:
    """Return the maps that a convolution slides over: the channels it reads, stretched and padded."""
    return _pad(_stretch(x if conv.reads is None else x[..., slice(*conv.reads)], conv.input_dilation), conv.padding)


def tap(x: Array, weights: Array, groups: int) -> Array:
    """Apply one kernel position: x (..., Cin), weights (Cin/groups, Cout) -> (..., Cout)."""
    if groups == 1:
        if x.flags.c_contiguous or x.shape[-2] < NARROW:
            return (x.reshape(-1, x.shape[-1]) @ weights).reshape(*x.shape[:-1], weights.shape[1])
        return x @ weights
    per_group = weights.shape[1] // groups
    if weights.shape[0] == 1:
        return np.repeat(x, per_group, axis=-1) * weights[0]
    grouped = x.reshape(*x.shape[:-1], groups, 1, weights.shape[0])
    blocks = weights.reshape(weights.shape[0], groups, per_group).transpose(1, 0, 2)
    result: Array = (grouped @ blocks).reshape(*x.shape[:-1], weights.shape[1])
    return result


def apply(geometry: Geometry, x: Array) -> Array:
    """Apply the operator to a batch.

    Parameters
    ----------
    geometry : Geometry
        Weights of any dtype; they are converted to that of `x` first, so an int64 input is summed in int64.
    x : array (N, H, W, C)

    Returns
    -------
    array (N, H', W', C')
    """
    out_h, out_w, out_c = target_shape(geometry, (x.shape[1], x.shape[2], x.shape[3]))
    kernel = geometry.kernel.astype(x.dtype, copy=False)
    match geometry:
        case Dense():
            return (x.reshape(len(x), -1) @ kernel).reshape(len(x), 1, 1, out_c)
        case Sparse():
            result: Array = matrix(geometry, x.dtype) @ x.reshape(len(x), -1).T
            return np.ascontiguousarray(result.T).reshape(len(x), out_h, out_w, out_c)
        case Conv(strides=(stride_y, stride_x), dilation=(dilation_y, dilation_x)):
            padded = padded_source(geometry, x)
            whole = np.zeros((len(x), out_h, out_w, out_c), x.dtype)
            offset = geometry.writes[0] if geometry.writes else 0
            result = whole[..., offset : offset + kernel.shape[3]]
            for a, b in np.ndindex(kernel.shape[0], kernel.shape[1]):
                y0, x0 = a * dilation_y, b * dilation_x
                rows = slice(y0, y0 + (out_h - 1) * stride_y + 1, stride_y)
                columns = slice(x0, x0 + (out_w - 1) * stride_x + 1, stride_x)
                result += tap(padded[:, rows, columns], kernel[a, b], geometry.groups)
            if geometry.gain is not None:
                result *= geometry.gain.astype(x.dtype)[:, :, None]
            return whole


def transposed(geometry: Conv | Sparse, y: Array, source: Shape) -> Array:
    """Apply the transpose of the operator to a batch: each output's value goes back to the inputs that it sums.

    Parameters
    ----------
    geometry : Conv or Sparse
    y : array (N, H', W', C')
        Maps of the target's shape.
    source : (H, W, C)

    Returns
    -------
    array (N, H, W, C)
    """
    out_h, out_w, _ = target_shape(geometry, source)
    if isinstance(geometry, Sparse):
        backwards: Array = matrix(geometry, y.dtype).T @ y.reshape(len(y), -1).T
        return np.ascontiguousarray(backwards.T).reshape(len(y), *source)
    conv = geometry
    y = y[..., written(conv)]
    if conv.gain is not None:
        y = y * conv.gain[:, :, None]
    kernel = conv.kernel.astype(y.dtype, copy=False)
    first, stop = conv.reads or (0, source[2])
    size = [stretched(source[a], conv.input_dilation[a]) for a in (0, 1)]
    top, bottom, left, right = (max(p, 0) for p in conv.padding)
    padded = np.zeros((len(y), size[0] + top + bottom, size[1] + left + right, stop - first), y.dtype)
    origin = [max(-conv.padding[0], 0), max(-conv.padding[2], 0)]  # nothing reads what is cropped
    for a, b in np.ndindex(kernel.shape[0], kernel.shape[1]):
        y0, x0 = origin[0] + a * conv.dilation[0], origin[1] + b * conv.dilation[1]
        rows = slice(y0, y0 + (out_h - 1) * conv.strides[0] + 1, conv.strides[0])
        columns = slice(x0, x0 + (out_w - 1) * conv.strides[1] + 1, conv.strides[1])
        padded[:, rows, columns] += _transposed_tap(y, kernel[a, b], conv.groups)
    result = np.zeros((len(y), *source), y.dtype)
    inside = padded[:, top : top + size[0], left : left + size[1]]
    result[..., first:stop] = inside[:, :: conv.input_dilation[0], :: conv.input_dilation[1]]
    return result


def _transposed_tap(y: Array, weights: Array, groups: int) -> Array:
    """Apply one kernel position backwards: y (..., Cout), weights (Cin/groups, Cout) -> (..., Cin)."""
    if groups == 1:
        return y @ weights.T
    grouped = y.reshape(*y.shape[:-1], groups, weights.shape[1] // groups)
    blocks = weights.reshape(weights.shape[0], groups, -1)
    result: Array = np.einsum("...go,igo->...gi", grouped, blocks).reshape(*y.shape[:-1], groups * weights.shape[0])
    return result
