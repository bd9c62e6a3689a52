"""Composition of linear operators: fold two geometries into one where that is exact.

Nothing is approximated here: where no single geometry equals the pair, there is no composition. A kernel multiplied by ones stays the same
array.
"""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from math import prod

import numpy as np

from ecc_lava.common import Shape
from ecc_lava.geometry.application import transposed
from ecc_lava.geometry.channel_ranges import narrowed
from ecc_lava.geometry.convolution_pairs import Composition, composed_convs, sized_as
from ecc_lava.geometry.counting import synapses
from ecc_lava.geometry.sparse import as_sparse, is_in_place, sparse_product
from ecc_lava.geometry.types import Conv, Dense, Geometry, Sparse, is_diagonal, stretched, target_shape, with_kernel, written
from ecc_lava.geometry.weights import scaled_by_source, scaled_by_target

__all__ = ["composition_of", "overlaid", "touches"]

NONZEROS_MAX = 2**22
"""Most synapses that are listed one by one; operators with more are not composed to a Sparse."""

PRODUCTS_MAX = 2**26
"""Most multiplications of a sparse product; this many take about a second."""


def composition_of(outer: Geometry, inner: Geometry, source: Shape) -> Composition | None:
    """Return the cost of the one operator equal to ``outer(inner(x))``, and how to compute it; None if there is no such operator.

    Parameters
    ----------
    outer, inner : Geometry
        A Dense `outer` reads the inner map in flatten order.
    source : (H, W, C)
    """
    if isinstance(outer, Sparse) or (isinstance(inner, Sparse) and not isinstance(outer, Dense)):
        return _listed(outer, inner, source)
    if isinstance(inner, Conv) and is_diagonal(inner):
        return sized_as(outer, source, lambda: with_kernel(outer, scaled_by_source(outer, inner.kernel[0, 0, 0])))
    if isinstance(outer, Conv) and is_diagonal(outer):
        return sized_as(inner, source, lambda: with_kernel(inner, scaled_by_target(inner, outer.kernel[0, 0, 0])))
    if isinstance(outer, Conv) and isinstance(inner, Dense):
        inner = _as_conv(inner, source)
    match outer, inner:
        case Dense(), Dense():
            weights = inner.kernel.shape[0] * outer.kernel.shape[1]
            return Composition(weights, weights, lambda: Dense(inner.kernel.astype(np.float64) @ outer.kernel))
        case Dense(), Conv() | Sparse():
            weights = prod(source) * outer.kernel.shape[1]
            return Composition(weights, weights, partial(_pull_back, outer, inner, source))
        case Conv(), Conv():
            both = narrowed(outer, inner, target_shape(inner, source)[2])
            return None if both is None else composed_convs(*both, source)
        case _:
            return None


def _listed(outer: Geometry, inner: Geometry, source: Shape) -> Composition | None:
    """Return the composition of two operators where one is Sparse and `outer` is not Dense.

    Some weights can be 0, so the number of synapses is known only once they are computed.
    """
    if isinstance(inner, Conv) and is_diagonal(inner):
        return _computed(with_kernel(outer, scaled_by_source(outer, inner.kernel[0, 0, 0])), source)
    if isinstance(outer, Conv) and is_diagonal(outer):
        return _computed(with_kernel(inner, scaled_by_target(inner, outer.kernel[0, 0, 0])), source)
    if isinstance(outer, Sparse) and isinstance(inner, Dense) and source[:2] == (1, 1) and is_in_place(outer):
        return sized_as(inner, source, lambda: _in_place(outer, inner))
    middle = target_shape(inner, source)
    if max(synapses(outer, middle), synapses(inner, source)) > NONZEROS_MAX:
        return None
    after, before = as_sparse(outer, middle), as_sparse(inner, source)
    if int(np.diff(before.starts)[after.sources].sum()) > PRODUCTS_MAX:
        return None
    both = sparse_product(after, before)
    return None if both.kernel.size > NONZEROS_MAX else _computed(both, source)


def _computed(geometry: Geometry, source: Shape) -> Composition:
    return sized_as(geometry, source, lambda: geometry)


def _in_place(outer: Sparse, dense: Dense) -> Conv | Dense:
    """Return a scaled Dense layer from a vector to a map: a kernel as large as the map, with one tap for each position."""
    scaled = dense.kernel if (outer.kernel == 1).all() else dense.kernel * outer.kernel
    height, width, channels = outer.target
    if (height, width) == (1, 1):
        return Dense(scaled)
    kernel = scaled.reshape(-1, height, width, channels)[:, ::-1, ::-1].transpose(1, 2, 0, 3)
    return Conv(kernel, padding=(height - 1, height - 1, width - 1, width - 1))


def _as_conv(dense: Dense, source: Shape) -> Conv:
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


def overlaid(one: Geometry, other: Geometry, source: Shape) -> Geometry | None:
    """Return the sum of two operators as one kernel, or None if no kernel equals the sum or it has as many weights as both.

    The two kernels have one shape and lie a few pixels apart, as those of neighbouring taps of a max-pool do.
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
