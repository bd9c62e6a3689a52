"""The spikes that reach every shard of a projection's target, and the synapses that they pass there."""

from __future__ import annotations

from math import prod

import numpy as np

from ecc_lava.common import Array, Shape
from ecc_lava.geometry import Geometry, Sparse
from hw_mappings.resources.axes import axes_of
from hw_mappings.resources.meetings import fan_outs
from hw_mappings.resources.synapses import shard_of_neuron
from hw_mappings.resources.tiling import Cuts

__all__ = ["arrivals"]


def arrivals(geometry: Geometry, source: Shape, spikes: Array, cuts: Cuts) -> tuple[Array, Array]:
    """Return the spikes that reach every shard of the target, and the synapses that the spikes pass there, each (shards,).

    Parameters
    ----------
    geometry : Geometry
    source : (H, W, C) of the source
    spikes : int64 or float64 array (H, W, C)
        Of every source neuron; results have the same type.
    cuts : cuts of the target
    """
    if isinstance(geometry, Sparse):
        shards = np.repeat(shard_of_neuron(cuts), np.diff(geometry.starts))
        pairs, synapses = np.unique(shards * prod(source) + geometry.sources, return_counts=True)
        shard, fired = pairs // prod(source), spikes.ravel()[pairs % prod(source)]
        sums = np.zeros((2, prod(len(spans) for spans in cuts)), spikes.dtype)
        np.add.at(sums[0], shard, fired)
        np.add.at(sums[1], shard, fired * synapses)
        return sums[0], sums[1]
    y, x, c = (fan_outs(axis, spans) for axis, spans in zip(axes_of(geometry, source), cuts, strict=True))

    def passed(y: Array, x: Array, c: Array) -> Array:
        result: Array = np.einsum("yxc,yj,xi,co->jio", spikes, y, x, c, optimize=True).ravel()
        return result

    return passed(*((f > 0).astype(np.int64) for f in (y, x, c))), passed(y, x, c)
