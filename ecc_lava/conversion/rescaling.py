"""The same function with rates that stand for other activations."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import numpy as np

from ecc_lava.common import Array, Float
from ecc_lava.geometry import scaled_by_source, scaled_by_target, with_kernel
from ecc_lava.networks import Population, Projection, SpikingNetwork

__all__ = ["rescaled"]


def rescaled(network: SpikingNetwork, lambdas: Mapping[str, Float], *, incoming: bool = True) -> SpikingNetwork:
    """Return the network with other lambdas: ``W <- W * r_source / r_target, b <- b / r_target``, r = new lambda / old lambda.

    Parameters
    ----------
    network : SpikingNetwork
    lambdas : population name -> array (1, 1, 1) or (1, 1, C)
    incoming : bool
        Whether the weights and biases into these populations change too. If not, their rates stay as they are and stand for other
        activations to the populations after them.
    """
    ratio = {p.name: lambdas.get(p.name, p.lambda_) / p.lambda_ for p in network.populations}

    def population(p: Population) -> Population:
        changed = replace(p, lambda_=p.lambda_ * ratio[p.name])
        if not incoming:
            return changed
        return replace(changed, bias=p.bias / ratio[p.name], observed=None if p.observed is None else p.observed / ratio[p.name])

    def projection(p: Projection) -> Projection:
        source, target = network.by_name[p.source], network.by_name[p.target]
        if (ratio[source.name] == 1).all() and not (incoming and (ratio[target.name] != 1).any()):
            return p
        geometry = with_kernel(p.geometry, scaled_by_source(p.geometry, _per_channel(ratio[source.name], source)))
        if incoming:
            geometry = with_kernel(geometry, scaled_by_target(geometry, 1.0 / _per_channel(ratio[target.name], target)))
        return replace(p, geometry=geometry)

    return replace(
        network,
        populations=tuple(population(p) for p in network.populations),
        projections=tuple(projection(p) for p in network.projections),
    )


def _per_channel(value: Array, population: Population) -> Array:
    return np.broadcast_to(value, (1, 1, population.shape[2])).ravel()
