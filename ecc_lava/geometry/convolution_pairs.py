"""Composition of two convolutions."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from math import gcd

import numpy as np

from ecc_lava.common import Array, Shape
from ecc_lava.geometry.channel_ranges import ungrouped
from ecc_lava.geometry.counting import axis_fan_out, synapses
from ecc_lava.geometry.types import Conv, Geometry, is_placement, stretched, target_shape
from ecc_lava.geometry.weights import scaled_by_source, scaled_by_target

__all__ = ["Composition", "composed_convs", "sized_as"]


@dataclass(frozen=True)
class Composition:
    """The cost of a composed operator; its kernel is not computed before `made` is called.

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


def sized_as(geometry: Geometry, source: Shape, made: Callable[[], Geometry]) -> Composition:
    """Return a composition of as many weights and synapses as `geometry` has on a map of shape `source`."""
    return Composition(geometry.kernel.size, synapses(geometry, source), made)


def _reads_only_zeros_outside(inner: Conv, axis: int, size: int, out: int) -> bool:
    """Whether `inner`, continued beyond its output map along `axis`, would read nothing but zeros there."""
    stride, dilation, kernel = inner.strides[axis], inner.dilation[axis], inner.kernel.shape[axis]
    before = inner.padding[2 * axis]
    last_read_before = -stride - before + (kernel - 1) * dilation
    first_read_after = out * stride - before
    return last_read_before < 0 and first_read_after >= size


def composed_convs(outer: Conv, inner: Conv, source: Shape) -> Composition | None:
    """Return the composition of two Convs that pass whole maps to each other."""
    middle = target_shape(inner, source)
    if is_placement(replace(outer, gain=None)):
        gain = outer.gain if inner.gain is None else inner.gain if outer.gain is None else outer.gain * inner.gain
        return sized_as(
            inner,
            source,
            lambda: replace(inner, kernel=scaled_by_target(inner, outer.kernel[0, 0, 0]), gain=gain, writes=outer.writes),
        )
    if is_placement(inner):
        return sized_as(outer, middle, lambda: replace(outer, kernel=scaled_by_source(outer, inner.kernel[0, 0, 0]), reads=inner.reads))
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
        inner_kernel = ungrouped(inner).astype(np.float64, copy=False)
        outer_kernel = outer_kernel if outer_depthwise else ungrouped(outer).astype(np.float64, copy=False)
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
