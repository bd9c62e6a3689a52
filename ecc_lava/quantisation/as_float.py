"""The integer network's own numbers as a float network."""

from __future__ import annotations

import numpy as np

from ecc_lava.geometry import with_kernel
from ecc_lava.networks import Population, Projection, QuantisedNetwork, SpikingNetwork, refuse_stream

__all__ = ["as_float"]


def as_float(network: QuantisedNetwork) -> SpikingNetwork:
    """Return the integer network's own numbers as a float network, for the float engine to run.

    Weights are ``mantissa * 2**(weight_shift + exponent)``; thresholds, biases and initial potentials stay as they are; the potential is
    clipped where the integers saturate. Every number is exact in float64, so the float engine equals the integer back ends spike for spike.

    Parameters
    ----------
    network : QuantisedNetwork

    Returns
    -------
    SpikingNetwork
        In units of the integers' potentials.
    """
    refuse_stream(network, "the float engine")
    one = np.ones((1, 1, 1))
    scales = {p.name: scale for p, scale in zip(network.readouts, network.logit_scales, strict=True)}
    populations = tuple(
        Population(
            p.name,
            p.shape,
            p.kind,
            p.bias,
            p.vth if p.kind.spikes else one,
            p.v_init,
            one / np.reshape(scales.get(p.name, 1.0), (1, 1, -1)),
            payload=p.payload,
        )
        for p in network.populations
    )
    projections = tuple(
        Projection(
            p.source, p.target, with_kernel(p.geometry, p.geometry.kernel.astype(np.float64) * 2.0 ** network.format.shift(p.exponent))
        )
        for p in network.projections
    )
    limit = float(network.format.potential_max)
    return SpikingNetwork(populations, projections, network.codings, network.timesteps, limit, (*network.trace, "as_float"))
