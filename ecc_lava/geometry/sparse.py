"""Sparse operators: how to make them, and their sums and products."""

from __future__ import annotations

from math import prod
from typing import Any

import numpy as np
import numpy.typing as npt

from ecc_lava.common import Array, Int, Shape
from ecc_lava.errors import InvalidNetwork
from ecc_lava.geometry.types import Conv, Dense, Geometry, Sparse, target_shape

__all__ = [
    "as_sparse",
    "axes_permuted",
    "from_synapses",
    "is_in_place",
    "matrix",
    "permutation",
    "reshaping",
    "sparse_product",
    "sparse_sum",
]


def from_synapses(weights: Array, sources: Array, targets: Array, source: Shape, target: Shape) -> Sparse:
    """Return the operator of synapses in any order; synapses between the same two neurons are added up, weights of 0 left out.

    Parameters
    ----------
    weights, sources, targets : arrays (synapses,)
        Neurons by flat index.
    source, target : (H, W, C)
    """
    places, of = np.unique(np.asarray(targets, np.int64) * prod(source) + sources, return_inverse=True)
    summed = np.zeros(len(places), weights.dtype)
    np.add.at(summed, of.ravel(), weights)
    kept = summed != 0
    onto, reads = np.divmod(places[kept], prod(source))
    starts = np.searchsorted(onto, np.arange(prod(target) + 1))
    return Sparse(summed[kept], reads, starts, source, target)


def permutation(order: Array, source: Shape, target: Shape) -> Sparse:
    """Return the operator ``y.ravel()[o] = x.ravel()[order[o]]``: numbers moved, copied or left out, never changed.

    Parameters
    ----------
    order : integer array (H*W*C of the target,)
    source, target : (H, W, C)
    """
    return Sparse(np.ones(prod(target)), np.ravel(order), np.arange(prod(target) + 1), source, target)


def reshaping(source: Shape, target: Shape) -> Sparse:
    """Return the operator that arranges the same numbers, in C order, as a map of another shape.

    Raises
    ------
    InvalidNetwork
        If the shapes have different numbers of neurons.
    """
    if prod(source) != prod(target):
        raise InvalidNetwork(f"a map of {source} has {prod(source)} numbers, one of {target} has {prod(target)}")
    return permutation(np.arange(prod(source)), source, target)


def is_in_place(sparse: Sparse) -> bool:
    """Whether the operator only multiplies each number by a factor and arranges the numbers, in C order, as a map."""
    number = sparse.kernel.size
    return (
        prod(sparse.source) == prod(sparse.target) == number
        and bool((sparse.sources == np.arange(number)).all())
        and bool((np.diff(sparse.starts) == 1).all())
    )


def axes_permuted(source: Shape, order: tuple[int, int, int]) -> Sparse:
    """Return the operator that exchanges a map's axes: axis a of the result is axis ``order[a]`` of the source (0 = H, 1 = W, 2 = C).

    Raises
    ------
    InvalidNetwork
        If `order` does not name every axis once.
    """
    if sorted(order) != [0, 1, 2]:
        raise InvalidNetwork(f"the order {order} of a map's axes must name 0, 1 and 2 once each")
    places = np.arange(prod(source)).reshape(source).transpose(order)
    return permutation(places, source, (source[order[0]], source[order[1]], source[order[2]]))


def matrix(sparse: Sparse, dtype: npt.DTypeLike) -> Any:
    """Return the operator as a scipy matrix (targets, sources) of this type."""
    from scipy.sparse import csr_array

    kernel = sparse.kernel.astype(dtype, copy=False)
    return csr_array((kernel, sparse.sources, sparse.starts), shape=(prod(sparse.target), prod(sparse.source)))


def sparse_product(outer: Sparse, inner: Sparse) -> Sparse:
    """Return ``outer(inner(x))`` in float64; weights that are 0 are no synapses."""
    return _operator(matrix(outer, np.float64) @ matrix(inner, np.float64), inner.source, outer.target)


def sparse_sum(one: Sparse, other: Sparse) -> Sparse:
    """Return ``one(x) + other(x)`` in float64; weights that are 0 are no synapses."""
    return _operator(matrix(one, np.float64) + matrix(other, np.float64), one.source, one.target)


def _operator(found: Any, source: Shape, target: Shape) -> Sparse:
    """Return a scipy matrix (targets, sources) in CSR form as an operator."""
    found.eliminate_zeros()
    found.sort_indices()
    return Sparse(found.data, found.indices, found.indptr, source, target)


def as_sparse(geometry: Geometry, source: Shape) -> Sparse:
    """Return the same operator as a list of synapses: those inside the map, with gains multiplied in and weights of 0 left out."""
    match geometry:
        case Sparse():
            target_shape(geometry, source)
            return geometry
        case Dense(kernel=kernel):
            targets, sources = np.nonzero(kernel.T)
            starts = np.searchsorted(targets, np.arange(kernel.shape[1] + 1))
            return Sparse(kernel.T[targets, sources], sources, starts, source, target_shape(geometry, source))
        case Conv():
            return _unrolled(geometry, source)


def _unrolled(conv: Conv, source: Shape) -> Sparse:
    target = target_shape(conv, source)
    (rows, taps_y, reads_y), (columns, taps_x, reads_x) = (_axis_synapses(conv, axis, source[axis], target[axis]) for axis in (0, 1))
    per_group, outputs = conv.kernel.shape[2:]
    within, channels = (index.ravel() for index in np.indices((per_group, outputs)))
    reads_c = (conv.reads[0] if conv.reads else 0) + channels // (outputs // conv.groups) * per_group + within
    writes_c = (conv.writes[0] if conv.writes else 0) + channels
    kernel = conv.kernel[taps_y[:, None], taps_x[None, :]].reshape(len(taps_y), len(taps_x), len(channels))
    if conv.gain is not None:
        kernel = kernel * conv.gain[rows[:, None], columns[None, :]][:, :, None]
    sources = _flat(reads_y, reads_x, reads_c, source)
    targets = _flat(rows, columns, writes_c, target)
    return from_synapses(kernel.ravel(), sources, targets, source, target)


def _axis_synapses(conv: Conv, axis: int, size: int, out: int) -> tuple[Int, Int, Int]:
    """Return (target index, tap, source index) of every pair inside the map along one axis."""
    targets, taps = (index.ravel() for index in np.indices((out, conv.kernel.shape[axis])))
    reads = targets * conv.strides[axis] + taps * conv.dilation[axis] - conv.padding[2 * axis]
    sources, between = np.divmod(reads, conv.input_dilation[axis])
    inside = (between == 0) & (sources >= 0) & (sources < size)
    return targets[inside], taps[inside], sources[inside]


def _flat(rows: Int, columns: Int, channels: Int, shape: Shape) -> Int:
    """Return the flat indices of all combinations, in C order."""
    positions = rows[:, None] * shape[1] + columns[None, :]
    result: Int = (positions[:, :, None] * shape[2] + channels).ravel()
    return result
