"""The ideal network: every population a ReLU on rates, no time and no spikes."""

from __future__ import annotations

import numpy as np

from ecc_lava.arrays import Array, Float
from ecc_lava.encode import as_batch, images_as_floats
from ecc_lava.geometry import apply
from ecc_lava.network import Kind, SpikingNetwork

__all__ = ["rate_forward", "rates"]


def rates(network: SpikingNetwork, x: Array) -> dict[str, Float]:
    """Return every population's ideal activation in the model's units.

    ``a = min(lambda * relu(sum_p W_p . r_p + bias) / vth, ceiling)`` with r = a / lambda of each source; the input's r is
    (x - offset) / scale.

    Parameters
    ----------
    network : SpikingNetwork
    x : float array (N, H, W, C)
        As the model takes it.

    Returns
    -------
    dict of name -> float64 array (N, H, W, C)
    """
    coding = network.coding
    rate = {network.input.name: (x.astype(np.float64) - coding.offset) / coding.scale}
    activation = {network.input.name: x.astype(np.float64)}
    for population in network.populations[1:]:
        total: Array = np.asarray(population.bias)
        for projection in network.into(population.name):
            total = total + apply(projection.geometry, rate[projection.source])
        ideal: Float = (
            total if population.kind is Kind.READOUT else np.clip(total / population.vth, 0.0, population.ceiling / population.lambda_)
        )
        rate[population.name] = ideal
        activation[population.name] = ideal * population.lambda_
    return activation


def rate_forward(network: SpikingNetwork, x: Array) -> Float:
    """Return the ideal network's output before a final softmax or sigmoid.

    Parameters
    ----------
    network : SpikingNetwork
    x : array (N, H, W, C)
        As the Keras model takes it; uint8 is scaled by the coding's `uint8_scale`.

    Returns
    -------
    float64 array (N, K)

    Raises
    ------
    InvalidInput
        If the images do not fit the network's input.
    """
    batch = images_as_floats(as_batch(x, network.input.shape), network.coding.uint8_scale)
    result: Float = rates(network, batch)[network.readout.name].reshape(len(batch), -1)
    return result
