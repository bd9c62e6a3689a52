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
from ecc_lava.channel_ranges import narrowed, ungrouped
from ecc_lava.geometry import (
    Conv,
    Dense,
    Geometry,
    Sparse,
    as_sparse,
    axis_fan_out,
    is_diagonal,
    is_in_place,
    is_placement,
    scaled_by_source,
    scaled_by_target,
    sparse_product,
    stretched,
    synapses,
    target_shape,
    transposed,
    with_kernel,
    written,
)

__all__ = ["Composition", "as_conv", "compose", "composition_of", "overlaid", "touches"]

NONZEROS_MAX = 2**22
"""Most synapses that are listed one by one when operators are composed; what has more is not composed to a Sparse."""

PRODUCTS_MAX = 2**26
"""Most multiplications of a sparse product, about a second's."""


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
    if isinstance(outer, Sparse) or (isinstance(inner, Sparse) and not isinstance(outer, Dense)):
        return _listed(outer, inner, source)
    if isinstance(inner, Conv) and is_diagonal(inner):
        return _sized_as(outer, source, lambda: with_kernel(outer, scaled_by_source(outer, inner.kernel[0, 0, 0])))
    if isinstance(outer, Conv) and is_diagonal(outer):
        return _sized_as(inner, source, lambda: with_kernel(inner, scaled_by_target(inner, outer.kernel[0, 0, 0])))
    if isinstance(outer, Conv) and isinstance(inner, Dense):
        inner = as_conv(inner, source)
    match outer, inner:
        case Dense(), Dense():
            weights = inner.kernel.shape[0] * outer.kernel.shape[1]
            return Composition(weights, weights, lambda: Dense(inner.kernel.astype(np.float64) @ outer.kernel))
        case Dense(), Conv() | Sparse():
            weights = prod(source) * outer.kernel.shape[1]
            return Composition(weights, weights, partial(_pull_back, outer, inner, source))
        case Conv(), Conv():
            both = narrowed(outer, inner, target_shape(inner, source)[2])
            return None if both is None else _convs(*both, source)
        case _:
            return None


def _sized_as(geometry: Geometry, source: Shape, made: Callable[[], Geometry]) -> Composition:
    return Composition(geometry.kernel.size, synapses(geometry, source), made)


def _listed(outer: Geometry, inner: Geometry, source: Shape) -> Composition | None:
    """Return the composition of operators one of which is Sparse, and `outer` not Dense.

    How many synapses are left, as some can be 0, is known only once they are computed.
    """
    if isinstance(inner, Conv) and is_diagonal(inner):
        return _computed(with_kernel(outer, scaled_by_source(outer, inner.kernel[0, 0, 0])), source)
    if isinstance(outer, Conv) and is_diagonal(outer):
        return _computed(with_kernel(inner, scaled_by_target(inner, outer.kernel[0, 0, 0])), source)
    if isinstance(outer, Sparse) and isinstance(inner, Dense) and source[:2] == (1, 1) and is_in_place(outer):
        return _sized_as(inner, source, lambda: _in_place(outer, inner))
    middle = target_shape(inner, source)
    if max(synapses(outer, middle), synapses(inner, source)) > NONZEROS_MAX:
        return None
    after, before = as_sparse(outer, middle), as_sparse(inner, source)
    if int(np.diff(before.starts)[after.sources].sum()) > PRODUCTS_MAX:
        return None
    both = sparse_product(after, before)
    return None if both.kernel.size > NONZEROS_MAX else _computed(both, source)


def _computed(geometry: Geometry, source: Shape) -> Composition:
    return _sized_as(geometry, source, lambda: geometry)


def _in_place(outer: Sparse, dense: Dense) -> Conv | Dense:
    """Return a Dense layer on a vector, scaled and as a map: a kernel as large as the map, every tap of which one position reads."""
    scaled = dense.kernel if (outer.kernel == 1).all() else dense.kernel * outer.kernel
    height, width, channels = outer.target
    if (height, width) == (1, 1):
        return Dense(scaled)
    kernel = scaled.reshape(-1, height, width, channels)[:, ::-1, ::-1].transpose(1, 2, 0, 3)
    return Conv(kernel, padding=(height - 1, height - 1, width - 1, width - 1))


def as_conv(dense: Dense, source: Shape) -> Conv:
    """Return the same operator as a kernel as large as the source's map."""
    return Conv(dense.kernel.reshape(*source, -1))


def touches(outer: Geometry, inner: Geometry, channels: int) -> bool:
    """Whether `outer` reads any channel that `inner` writes of a map of `channels`; if not, their composition is zero."""
    if not isinstance(outer, Conv) or outer.reads is None:
        return True
    first, stop, _ = written(inner).indices(channels)
    return outer.reads[0] < stop and first < outer.reads[1]


def _pull_back(outer: Dense, inner: Conv | Sparse, source: Shape) -> Dense:
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


def _convs(outer: Conv, inner: Conv, source: Shape) -> Composition | None:
    """Return the composition of two Convs that pass whole maps to each other."""
    middle = target_shape(inner, source)
    if is_placement(replace(outer, gain=None)):
        gain = outer.gain if inner.gain is None else inner.gain if outer.gain is None else outer.gain * inner.gain
        return _sized_as(
            inner,
            source,
            lambda: replace(inner, kernel=scaled_by_target(inner, outer.kernel[0, 0, 0]), gain=gain, writes=outer.writes),
        )
    if is_placement(inner):
        return _sized_as(outer, middle, lambda: replace(outer, kernel=scaled_by_source(outer, inner.kernel[0, 0, 0]), reads=inner.reads))
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
