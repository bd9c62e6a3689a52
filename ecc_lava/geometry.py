"""Linear operators between feature maps: what the synapses of a projection compute.

A geometry is a kernel and how it is laid over a map. The same type carries float64 weights (float networks) and int8 mantissas
(integer networks). This module knows nothing of neurons, numbers formats or chips.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np

from ecc_lava.arrays import Array, Int, Shape, read_only
from ecc_lava.errors import InvalidNetwork

__all__ = ["Conv", "Dense", "Geometry", "apply", "diagonal", "fan_out", "is_diagonal", "synapses", "target_shape", "with_kernel"]


@dataclass(frozen=True, eq=False)
class Conv:
    """Two-dimensional cross-correlation, as Keras computes it.

    ``y[i, j, o] = gain[i, j] * sum_{a, b, c} kernel[a, b, c, o] * x[i*sy + a*dy - top, j*sx + b*dx - left, g(o)*I + c]``

    with I = Cin/groups input channels per group, g(o) the group of output channel o, and x zero outside its map.

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
    """

    kernel: Array
    strides: tuple[int, int] = (1, 1)
    padding: tuple[int, int, int, int] = (0, 0, 0, 0)
    dilation: tuple[int, int] = (1, 1)
    groups: int = 1
    gain: Array | None = None

    def __post_init__(self) -> None:
        object.__setattr__(self, "kernel", read_only(self.kernel))
        if self.gain is not None:
            object.__setattr__(self, "gain", read_only(self.gain))
        if self.kernel.ndim != 4 or 0 in self.kernel.shape:
            raise InvalidNetwork(f"a Conv kernel has four non-empty axes (kh, kw, Cin/groups, Cout), got shape {self.kernel.shape}")
        if min(*self.strides, *self.dilation, self.groups) < 1:
            raise InvalidNetwork(f"strides {self.strides}, dilation {self.dilation} and groups {self.groups} must be at least 1")
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
            new_gain = geometry.gain if gain is None else gain
            return Conv(kernel, geometry.strides, geometry.padding, geometry.dilation, geometry.groups, new_gain)
        case Dense():
            return Dense(kernel)


def diagonal(scale: Array) -> Conv:
    """Return the operator that multiplies channel c by ``scale[c]``: a 1x1 depthwise Conv."""
    scale = np.asarray(scale)
    return Conv(scale.reshape(1, 1, 1, -1), groups=scale.size)


def is_diagonal(geometry: Geometry) -> bool:
    """Whether `geometry` only multiplies every channel by a constant."""
    return (
        isinstance(geometry, Conv)
        and geometry.kernel.shape[:3] == (1, 1, 1)
        and geometry.groups == geometry.kernel.shape[3]
        and geometry.strides == (1, 1)
        and geometry.padding == (0, 0, 0, 0)
        and geometry.gain is None
    )


def _axis_length(size: int, kernel: int, stride: int, dilation: int, before: int, after: int) -> int:
    return (size + before + after - (kernel - 1) * dilation - 1) // stride + 1


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
            if kernel.shape[2] * groups != channels:
                raise InvalidNetwork(
                    f"a kernel for {kernel.shape[2] * groups} channels ({groups} groups) on a source of {channels} channels"
                )
            out_h = _axis_length(height, kernel.shape[0], strides[0], dilation[0], padding[0], padding[1])
            out_w = _axis_length(width, kernel.shape[1], strides[1], dilation[1], padding[2], padding[3])
            if out_h < 1 or out_w < 1:
                raise InvalidNetwork(f"a {kernel.shape[0]}x{kernel.shape[1]} kernel does not fit on a {height}x{width} map")
            if geometry.gain is not None and geometry.gain.shape != (out_h, out_w):
                raise InvalidNetwork(f"a gain map of shape {geometry.gain.shape} on an output of {out_h}x{out_w}")
            return out_h, out_w, kernel.shape[3]
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
            padded = _pad(x, geometry.padding)
            result = np.zeros((len(x), out_h, out_w, out_c), x.dtype)
            for a, b in np.ndindex(kernel.shape[0], kernel.shape[1]):
                y0, x0 = a * dilation_y, b * dilation_x
                rows = slice(y0, y0 + (out_h - 1) * stride_y + 1, stride_y)
                columns = slice(x0, x0 + (out_w - 1) * stride_x + 1, stride_x)
                result += _tap(padded[:, rows, columns], kernel[a, b], geometry.groups)
            if geometry.gain is not None:
                result *= geometry.gain.astype(x.dtype)[:, :, None]
            return result


def _axis_fan_out(size: int, out: int, kernel: int, stride: int, dilation: int, before: int) -> Int:
    """Count, for each input index of one axis, the (output, tap) pairs that read it."""
    reads = np.arange(out)[:, None] * stride + np.arange(kernel)[None, :] * dilation - before
    inside = reads[(reads >= 0) & (reads < size)]
    return np.bincount(inside, minlength=size).astype(np.int64)


def fan_out(geometry: Geometry, source: Shape) -> Int:
    """Return the number of synapses of each source neuron, (H, W, 1).

    Outputs inside the map; zero weights are counted. All channels of a position have the same number.
    """
    out_h, out_w, out_c = target_shape(geometry, source)
    match geometry:
        case Dense():
            return np.full((source[0], source[1], 1), out_c, np.int64)
        case Conv(kernel=kernel, strides=strides, padding=padding, dilation=dilation, groups=groups):
            vertical = _axis_fan_out(source[0], out_h, kernel.shape[0], strides[0], dilation[0], padding[0])
            horizontal = _axis_fan_out(source[1], out_w, kernel.shape[1], strides[1], dilation[1], padding[2])
            return (vertical[:, None] * horizontal[None, :] * (out_c // groups))[:, :, None]


def synapses(geometry: Geometry, source: Shape) -> int:
    """Return the number of synapses of a projection from a map of shape `source`."""
    return int(fan_out(geometry, source).sum()) * source[2]


def describe(geometry: Geometry) -> dict[str, Any]:
    """Return everything about the operator but its arrays, as JSON values; `rebuild` is the inverse."""
    match geometry:
        case Dense():
            return {"type": "Dense"}
        case Conv(strides=strides, padding=padding, dilation=dilation, groups=groups):
            return {"type": "Conv", "strides": strides, "padding": padding, "dilation": dilation, "groups": groups}


def rebuild(description: dict[str, Any], kernel: Array, gain: Array | None) -> Geometry:
    """Return the operator that `describe` described, with its arrays."""
    match description:
        case {"type": "Dense"}:
            return Dense(kernel)
        case {"type": "Conv", "strides": [sy, sx], "padding": [top, bottom, left, right], "dilation": [dy, dx], "groups": groups}:
            return Conv(kernel, (int(sy), int(sx)), (int(top), int(bottom), int(left), int(right)), (int(dy), int(dx)), int(groups), gain)
        case _:
            raise InvalidNetwork(f"unknown geometry {description!r}")
