"""The least lambda that a chip's potential can hold beside what arrives."""

from __future__ import annotations

import logging
from collections.abc import Mapping

import numpy as np

from ecc_lava.common import Float, Int
from ecc_lava.geometry import Conv, over_synapses, scaled_by_source
from ecc_lava.networks import SpikingNetwork

__all__ = ["floored"]

_log = logging.getLogger(__name__)

RANGE = 2**15
"""Times that a step's input may exceed lambda. Of 23 bits of potential, Loihi 1 keeps 6 for the least threshold; rounding can double a sum
of small weights, and calibration halve a threshold."""

ONE_RANGE = 2**12
"""Times that what one synapse brings, or a bias that inputs can outweigh, may exceed lambda. Loihi 1 holds a bias of 8,190 least thresholds
and a weight of 32,512, of which weights in several projections share the exponents."""

PAYLOAD_RANGE = 2**20
"""Times that a step's input may exceed the activation that a payload of 1 stands for: thresholds are powers of two there."""

NAMED = 5
"""Most channels that a message names."""


def floored(network: SpikingNetwork, lambdas: Mapping[str, Float]) -> dict[str, Float]:
    """Return lambdas, of which those of nearly dead channels are raised to a share of what one step's input can be.

    ``lambda_c >= max(R_c / RANGE, m * R_c / PAYLOAD_RANGE, max |W_c * s| / ONE_RANGE, min(R_c, |bias_c|) / ONE_RANGE)``,
    ``R_c = sum |W_c * s|``, s the largest activation that a source sends, m the population's largest payload

    A channel that is active on hardly any calibration image (a dying ReLU, a batch normalisation of a nearly constant channel, the
    negative half of what is never negative) has a lambda that is tiny against its weights, whose rounding alone would decide when it
    fires; no number format holds both. With lambda raised it is nearly silent, as on the calibration images. What is raised is logged.

    Parameters
    ----------
    network : SpikingNetwork
        Not normalised by these lambdas yet.
    lambdas : population name -> array (1, 1, 1) or (1, 1, C)
        What the largest payload at every step shall stand for.
    """
    result = dict(lambdas)
    for population in network.populations[len(network.inputs) :]:
        if population.name not in result:
            continue
        own, (most, one) = result[population.name], np.zeros((2, population.shape[2]))
        for p in network.into(population.name):
            source = network.by_name[p.source]
            sent = result[source.name] / source.lambda_ if source.name in result else np.full((1, 1, 1), network.largest_sent[source.name])
            weights = np.abs(scaled_by_source(p.geometry, np.broadcast_to(sent, (1, 1, source.shape[2])).ravel()))
            gain = p.geometry.gain.max() if isinstance(p.geometry, Conv) and p.geometry.gain is not None else 1.0
            most += over_synapses(np.add, p.geometry, weights).max(axis=0) * gain
            one = np.maximum(one, over_synapses(np.maximum, p.geometry, weights).max(axis=0) * gain)
        one = np.maximum(one, np.minimum(np.abs(population.bias).max(axis=(0, 1)), most)) / ONE_RANGE
        most = np.maximum(most * max(1 / RANGE, population.payload.largest / PAYLOAD_RANGE), one)
        least = most.reshape(1, 1, -1) * population.lambda_
        least = least.max(axis=2, keepdims=True) if own.shape[2] == 1 else least
        raised = np.flatnonzero(np.broadcast_to(own < least, (1, 1, population.shape[2])))
        if raised.size:
            _log.info("%s: %s", population.name, _told(raised, population.shape[2]))
            result[population.name] = np.maximum(own, least)
    return result


def _told(channels: Int, total: int) -> str:
    """Return what was done to some channels of a population."""
    named = ", ".join(str(c) for c in channels[:NAMED]) + (f" and {channels.size - NAMED} others" if channels.size > NAMED else "")
    what = f"channel{'s' * (channels.size > 1)} {named}" if channels.size < total else "all channels"
    return f"lambda of {what} raised: nearly dead on the calibration images, beside large incoming weights"
