"""Weights of an operator by target channel and by source channel, for every kind of operator."""

from __future__ import annotations

import numpy as np

from ecc_lava.common import Array, Int
from ecc_lava.geometry.types import Conv, Dense, Geometry, Sparse, written

__all__ = ["over_synapses", "scaled_by_source", "scaled_by_target"]


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
