"""Operators applied to batches of maps, forwards and transposed."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ecc_lava.common import Array, Shape, product
from ecc_lava.geometry.sparse import matrix
from ecc_lava.geometry.types import Conv, Dense, Geometry, Sparse, stretched, target_shape, written

__all__ = ["apply", "padded_source", "tap", "transposed"]


PATCH_VALUES = 2**19
"""Values of windows that are copied and multiplied together: a processor's cache holds them."""


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
        return product(x.reshape(-1, x.shape[-1]), weights).reshape(*x.shape[:-1], weights.shape[1])
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
            return product(x.reshape(len(x), -1), kernel).reshape(len(x), 1, 1, out_c)
        case Sparse():
            result: Array = matrix(geometry, x.dtype) @ x.reshape(len(x), -1).T
            return np.ascontiguousarray(result.T).reshape(len(x), out_h, out_w, out_c)
        case Conv():
            padded = padded_source(geometry, x)
            whole = np.zeros((len(x), out_h, out_w, out_c), x.dtype)
            result = whole[..., written(geometry)]
            if geometry.groups == 1:
                _multiply_windows(geometry, padded, kernel, result)
            else:
                for place in np.ndindex(kernel.shape[0], kernel.shape[1]):
                    rows, columns = _read_by_tap(geometry, place, (out_h, out_w))
                    result += tap(padded[:, rows, columns], kernel[place], geometry.groups)
            if geometry.gain is not None:
                result *= geometry.gain.astype(x.dtype)[:, :, None]
            return whole


def _read_by_tap(conv: Conv, place: Sequence[int], size: tuple[int, int], origin: Sequence[int] = (0, 0)) -> tuple[slice, slice]:
    """Return the rows and columns of the padded source that one kernel position reads for a map of so many rows and columns."""
    starts = [first + index * step for first, index, step in zip(origin, place, conv.dilation, strict=True)]
    rows, columns = (
        slice(start, start + (number - 1) * step + 1, step) for start, number, step in zip(starts, size, conv.strides, strict=True)
    )
    return rows, columns


def _multiply_windows(conv: Conv, padded: Array, kernel: Array, result: Array) -> None:
    """Write the products of windows and kernel to `result`, for as many images, or rows of one, as `PATCH_VALUES` hold."""
    images, height, width, channels = result.shape
    flat = kernel.reshape(-1, channels)
    along = padded.strides[1:3]
    steps = [stride * step for stride, step in zip(along, conv.strides, strict=True)]
    within = [stride * step for stride, step in zip(along, conv.dilation, strict=True)]
    windows = np.lib.stride_tricks.as_strided(
        padded, (images, height, width, *kernel.shape[:3]), (padded.strides[0], *steps, *within, padded.strides[3]), writeable=False
    )
    rows = max(1, PATCH_VALUES // (width * len(flat)))
    at_once = max(1, rows // height)
    for first in range(0, images, at_once):
        for top in range(0, height, rows):
            part = slice(first, first + at_once), slice(top, top + rows)
            result[part] = product(windows[part].reshape(-1, len(flat)), flat).reshape(result[part].shape)


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
    for place in np.ndindex(kernel.shape[0], kernel.shape[1]):
        rows, columns = _read_by_tap(conv, place, (out_h, out_w), origin)
        padded[:, rows, columns] += _transposed_tap(y, kernel[place], conv.groups)
    result = np.zeros((len(y), *source), y.dtype)
    inside = padded[:, top : top + size[0], left : left + size[1]]
    result[..., first:stop] = inside[:, :: conv.input_dilation[0], :: conv.input_dilation[1]]
    return result


def _transposed_tap(y: Array, weights: Array, groups: int) -> Array:
    """Apply one kernel position backwards: y (..., Cout), weights (Cin/groups, Cout) -> (..., Cin)."""
    if groups == 1:
        return product(y.reshape(-1, y.shape[-1]), weights.T).reshape(*y.shape[:-1], len(weights))
    grouped = y.reshape(*y.shape[:-1], groups, weights.shape[1] // groups)
    blocks = weights.reshape(weights.shape[0], groups, -1)
    result: Array = np.einsum("...go,igo->...gi", grouped, blocks).reshape(*y.shape[:-1], groups * weights.shape[0])
    return result
