"""Integer weights into a population that make up for one another's rounding.

Each weight rounded to nearest is right alone, not together: inputs are correlated. Weights are rounded one input after the other, and the
error of each is spread over the inputs that are not rounded yet, so that the sum over what arrives changes least.

Source: Frantar et al., "GPTQ: Accurate Post-Training Quantization for Generative Pre-trained Transformers", ICLR 2023, which rounds weights
of language models in this way; the method is that of Hassibi and Stork, "Optimal Brain Surgeon", 1993.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from ecc_lava.common import Array, Float
from ecc_lava.conversion.calibration.changes import with_numbers
from ecc_lava.conversion.calibration.presynaptic import PresynapticInput
from ecc_lava.conversion.calibration.weights import is_refittable
from ecc_lava.geometry import with_kernel
from ecc_lava.networks import SpikingNetwork

__all__ = ["rounded_together", "with_rounded_weights"]

DAMPING = 0.01
"""Added to the variance of every input, relative to their mean: keeps inputs that hardly vary from taking all of the errors."""

BLOCK = 128
"""Inputs whose errors are spread among themselves before they are spread over all others."""


def with_rounded_weights(network: SpikingNetwork, name: str, arrivals: PresynapticInput) -> SpikingNetwork:
    """Return the network with the weights into a population on values that quantisation keeps, and the bias that their rounding asks for.

    The network stays as it is if the population has no such weights, or if quantisation would choose other units for the new ones.
    """
    population, integers = network.by_name[name], arrivals.integers(network, name)
    own = integers.by_name[name]
    units = np.broadcast_to(own.vth / population.vth, (1, 1, population.shape[2])).ravel()
    quantised = {p.source: p for p in integers.into(name)}
    places = [i for i, p in enumerate(network.projections) if p.target == name and is_refittable(p.geometry)]
    if not places or len(quantised) < len(integers.into(name)):
        return network
    projections, bias = list(network.projections), population.bias
    for place in places:
        p = projections[place]
        step = 2.0 ** integers.format.shift(quantised[p.source].exponent) / units
        step = step * 2.0 ** integers.format.dropped_bits(quantised[p.source].bits)
        rates = arrivals.rates_read(p)
        exact = p.geometry.kernel.reshape(-1, len(units)) / step
        rounded = rounded_together(rates, exact, integers.format.mantissa_max(quantised[p.source].bits))
        bias = bias - (rates.mean(axis=0, dtype=np.float64) @ ((rounded - exact) * step)).reshape(1, 1, -1)
        projections[place] = replace(p, geometry=with_kernel(p.geometry, (rounded * step).reshape(p.geometry.kernel.shape)))
    changed = with_numbers(replace(network, projections=tuple(projections)), name, bias=bias)
    kept = np.array_equal(arrivals.integers(changed, name).by_name[name].vth, own.vth)
    return changed if kept else network


def rounded_together(inputs: Array, exact: Float, largest: int) -> Float:
    """Return whole numbers W within +-largest that nearly minimise ``var(inputs @ (W - exact))``, column by column.

    Parameters
    ----------
    inputs : float32 array (M, K)
    exact : float64 array (K, C)
    largest : int
    """
    import scipy.linalg

    centred = inputs - inputs.mean(axis=0)
    gram = (centred.T @ centred).astype(np.float64)
    unit = float(np.trace(gram)) / len(gram)
    if unit == 0:
        return np.clip(np.rint(exact), -largest, largest)
    gram[np.diag_indices_from(gram)] += DAMPING * unit
    inverse = scipy.linalg.cho_solve(scipy.linalg.cho_factor(gram, overwrite_a=True), np.eye(len(gram)), overwrite_b=True)
    upper = scipy.linalg.cholesky(inverse, overwrite_a=True)
    left, result = exact.copy(), np.empty_like(exact)
    for start in range(0, len(left), BLOCK):
        stop = min(start + BLOCK, len(left))
        errors = np.empty((stop - start, exact.shape[1]))
        for k in range(start, stop):
            result[k] = np.clip(np.rint(left[k]), -largest, largest)
            errors[k - start] = (left[k] - result[k]) / upper[k, k]
            left[k + 1 : stop] -= np.outer(upper[k, k + 1 : stop], errors[k - start])
        left[stop:] -= upper[start:stop, stop:].T @ errors
    return result
