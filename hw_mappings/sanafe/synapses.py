"""The synapses of a projection one by one, those of weight 0 included: chips store them, and `costs` counts them."""

from __future__ import annotations

from dataclasses import dataclass
from math import prod

import numpy as np

from ecc_lava.common import Int, Shape
from ecc_lava.geometry import Conv, as_sparse, with_kernel
from ecc_lava.networks import QuantisedProjection

__all__ = ["Synapses", "synapses_of"]


@dataclass(frozen=True, eq=False)
class Synapses:
    """Synapses in the order of their targets.

    Attributes
    ----------
    sources, targets : int64 arrays (synapses,)
        Neurons by flat index.
    weights : int64 array (synapses,)
        In units of the potential.
    delay : int
        Extra steps between a spike and its effect.
    """

    sources: Int
    targets: Int
    weights: Int
    delay: int


def synapses_of(projection: QuantisedProjection, source: Shape, shift: int) -> Synapses:
    """Return a projection's synapses.

    Parameters
    ----------
    projection : QuantisedProjection
    source : (H, W, C) of the source
    shift : int
        A mantissa counts ``2**shift`` units of the potential.
    """
    geometry, kernel = projection.geometry, projection.geometry.kernel.astype(np.int64)
    gain = None if not isinstance(geometry, Conv) or geometry.gain is None else geometry.gain.astype(np.int64)
    every = as_sparse(with_kernel(geometry, np.ones_like(kernel), None if gain is None else np.ones_like(gain)), source)
    own = as_sparse(with_kernel(geometry, kernel, gain), source)
    targets = np.repeat(np.arange(len(every.starts) - 1), np.diff(every.starts))
    own_targets = np.repeat(np.arange(len(own.starts) - 1), np.diff(own.starts))
    weights = np.zeros(len(targets), np.int64)
    number = prod(source)
    weights[np.searchsorted(targets * number + every.sources, own_targets * number + own.sources)] = own.kernel
    return Synapses(every.sources.astype(np.int64), targets, weights << shift, projection.delay)
