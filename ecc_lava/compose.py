"""Composition of linear operators: fold two geometries into one where that is exact.

Nothing is approximated here; `compose` returns None where no single geometry equals the pair. Kernels multiplied by ones stay the arrays
they are.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from math import gcd, prod

import numpy as np

from ecc_lava.arrays import Array, Shape
from ecc_lava.geometry import (
    Conv,
    Dense,
    Geometry,
    axis_fan_out,
    is_diagonal,
    is_placement,
    stretched,
    synapses,
    target_shape,
    transposed,
    with_kernel,
    written,
)

__all__ = ["Composition", "as_conv", "compose", "composition_of", "overlaid", "touches"]


@dataclass(frozen=True)
class Composition:
    """What a composition would be; its kernel is not computed before `made` is called.

    Attributes
    ----------
    weights, synapses : int
        Of the composed operator.
    made : function
        Returns the composed operator.
    """

    weights: int
    synapses: int
    made: Callable[[], Geometry]


def compose(outer: Geometry, inner: Geometry, source: Shape) -> Geometry | None:
    """Return the geometry equal to ``outer(inner(x))`` for x of shape `source`, or None if there is none.

    Parameters
    ----------
    outer, inner : Geometry
        A Dense `outer` reads the inner map in flatten order.
    source : (H, W, C)
    """
    composition = composition_of(outer, inner, source)
    return None if composition is None else composition.made()


def composition_of(outer: Geometry, inner: Geometry, source: Shape) -> Composition | None:
    """Return what `compose` would return and what it would cost, without computing a kernel; None if there is none."""
    if isinstance(inner, Conv) and is_diagonal(inner):
        return _sized_as(outer, source, lambda: with_kernel(outer, _scaled_by_input(outer, inner.kernel[0, 0, 0])))
    if isinstance(outer, Conv) and is_diagonal(outer):
        scale = outer.kernel[0, 0, 0][written(inner)]
        return _sized_as(inner, source, lambda: with_kernel(inner, _scaled_by_output(inner, scale)))
    if isinstance(outer, Conv) and isinstance(inner, Dense):
        inner = as_conv(inner, source)
    match outer, inner:
        case Dense(), Dense():
            weights = inner.kernel.shape[0] * outer.kernel.shape[1]
            return Composition(weights, weights, lambda: Dense(inner.kernel.astype(np.float64) @ outer.kernel))
        case Dense(), Conv():
            weights = prod(source) * outer.kernel.shape[1]
            return Composition(weights, weights, partial(_pull_back, outer, inner, source))
        case Conv(), Conv():
            narrowed = _narrowed(outer, inner, target_shape(inner, source)[2])
            return None if narrowed is None else _convs(*narrowed, source)
        case _:
            return None


def _sized_as(geometry: Geometry, source: Shape, made: Callable[[], Geometry]) -> Composition:
    return Composition(geometry.kernel.size, synapses(geometry, source), made)


def as_conv(dense: Dense, source: Shape) -> Conv:
    """Return the same operator as a kernel as large as the source's map."""
    return Conv(dense.kernel.reshape(*source, -1))


def touches(outer: Geometry, inner: Geometry, channels: int) -> bool:
    """Whether `outer` reads any channel that `inner` writes of a map of `channels`; if not, their composition is zero."""
    if isinstance(outer, Dense) or outer.reads is None:
        return True
    first, stop, _ = written(inner).indices(channels)
    return outer.reads[0] < stop and first < outer.reads[1]


def _narrowed(outer: Conv, inner: Conv, channels: int) -> tuple[Conv, Conv] | None:
    """Return both restricted to the channels between them that `inner` writes and `outer` reads, or None if there are none.

    The results pass whole maps to each other: `inner` keeps what it reads, `outer` what it writes.
    """
    first, stop, _ = written(inner).indices(channels)
    reads = outer.reads or (0, channels)
    low, high = max(first, reads[0]), min(stop, reads[1])
    if low >= high:
        return None
    return _inputs(outer, low - reads[0], high - reads[0]), _outputs(inner, low - first, high - first)


