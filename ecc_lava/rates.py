"""The ideal network: every population a ReLU (or a step) on rates, no time and no spikes."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from ecc_lava.arrays import Array, Float, Images, Outputs, by_output
from ecc_lava.batches import model_inputs
from ecc_lava.geometry import apply
from ecc_lava.network import Kind, Population, SpikingNetwork, output_name

__all__ = ["rate_forward", "rates"]


def rates(network: SpikingNetwork, x: Mapping[str, Array]) -> dict[str, Float]:
    """Return every population's ideal activation in the model's units.

    ``a = min(lambda * relu(sum_p W_p . r_p + bias) / vth, ceiling)`` with r = a / lambda of each source; the input's r is
    (x - offset) / unit. A step population's is 1 where its input reaches vth, else 0.

    Parameters
    ----------
    network : SpikingNetwork
    x : input name -> float array (N, H, W, C)
        In the model's units.

    Returns
    -------
    dict of name -> float64 array (N, H, W, C)
    """
    activation = {name: values.astype(np.float64) for name, values in x.items()}
    rate = {p.name: (activation[p.name] - c.offset) / c.unit for p, c in zip(network.inputs, network.codings, strict=True)}
    for population in network.populations[len(rate) :]:
        total: Array = np.asarray(population.bias)
        for projection in network.into(population.name):
            total = total + apply(projection.geometry, rate[projection.source])
        ideal = _ideal(population, total)
        rate[population.name] = ideal
        activation[population.name] = ideal * population.lambda_
    return activation


def _ideal(population: Population, total: Array) -> Float:
    match population.kind:
        case Kind.IF:
            return np.clip(total / population.vth, 0.0, population.ceiling / population.lambda_)
        case Kind.STEP:
            return (total >= population.vth).astype(np.float64)
        case Kind.READOUT:
            return total
        case Kind.INPUT:
            raise AssertionError("an input is given, not computed")


def rate_forward(network: SpikingNetwork, x: Images) -> Outputs:
    """Return the ideal network's output before a final softmax or sigmoid; of a calibrated network, of the one before calibration.

    Parameters
    ----------
    network : SpikingNetwork
    x : array (N, H, W, C), or arrays by input name
        As the Keras model takes it; uint8 is scaled by the coding's `uint8_scale`.

    Returns
    -------
    float64 array (N, K); a dict of them by name if the model has several outputs

    Raises
    ------
    InvalidInput
        If the images do not fit the network's inputs.
    """
    ideal = rates(network.ideal or network, model_inputs(x, network.input_specs))
    return by_output({output_name(p.name): ideal[p.name].reshape(len(ideal[p.name]), -1) for p in network.readouts})
