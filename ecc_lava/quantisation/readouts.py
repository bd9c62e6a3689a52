"""Another readout for an integer network, whose other integers all stay as they are."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from ecc_lava.common import Array
from ecc_lava.geometry import target_shape
from ecc_lava.networks import Kind, Population, Projection, QuantisedNetwork, depths
from ecc_lava.quantisation.as_float import as_float
from ecc_lava.quantisation.population import PopulationQuantiser
from ecc_lava.quantisation.range_audit import one_step_bound

__all__ = ["with_readout"]


def with_readout(network: QuantisedNetwork, projections: Sequence[Projection], constant: Array) -> QuantisedNetwork:
    """Return an integer network with another readout in place of its own.

    ``logits = sum_p W_p . r_p + constant``, with r_p the mean payload of a step of the source of projection p. Weights have the network's
    largest width, and all channels share one unit.

    Parameters
    ----------
    network : QuantisedNetwork
        No stream.
    projections : sequence of Projection
        Into the new readout, which none of the populations is; in units of the logits.
    constant : float64 array (1,1,1), (1,1,C) or (H,W,C)

    Returns
    -------
    QuantisedNetwork
        With the inputs, populations and projections of `network` but for its readouts.

    Raises
    ------
    InvalidInput
        If the network is a stream.
    InvalidNetwork
        If a projection does not fit its source, or the readout's name is taken.
    RangeError
        If no exponents keep one step's input in the potential's range.
    """
    own, name = as_float(network), projections[0].target
    shape = target_shape(projections[0].geometry, network.by_name[projections[0].source].shape)
    readout = replace(Population.ideal(name, shape, Kind.READOUT), bias=constant)
    others = [p for p in network.populations if p.kind is not Kind.READOUT]
    kept = tuple(p for p in network.projections if network.by_name[p.target].kind is not Kind.READOUT)
    real = replace(
        own,
        populations=(*(own.by_name[p.name] for p in others), readout),
        projections=(*(p for p in own.projections if network.by_name[p.target].kind is not Kind.READOUT), *projections),
    )
    quantiser = PopulationQuantiser(real, readout, network.format, network.bits, "layer")
    units, exponents = quantiser.choose()
    depth = depths([p.name for p in real.populations], [(p.source, p.target) for p in real.projections])
    made = replace(
        network,
        populations=(*others, quantiser.population(units, depth[name])),
        projections=(*kept, *quantiser.projections(units, exponents, depth)),
        logit_scales=(float(units[0]),),
        trace=(*network.trace, f"with_readout({name!r})"),
    )
    one_step_bound(made)
    return made