def _inputs(conv: Conv, low: int, high: int) -> Conv:
    """Return a Conv for some of its input channels, which are then all of its source's."""
    per_input, per_output = conv.kernel.shape[2], conv.kernel.shape[3] // conv.groups
    if conv.groups == 1 or (low, high) == (0, per_input * conv.groups):
        return replace(conv, kernel=conv.kernel[:, :, low:high] if conv.groups == 1 else conv.kernel, reads=None)
    if low % per_input or high % per_input:
        return _inputs(replace(conv, kernel=_ungrouped(conv), groups=1), low, high)
    offset, total = conv.writes or (0, conv.kernel.shape[3])
    kernel = conv.kernel[..., low // per_input * per_output : high // per_input * per_output]
    writes = (offset + low // per_input * per_output, total)
    return replace(conv, kernel=kernel, groups=(high - low) // per_input, reads=None, writes=writes)


def _outputs(conv: Conv, low: int, high: int) -> Conv:
    """Return a Conv for some of its output channels, which are then all of its target's."""
    per_input, per_output = conv.kernel.shape[2], conv.kernel.shape[3] // conv.groups
    if conv.groups == 1 or (low, high) == (0, per_output * conv.groups):
        return replace(conv, kernel=conv.kernel[..., low:high], writes=None)
    if low % per_output or high % per_output:
        return _outputs(replace(conv, kernel=_ungrouped(conv), groups=1), low, high)
    first = (conv.reads or (0, 0))[0]
    reads = (first + low // per_output * per_input, first + high // per_output * per_input)
    return replace(conv, kernel=conv.kernel[..., low:high], groups=(high - low) // per_output, reads=reads, writes=None)


def _scaled_by_input(geometry: Geometry, scale: Array) -> Array:
    """Return the kernel with each weight multiplied by the scale of its input channel."""
    kernel = geometry.kernel
    if (scale == 1).all():
        return kernel
    match geometry:
        case Dense():
            return (kernel.reshape(-1, len(scale), kernel.shape[1]) * scale[:, None]).reshape(kernel.shape)
        case Conv(groups=groups):
            per_input = scale[slice(*(geometry.reads or (0, None)))].reshape(groups, kernel.shape[2])  # (group, input within it)
            per_weight = np.repeat(per_input, kernel.shape[3] // groups, axis=0).T  # (input, output)
            return kernel * per_weight


def _scaled_by_output(geometry: Geometry, scale: Array) -> Array:
    """Return the kernel with each weight multiplied by the scale of its output channel."""
    return geometry.kernel if (scale == 1).all() else geometry.kernel * scale


def _pull_back(outer: Dense, inner: Conv, source: Shape) -> Dense:
    """Return the Dense kernel over the source of `inner`."""
    outputs = outer.kernel.shape[1]
    maps = outer.kernel.T.astype(np.float64).reshape(outputs, *target_shape(inner, source))
    return Dense(transposed(inner, maps, source).reshape(outputs, -1).T)


def _reads_only_zeros_outside(inner: Conv, axis: int, size: int, out: int) -> bool:
    """Whether `inner`, continued beyond its output map along `axis`, would read nothing but zeros there."""
    stride, dilation, kernel = inner.strides[axis], inner.dilation[axis], inner.kernel.shape[axis]
    before = inner.padding[2 * axis]
    last_read_before = -stride - before + (kernel - 1) * dilation
    first_read_after = out * stride - before
    return last_read_before < 0 and first_read_after >= size


def _ungrouped(conv: Conv) -> Array:
    """Return the kernel (kh, kw, Cin, Cout) of a grouped convolution, with zeros between groups."""
    kh, kw, per_group, out = conv.kernel.shape
    full = np.zeros((kh, kw, per_group * conv.groups, out), conv.kernel.dtype)
    step = out // conv.groups
    for g in range(conv.groups):
        full[:, :, g * per_group : (g + 1) * per_group, g * step : (g + 1) * step] = conv.kernel[..., g * step : (g + 1) * step]
    return full


def _convs(outer: Conv, inner: Conv, source: Shape) -> Composition | None:
    """Return the composition of two Convs that pass whole maps to each other."""
    middle = target_shape(inner, source)
    if is_placement(replace(outer, gain=None)):
        gain = outer.gain if inner.gain is None else inner.gain if outer.gain is None else outer.gain * inner.gain
        return _sized_as(
            inner,
            source,
            lambda: replace(inner, kernel=_scaled_by_output(inner, outer.kernel[0, 0, 0]), gain=gain, writes=outer.writes),
        )
    if is_placement(inner):
        return _sized_as(outer, middle, lambda: replace(outer, kernel=_scaled_by_input(outer, inner.kernel[0, 0, 0]), reads=inner.reads))
    laid = _laid_out(outer, inner, source)
    if laid is None:
        return None
    depthwise = inner.groups == outer.groups == inner.kernel.shape[2] * inner.groups == middle[2]
    inputs, outputs = 1 if depthwise else inner.kernel.shape[2] * inner.groups, outer.kernel.shape[3]

    def made() -> Geometry:
        kernel = _composed_kernel(outer, inner, laid, inputs, depthwise)
        groups = outer.groups if depthwise else 1
        padding = (laid[0].before, laid[0].after, laid[1].before, laid[1].after)
        strides, dilation = (laid[0].stride, laid[1].stride), (laid[0].dilation, laid[1].dilation)
        return Conv(kernel, strides, padding, dilation, groups, outer.gain, inner.input_dilation, inner.reads, outer.writes)

    weights = laid[0].taps * laid[1].taps * inputs * outputs
    return Composition(weights, laid[0].pairs * laid[1].pairs * inputs * outputs, made)


@dataclass(frozen=True)
class _Axis:
    """How a composed kernel lies along one axis; `pairs` counts its (output, tap) pairs inside the map."""

    taps: int
    stride: int
    dilation: int
    before: int
    after: int
    pairs: int


def _laid_out(outer: Conv, inner: Conv, source: Shape) -> tuple[_Axis, _Axis] | None:
    """Return how the composition lies on the map, or None if it is no convolution."""
    if inner.gain is not None or outer.input_dilation != (1, 1):
        return None
    middle = target_shape(inner, source)
    final = target_shape(outer, middle)
    rows, columns = (_along(outer, inner, axis, source[axis], middle[axis], final[axis]) for axis in (0, 1))
    return None if rows is None or columns is None else (rows, columns)


def _along(outer: Conv, inner: Conv, axis: int, size: int, middle: int, final: int) -> _Axis | None:
    length = stretched(size, inner.input_dilation[axis])
    padded = max(outer.padding[2 * axis], outer.padding[2 * axis + 1]) > 0
    if padded and not _reads_only_zeros_outside(inner, axis, length, middle):
        return None
    stride = outer.strides[axis] * inner.strides[axis]
    steps = [
        (outer.kernel.shape[axis] - 1, outer.dilation[axis] * inner.strides[axis]),
        (inner.kernel.shape[axis] - 1, inner.dilation[axis]),
    ]
    dilation = gcd(*(step for count, step in steps if count)) or 1
    reach = sum(count * step for count, step in steps)
    before = inner.padding[2 * axis] + inner.strides[axis] * outer.padding[2 * axis]
    after = (final - 1) * stride + reach + 1 - length - before
    taps = reach // dilation + 1
    pairs = axis_fan_out(size, final, taps, stride, dilation, before, inner.input_dilation[axis])
    return _Axis(taps, stride, dilation, before, after, int(pairs.sum()))


def _composed_kernel(outer: Conv, inner: Conv, laid: tuple[_Axis, _Axis], inputs: int, depthwise: bool) -> Array:
    outer_kernel, inner_kernel = outer.kernel.astype(np.float64, copy=False), inner.kernel.astype(np.float64, copy=False)
    kernel = np.zeros((laid[0].taps, laid[1].taps, inputs, outer.kernel.shape[3]))
    outer_depthwise = outer.kernel.shape[2] == 1 and outer.kernel.shape[3] == outer.groups
    if not depthwise:
        inner_kernel = _ungrouped(inner).astype(np.float64, copy=False)
        outer_kernel = outer_kernel if outer_depthwise else _ungrouped(outer).astype(np.float64, copy=False)
    for a, b in np.ndindex(outer.kernel.shape[:2]):
        for c, d in np.ndindex(inner.kernel.shape[:2]):
            y = (a * outer.dilation[0] * inner.strides[0] + c * inner.dilation[0]) // laid[0].dilation
            x = (b * outer.dilation[1] * inner.strides[1] + d * inner.dilation[1]) // laid[1].dilation
            if depthwise:
                kernel[y, x] += np.repeat(inner_kernel[c, d], outer.kernel.shape[3] // outer.groups, axis=1) * outer_kernel[a, b]
            elif outer_depthwise:  # a factor per channel
                kernel[y, x] += inner_kernel[c, d] * outer_kernel[a, b]
            else:
                kernel[y, x] += inner_kernel[c, d] @ outer_kernel[a, b]
    return kernel


def overlaid(one: Geometry, other: Geometry, source: Shape) -> Geometry | None:
    """Return the sum of two operators as one kernel, or None if that is no operator or has as many weights as both.

    Kernels of one shape that lie a few pixels apart, as those of neighbouring taps of a max-pool do.
    """
    if not (isinstance(one, Conv) and isinstance(other, Conv)) or one.gain is not None or other.gain is not None:
        return None
    if one.kernel.shape != other.kernel.shape or _laying(one) != _laying(other) or one.dilation != (1, 1):
        return None
    first = [max(one.padding[2 * a], other.padding[2 * a]) for a in (0, 1)]  # zeros before the union
    apart = [abs(one.padding[2 * a] - other.padding[2 * a]) for a in (0, 1)]
    size = [one.kernel.shape[a] + apart[a] for a in (0, 1)]
    if prod(size) >= 2 * prod(one.kernel.shape[:2]):
        return None
    kernel = np.zeros((*size, *one.kernel.shape[2:]))
    for conv in (one, other):
        y, x = first[0] - conv.padding[0], first[1] - conv.padding[2]
        kernel[y : y + conv.kernel.shape[0], x : x + conv.kernel.shape[1]] += conv.kernel
    out = target_shape(one, source)
    after = [(out[a] - 1) * one.strides[a] + size[a] - stretched(source[a], one.input_dilation[a]) - first[a] for a in (0, 1)]
    return replace(one, kernel=kernel, padding=(first[0], after[0], first[1], after[1]))


def _laying(conv: Conv) -> tuple[object, ...]:
    return conv.strides, conv.dilation, conv.groups, conv.input_dilation, conv.reads, conv.writes
