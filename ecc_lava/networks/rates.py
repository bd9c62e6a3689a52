"""The ideal network: every population a ReLU (or a step) on rates, no time and no spikes."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from ecc_lava.common import Array, Float, Images, Outputs, by_output, in_steps
from ecc_lava.geometry import apply
from ecc_lava.inputs import model_inputs
from ecc_lava.networks.spiking import Population, SpikingNetwork
from ecc_lava.networks.wiring import Kind, output_name

__all__ = [
    "RateFunction",
    "clipped_rate",
    "ideal_rate",
    "ideal_rates",
    "input_rates",
    "input_sum",
    "own_rate",
    "rate_forward",
    "remaining_rates",
]

RateFunction = Callable[[Population, Array], Float]
"""A population's rate as a function of the sum of its inputs and bias, (N, H, W, C)."""


def ideal_rates(network: SpikingNetwork, x: Mapping[str, Array], dtype: type[np.floating[Any]] = np.float64) -> dict[str, Float]:
    """Return every population's ideal activation in the model's units.

    ``a = min(lambda * relu(sum_p W_p . r_p + bias) / vth, ceiling)`` with r = a / lambda of each source; an input has
    r = (x - offset) / unit. The activation of a step population is 1 where its input reaches vth, else 0.

    Parameters
    ----------
    network : SpikingNetwork
    x : input name -> float array (N, H, W, C)
        In the model's units.
    dtype : type
        What is computed in; float32 takes half the time.

    Returns
    -------
    dict of name -> array (N, H, W, C)
    """
    rate = remaining_rates(network, input_rates(network, x, dtype))
    activation = {name: values.astype(dtype) for name, values in x.items()}
    return activation | {p.name: rate[p.name] * p.lambda_.astype(dtype) for p in network.populations[len(activation) :]}


def input_rates(network: SpikingNetwork, x: Mapping[str, Array], dtype: type[np.floating[Any]] = np.float64) -> dict[str, Float]:
    """Return what the inputs would send at every step if they could send any number, ``(x - offset) / unit``; x as for `ideal_rates`."""
    inputs = zip(network.inputs, network.codings, strict=True)
    return {p.name: ((x[p.name].astype(np.float64) - coding.offset) / coding.unit).astype(dtype, copy=False) for p, coding in inputs}


def remaining_rates(network: SpikingNetwork, known: Mapping[str, Float], rate_of: RateFunction | None = None) -> dict[str, Float]:
    """Return the rates of all populations: the known ones, and those that follow from their sources' rates.

    Parameters
    ----------
    network : SpikingNetwork
    known : population name -> array (N, H, W, C)
        The inputs at least; their dtype is that of all sums.
    rate_of : callable, optional
        `ideal_rate` by default.
    """
    rate_of = rate_of or ideal_rate
    rate = dict(known)
    for population in network.populations:
        if population.name not in rate:
            rate[population.name] = rate_of(population, input_sum(network, population, rate))
    return rate


def input_sum(network: SpikingNetwork, population: Population, rate: Mapping[str, Array]) -> Float:
    """Return ``sum_p W_p . r_p + bias`` of a population, from the rates of its sources; (N, H, W, C)."""
    total: Array = np.asarray(population.bias)
    for projection in network.into(population.name):
        part = apply(projection.geometry, rate[projection.source])
        part += total.astype(part.dtype, copy=False)
        total = part
    return total


def ideal_rate(population: Population, total: Array) -> Float:
    """Return ``min(relu(total / vth), ceiling / lambda)``, rounded if the model rounds it; of a step 1 or 0, of a readout its input."""
    match population.kind:
        case Kind.IF:
            return own_rate(population, total / population.vth.astype(total.dtype, copy=False))
        case Kind.STEP:
            return (total >= population.vth).astype(total.dtype)
        case Kind.READOUT:
            return total
        case Kind.INPUT:
            raise AssertionError("an input is given, not computed")
        case Kind.DELTA:
            raise AssertionError("a stream has no rates")


def own_rate(population: Population, rate: Array) -> Array:
    """Return the rate of a ReLU from its input in thresholds: limited as the model limits it, and rounded if the model rounds it."""
    most = (population.ceiling / population.lambda_).astype(rate.dtype)
    limited: Array = np.clip(rate, 0.0, most)
    return limited if population.own_bits is None else in_steps(limited, most, population.own_bits, population.halves_up)


def clipped_rate(population: Population, total: Array) -> Float:
    """Return the ideal rate, at most the largest payload: a neuron fires once a step."""
    ideal = ideal_rate(population, total)
    return np.minimum(ideal, population.payload.largest) if population.kind is Kind.IF else ideal


def rate_forward(network: SpikingNetwork, x: Images, dtype: type[np.floating[Any]] = np.float64) -> Outputs:
    """Return the ideal network's output before a final softmax or sigmoid; for a calibrated network, the output before calibration.

    Parameters
    ----------
    network : SpikingNetwork
    x : array (N, H, W, C), or arrays by input name
        As the Keras model takes it; uint8 is scaled by the coding's `uint8_scale`.
    dtype : type
        What is computed in.

    Returns
    -------
    array (N, K); a dict of them by name if the model has several outputs

    Raises
    ------
    InvalidInput
        If the images do not fit the network's inputs.
    """
    ideal = ideal_rates(network.ideal or network, model_inputs(x, network.input_specs), dtype)
    return by_output({output_name(p.name): ideal[p.name].reshape(len(ideal[p.name]), -1) for p in network.readouts})
