"""Weights of an operator by target channel and by source channel, for every kind of operator."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from ecc_lava.common import Array, Int, on_all_cores
from ecc_lava.geometry.types import Conv, Dense, Geometry, Sparse, written

__all__ = ["added", "over_synapses", "scaled_by_source", "scaled_by_target", "sums_by_sign"]

PART_VALUES = 2**16
"""Weights that one thread sums up at once: a processor's cache holds what is made of them."""


def over_synapses(by: np.ufunc, geometry: Geometry, values: Array) -> Array:
    """Reduce the values of the synapses of each target neuron whose field lies inside the map; gains are left aside.

    ``result[p, c] = by(values of the synapses of the neuron at position p of channel c)``

    Parameters
    ----------
    by : {np.add, np.maximum}
    geometry : Geometry
    values : array of the kernel's shape
        At least 0 for a maximum, as a neuron without synapses has 0.

    Returns
    -------
    array (P, C)
        C are the target's channels. P is 1 where all positions share their weights, the number of positions for a Sparse.
    """
    match geometry:
        case Sparse(target=(height, width, channels), starts=starts):
            result = np.zeros(height * width * channels, values.dtype)
            reached = np.diff(starts) > 0
            if reached.any():
                result[reached] = by.reduceat(values, starts[:-1][reached])
            return result.reshape(-1, channels)
        case Conv() | Dense():
            where = written(geometry)
            total = geometry.writes[1] if isinstance(geometry, Conv) and geometry.writes else values.shape[-1]
            result = np.zeros((1, total), values.dtype)
            result[0, where] = by.reduce(values.reshape(-1, values.shape[-1]), axis=0)
            return result


_LAYING = ("strides", "padding", "dilation", "groups", "input_dilation", "reads", "writes")
"""What says how a Conv lies on a map."""


def sums_by_sign(geometry: Geometry, scale: Array | None = None) -> tuple[Array, Array]:
    """Return the sums of the negative and of the positive weights into each target neuron, (P, C) each as of `over_synapses`.

    With a scale, (C,), these are of the weights times it, each before or after rounding to a whole number, whichever is further from 0.
    Integers are summed in int64, other weights in float64.
    """

    def signed(weights: Array, factor: Array | None) -> tuple[Array, Array]:
        low = high = weights if factor is None else weights * factor
        if factor is not None:
            whole = np.rint(low)
            low, high = np.minimum(low, whole), np.maximum(low, whole)
        return np.minimum(low, 0), np.maximum(high, 0)

    kind = np.int64 if np.issubdtype(geometry.kernel.dtype, np.integer) and scale is None else np.float64
    if isinstance(geometry, Sparse):
        by_synapse = None if scale is None else scale[_targets(geometry.starts) % geometry.target[2]]
        negative, positive = (over_synapses(np.add, geometry, part.astype(kind)) for part in signed(geometry.kernel, by_synapse))
        return negative, positive
    where, rows = written(geometry), geometry.kernel.reshape(-1, geometry.kernel.shape[-1])
    own, at_once = None if scale is None else scale[where], max(1, PART_VALUES // rows.shape[1])

    def summed(start: int) -> list[Array]:
        return [part.sum(axis=0, dtype=kind) for part in signed(rows[start : start + at_once], own)]

    total = geometry.writes[1] if isinstance(geometry, Conv) and geometry.writes else rows.shape[1]
    result = np.zeros((2, 1, total), kind)
    result[:, 0, where] = np.sum(on_all_cores(summed, range(0, len(rows), at_once)), axis=0)
    return result[0], result[1]


def added(one: Geometry, other: Geometry) -> Geometry | None:
    """Return the operator whose weights are the sums of two operators' that lie alike on a map, or None if they do not."""
    if one.kernel.shape != other.kernel.shape:
        return None
    match one, other:
        case Dense(), Dense():
            return Dense(one.kernel + other.kernel)
        case Conv(gain=None), Conv(gain=None) if all(getattr(one, name) == getattr(other, name) for name in _LAYING):
            return replace(one, kernel=one.kernel + other.kernel)
    return None


def scaled_by_target(geometry: Geometry, scale: Array) -> Array:
    """Return the kernel with each weight multiplied by the scale, (C,), of its target channel; the same array if all are 1."""
    if (scale == 1).all():
        return geometry.kernel
    match geometry:
        case Sparse(starts=starts, target=(_, _, channels)):
            return geometry.kernel * scale[_targets(starts) % channels]
        case Conv() | Dense():
            return geometry.kernel * scale[written(geometry)]


def scaled_by_source(geometry: Geometry, scale: Array) -> Array:
    """Return the kernel with each weight multiplied by the scale, (C,), of its source channel; the same array if all are 1."""
    kernel = geometry.kernel
    if (scale == 1).all():
        return kernel
    match geometry:
        case Sparse(sources=sources, source=(_, _, channels)):
            return kernel * scale[sources % channels]
        case Dense():
            return (kernel.reshape(-1, len(scale), kernel.shape[1]) * scale[:, None]).reshape(kernel.shape)
        case Conv(groups=groups):
            per_input = scale[slice(*(geometry.reads or (0, None)))].reshape(groups, kernel.shape[2])  # (group, input within it)
            per_weight = np.repeat(per_input, kernel.shape[3] // groups, axis=0).T  # (input, output)
            return kernel * per_weight


def _targets(starts: Array) -> Int:
    """Return the target neuron of every sparse synapse."""
    return np.repeat(np.arange(len(starts) - 1), np.diff(starts))
