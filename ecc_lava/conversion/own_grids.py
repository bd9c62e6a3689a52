"""Weights that the model itself has rounded, under payloads of several bits.

A chip has no divider: the threshold of a neuron that sends payloads of several bits is a power of two in units of the potential. Weights
stay the model's own whole numbers in units of ``2**shift`` over their step. Both hold if every step, in thresholds, is a power of two, so
lambda is chosen from the values that make it one. Binary spikes need no such choice.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import replace

import numpy as np

from ecc_lava.common import Float
from ecc_lava.geometry import STEPS_ALIKE, scaled_by_source, steps_of, with_kernel
from ecc_lava.networks import Kind, Population, Projection, SpikingNetwork

__all__ = ["on_own_steps"]

_log = logging.getLogger(__name__)


def on_own_steps(network: SpikingNetwork, lambdas: Mapping[str, Float]) -> tuple[SpikingNetwork, dict[str, Float]]:
    """Return the lambdas of payload 1 nearest to given ones at which thresholds are powers of two, and the network.

    An activation that the model itself rounds has the step of this rounding as its lambda, if the payload has its width. Weights that no
    such lambda leaves as they are lose their grid, and are rounded like all others.

    Parameters
    ----------
    network : SpikingNetwork
        Before normalisation, with payloads.
    lambdas : population name -> array (1, 1, 1) or (1, 1, C)
    """
    chosen: dict[str, Float] = dict(lambdas)
    kept, lost = list(network.projections), []
    for population in network.populations:
        if population.kind is not Kind.IF:
            continue
        wanted = chosen[population.name] = _own_lambda(population, chosen[population.name])
        if not population.payload.is_shift:
            continue
        places = [place for place, p in enumerate(kept) if p.target == population.name and p.grid is not None]
        found = _nearest(population, wanted, [_steps(kept[place], network, chosen) for place in places])
        if found is None:
            lost.append(population.name)
            for place in places:
                kept[place] = replace(kept[place], grid=None)
        chosen[population.name] = wanted if found is None else found
    if lost:
        _log.warning(
            "weights into %s are rounded again: with payloads of several bits, thresholds are powers of two, and the model's own steps by "
            "channel are not; use binary spikes (payload_bits=1), or train with scales that are powers of two",
            ", ".join(lost),
        )
    return replace(network, projections=tuple(kept)), chosen


def _own_lambda(population: Population, fitted: Float) -> Float:
    """Return the step to which the model rounds an activation, where the payload is as wide; else the fitted lambda of payload 1."""
    if population.own_bits != population.payload.bits:
        return fitted
    return np.full((1, 1, 1), population.ceiling / population.payload.largest)


def _steps(projection: Projection, network: SpikingNetwork, lambdas: Mapping[str, Float]) -> Float:
    """Return the steps of the weights of a projection, (C,), as the lambdas of its source scale them; 0 where all weights are 0."""
    assert projection.grid is not None
    source = network.by_name[projection.source]
    scale = np.broadcast_to(lambdas.get(source.name, np.ones((1, 1, 1))), (1, 1, source.shape[2])).ravel()
    geometry = with_kernel(projection.geometry, scaled_by_source(projection.geometry, scale))
    return steps_of(geometry, projection.grid)


def _nearest(population: Population, wanted: Float, steps: list[Float]) -> Float | None:
    """Return the lambdas nearest to the wanted ones at which all steps are powers of two of a threshold; None if there are none."""
    channels = population.shape[2]
    ratio = np.full((len(steps), channels), np.nan)
    for row, own in zip(ratio, steps, strict=True):
        row[own > 0] = np.log2(own[own > 0] / np.broadcast_to(wanted.ravel(), channels)[own > 0])
    off = ratio - np.rint(ratio)  # of a power of two
    first = np.array([next((value for value in column if not np.isnan(value)), 0.0) for column in off.T])
    if wanted.size == 1:
        used = ~np.isnan(off).all(axis=0) if len(steps) else np.zeros(channels, bool)
        first = np.full(channels, first[used][0] if used.any() else 0.0)
    apart = off - first
    if np.abs(apart - np.rint(apart))[~np.isnan(apart)].max(initial=0.0) > STEPS_ALIKE:
        return None
    factor = 2.0 ** (first if wanted.size > 1 else first[:1])
    return wanted * factor.reshape(1, 1, -1)
