"""Linear operators between feature maps: what the synapses of a projection compute.

A geometry is a kernel and how it is laid over a map. The same type carries float64 weights (float networks) and int8 mantissas
(integer networks). This module knows nothing of neurons, numbers formats or chips.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TypeAlias

import numpy as np

from ecc_lava.arrays import Array, Int, Shape, read_only
from ecc_lava.errors import InvalidNetwork

__all__ = [
    "Conv",
    "Dense",
    "Geometry",
    "apply",
    "axis_fan_out",
    "diagonal",
    "fan_out",
    "is_diagonal",
    "is_placement",
    "stretched",
    "synapses",
    "target_shape",
    "transposed",
    "with_kernel",
    "written",
]


@dataclass(frozen=True, eq=False)
class Conv:
    """Two-dimensional cross-correlation, as Keras computes it.

    ``y[i, j, o] = gain[i, j] * sum_{a, b, c} kernel[a, b, c, o] * x[i*sy + a*dy - top, j*sx + b*dx - left, g(o)*I + c]``

    with I = Cin/groups input channels per group, g(o) the group of output channel o, and x zero outside its map. x is the source's map
    or a range of its channels, with ``input_dilation - 1`` zeros between its rows and columns; y may be a range of the target's channels,
    the others being zero.

    Attributes
    ----------
    kernel : array (kh, kw, Cin/groups, Cout)
        Depthwise convolution is groups = Cin with kernel (kh, kw, 1, Cin*multiplier).
    strides, dilation : (vertical, horizontal)
    padding : (top, bottom, left, right)
        Zeros added on each side; negative values crop.
    groups : int
    gain : array (H, W) of the output map, or None
        Factor per output position (Keras averages a `same` pool over its valid pixels only).
    input_dilation : (vertical, horizontal)
        Above 1 for transposed convolution and nearest upsampling; padding counts after it.
    reads : (first, stop) or None
        Range of the source's channels; all by default.
    writes : (first, total) or None
        First of the target's channels and their number; all by default.
    """

    kernel: Array
    strides: tuple[int, int] = (1, 1)
    padding: tuple[int, int, int, int] = (0, 0, 0, 0)
    dilation: tuple[int, int] = (1, 1)
    groups: int = 1
    gain: Array | None = None
    input_dilation: tuple[int, int] = (1, 1)
    reads: tuple[int, int] | None = None
    writes: tuple[int, int] | None = None

    def __post_init__(self) -> None:
        object.__setattr__(self, "kernel", read_only(self.kernel))
        if self.gain is not None:
            object.__setattr__(self, "gain", read_only(self.gain))
        if self.kernel.ndim != 4 or 0 in self.kernel.shape:
            raise InvalidNetwork(f"a Conv kernel has four non-empty axes (kh, kw, Cin/groups, Cout), got shape {self.kernel.shape}")
        if min(*self.strides, *self.dilation, *self.input_dilation, self.groups) < 1:
            raise InvalidNetwork(
                f"strides {self.strides}, dilation {self.dilation}, input dilation {self.input_dilation} and groups {self.groups} "
                "must be at least 1"
            )
        if self.kernel.shape[3] % self.groups:
            raise InvalidNetwork(f"{self.kernel.shape[3]} output channels do not divide into {self.groups} groups")


@dataclass(frozen=True, eq=False)
class Dense:
    """Every source neuron to every target neuron: ``y[o] = sum_i kernel[i, o] * x.ravel()[i]`` (Keras's flatten order).

    Attributes
    ----------
    kernel : array (H*W*C of the source, K)
        The target map is (1, 1, K).
    """

    kernel: Array

    def __post_init__(self) -> None:
        object.__setattr__(self, "kernel", read_only(self.kernel))
        if self.kernel.ndim != 2 or 0 in self.kernel.shape:
            raise InvalidNetwork(f"a Dense kernel has two non-empty axes (inputs, outputs), got shape {self.kernel.shape}")


Geometry: TypeAlias = Conv | Dense


def with_kernel(geometry: Geometry, kernel: Array, gain: Array | None = None) -> Geometry:
    """Return the same operator with other weights of the same shape; `gain` replaces a Conv's gain map if given."""
    match geometry:
        case Conv():
            return replace(geometry, kernel=kernel, gain=geometry.gain if gain is None else gain)
        case Dense():
            return Dense(kernel)


def diagonal(scale: Array) -> Conv:
    """Return the operator that multiplies channel c by ``scale[c]``: a 1x1 depthwise Conv."""
    scale = np.asarray(scale)
    return Conv(scale.reshape(1, 1, 1, -1), groups=scale.size)


def is_diagonal(geometry: Geometry) -> bool:
    """Whether `geometry` only multiplies every channel by a constant."""
    return isinstance(geometry, Conv) and is_placement(geometry) and geometry.reads is None and geometry.writes is None


def is_placement(geometry: Geometry) -> bool:
    """Whether `geometry` only multiplies channels by constants and puts them where other channels were."""
    return (
        isinstance(geometry, Conv)
        and geometry.kernel.shape[:3] == (1, 1, 1)
        and geometry.groups == geometry.kernel.shape[3]
        and geometry.strides == (1, 1)
        and geometry.input_dilation == (1, 1)
        and geometry.padding == (0, 0, 0, 0)
        and geometry.gain is None
    )


def _axis_length(size: int, kernel: int, stride: int, dilation: int, before: int, after: int) -> int:
    return (size + before + after - (kernel - 1) * dilation - 1) // stride + 1


def written(geometry: Geometry) -> slice:
    """Return which of the target's channels an operator writes."""
    if isinstance(geometry, Conv) and geometry.writes is not None:
        return slice(geometry.writes[0], geometry.writes[0] + geometry.kernel.shape[3])
    return slice(None)


def stretched(size: int, input_dilation: int) -> int:
    """Return the length of an axis with ``input_dilation - 1`` zeros between its entries."""
    return (size - 1) * input_dilation + 1


def target_shape(geometry: Geometry, source: Shape) -> Shape:
    """Return the (H, W, C) of the output map for an input map `source`.

    Raises
    ------
    InvalidNetwork
        If the kernel does not belong to a source of this shape.
    """
    height, width, channels = source
    match geometry:
        case Conv(kernel=kernel, strides=strides, padding=padding, dilation=dilation, groups=groups):
            first, stop = geometry.reads or (0, channels)
            if not 0 <= first < stop <= channels or kernel.shape[2] * groups != stop - first:
                raise InvalidNetwork(
                    f"a kernel for {kernel.shape[2] * groups} channels ({groups} groups) that reads {first}..{stop} of {channels} channels"
                )
            offset, total = geometry.writes or (0, kernel.shape[3])
            if not 0 <= offset <= total - kernel.shape[3]:
                raise InvalidNetwork(f"{kernel.shape[3]} output channels written from {offset} on of a target of {total} channels")
            height, width = (stretched(size, step) for size, step in zip((height, width), geometry.input_dilation, strict=True))
            out_h = _axis_length(height, kernel.shape[0], strides[0], dilation[0], padding[0], padding[1])
            out_w = _axis_length(width, kernel.shape[1], strides[1], dilation[1], padding[2], padding[3])
            if out_h < 1 or out_w < 1:
                raise InvalidNetwork(f"a {kernel.shape[0]}x{kernel.shape[1]} kernel does not fit on a {height}x{width} map")
            if geometry.gain is not None and geometry.gain.shape != (out_h, out_w):
                raise InvalidNetwork(f"a gain map of shape {geometry.gain.shape} on an output of {out_h}x{out_w}")
            return out_h, out_w, total
        case Dense(kernel=kernel):
            if kernel.shape[0] != height * width * channels:
                raise InvalidNetwork(f"a Dense kernel for {kernel.shape[0]} inputs on a source of {height}x{width}x{channels}")
            return 1, 1, kernel.shape[1]


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


def _tap(x: Array, weights: Array, groups: int) -> Array:
    """Apply one kernel position: x (..., Cin), weights (Cin/groups, Cout) -> (..., Cout)."""
    if groups == 1:
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
        case Conv(strides=(stride_y, stride_x), dilation=(dilation_y, dilation_x)):
            padded = _pad(
                _stretch(x if geometry.reads is None else x[..., slice(*geometry.reads)], geometry.input_dilation), geometry.padding
            )
            whole = np.zeros((len(x), out_h, out_w, out_c), x.dtype)
            offset = geometry.writes[0] if geometry.writes else 0
            result = whole[..., offset : offset + kernel.shape[3]]
            for a, b in np.ndindex(kernel.shape[0], kernel.shape[1]):
                y0, x0 = a * dilation_y, b * dilation_x
                rows = slice(y0, y0 + (out_h - 1) * stride_y + 1, stride_y)
                columns = slice(x0, x0 + (out_w - 1) * stride_x + 1, stride_x)
                result += _tap(padded[:, rows, columns], kernel[a, b], geometry.groups)
            if geometry.gain is not None:
                result *= geometry.gain.astype(x.dtype)[:, :, None]
            return whole


def transposed(conv: Conv, y: Array, source: Shape) -> Array:
    """Apply the transpose of the operator to a batch: every output's value is handed to the inputs it was summed from.

    Parameters
    ----------
    conv : Conv
    y : array (N, H', W', C')
        Maps of the target's shape.
    source : (H, W, C)

    Returns
    -------
    array (N, H, W, C)
    """
    out_h, out_w, _ = target_shape(conv, source)
    y = y[..., written(conv)]
    if conv.gain is not None:
        y = y * conv.gain[:, :, None]
    kernel = conv.kernel.astype(y.dtype, copy=False)
    first, stop = conv.reads or (0, source[2])
    size = [stretched(source[a], conv.input_dilation[a]) for a in (0, 1)]
    top, bottom, left, right = (max(p, 0) for p in conv.padding)
    padded = np.zeros((len(y), size[0] + top + bottom, size[1] + left + right, stop - first), y.dtype)
    origin = [max(-conv.padding[0], 0), max(-conv.padding[2], 0)]  # what is cropped is read by nobody
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


def axis_fan_out(size: int, out: int, taps: int, stride: int, dilation: int, before: int, input_dilation: int) -> Int:
    """Count, for each input index of one axis, the (output, tap) pairs that read it."""
    reads = np.arange(out)[:, None] * stride + np.arange(taps)[None, :] * dilation - before
    reads = reads[reads % input_dilation == 0] // input_dilation
    return np.bincount(reads[(reads >= 0) & (reads < size)], minlength=size).astype(np.int64)


def _fan_outs(conv: Conv, source: Shape) -> tuple[Int, Int]:
    """Return the (output, tap) pairs that read each row, and each column."""
    out = target_shape(conv, source)
    rows, columns = (
        axis_fan_out(
            *(source[a], out[a], conv.kernel.shape[a], conv.strides[a], conv.dilation[a], conv.padding[2 * a], conv.input_dilation[a])
        )
        for a in (0, 1)
    )
    return rows, columns


def fan_out(geometry: Geometry, source: Shape) -> Int:
    """Return the number of synapses of each source neuron, (H, W, C).

    Outputs inside the map; zero weights are counted.
    """
    match geometry:
        case Dense(kernel=kernel):
            return np.full(source, kernel.shape[1], np.int64)
        case Conv(kernel=kernel, groups=groups):
            rows, columns = _fan_outs(geometry, source)
            positions = rows[:, None] * columns[None, :]
            channels = np.zeros(source[2], np.int64)
            channels[slice(*(geometry.reads or (0, source[2])))] = kernel.shape[3] // groups
            return positions[:, :, None] * channels


def synapses(geometry: Geometry, source: Shape) -> int:
    """Return the number of synapses of a projection from a map of shape `source`: the sum of `fan_out`."""
    match geometry:
        case Dense(kernel=kernel):
            return int(kernel.size)
        case Conv(kernel=kernel):
            rows, columns = _fan_outs(geometry, source)
            return int(rows.sum()) * int(columns.sum()) * int(kernel.shape[2] * kernel.shape[3])
