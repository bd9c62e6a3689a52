"""Integer weights into a population that make up for one another's rounding.

Each weight rounded to nearest is right alone, not together: inputs are correlated. Weights are rounded one input after the other, and the
error of each is spread over the inputs that are not rounded yet, so that the sum over what arrives changes least.

Source: Frantar et al., "GPTQ: Accurate Post-Training Quantization for Generative Pre-trained Transformers", ICLR 2023, which rounds weights
of language models in this way; the method is that of Hassibi and Stork, "Optimal Brain Surgeon", 1993.
"""

from __future__ import annotations

from dataclasses import replace
from functools import cache
from itertools import pairwise
from typing import Any

import numpy as np

from ecc_lava.common import Array, Float, compiled_by, factorised, gram, on_all_cores, product
from ecc_lava.conversion.calibration.changes import with_numbers
from ecc_lava.conversion.calibration.presynaptic import PresynapticInput
from ecc_lava.conversion.calibration.regression import WIDEST
from ecc_lava.conversion.calibration.weights import is_refittable
from ecc_lava.geometry import grid_of, with_kernel, written
from ecc_lava.networks import Kind, SpikingNetwork

__all__ = ["rounded_together", "with_rounded_weights"]

DAMPING = 0.01
"""Added to the variance of every input, relative to their mean: keeps inputs that hardly vary from taking all of the errors."""

ROWS = 8192
"""Neurons per channel, over images and positions, that show how inputs vary together."""

BLOCK = 128
"""Inputs whose errors are spread among themselves before they are spread over all others."""

COARSER = 1 + 2**-5
"""How much coarser the steps of weights on a grid of their own are, so that sums still fit the potential when many are rounded up."""

CHANNELS = 128
"""Channels that one thread rounds for at once."""


def with_rounded_weights(network: SpikingNetwork, name: str, arrivals: PresynapticInput) -> SpikingNetwork:
    """Return the network with the weights into a population on values that quantisation keeps, and the bias that their rounding asks for.

    The network stays as it is if the population has no such weights, or if quantisation would round the new ones again.
    """
    places = [place for place, p in enumerate(network.projections) if p.target == name and is_refittable(p)]
    if not places:
        return network
    population, projections = network.by_name[name], list(network.projections)
    steps, largest = _steps(network, name, arrivals), arrivals.mantissa_max(name)
    change = np.zeros((1, 1, population.shape[2]))
    is_step = population.kind is Kind.STEP  # no threshold holds its units where they are, so that a grid has to
    for place in places:
        p, own = projections[place], written(projections[place].geometry)
        step = steps[place][own] * (COARSER if is_step else 1)
        exact = p.geometry.kernel.reshape(-1, len(step)) / step
        rates = arrivals.rates_read(p, ROWS)
        rounded = rounded_together(rates, exact, largest)
        change[..., own] -= rates.mean(axis=0, dtype=np.float64) @ ((rounded - exact) * step)
        projections[place] = replace(p, geometry=with_kernel(p.geometry, (rounded * step).reshape(p.geometry.kernel.shape)))
        if is_step:
            projections[place] = replace(projections[place], grid=grid_of(rounded, arrivals.bits[name]))
    changed = with_numbers(replace(network, projections=tuple(projections)), name, bias=population.bias + change)
    again = _steps(changed, name, arrivals)
    kernels = [(projections[place].geometry, again[place]) for place in places]
    return changed if all(_is_whole(geometry.kernel / step[written(geometry)]) for geometry, step in kernels) else network


def _steps(network: SpikingNetwork, name: str, arrivals: PresynapticInput) -> dict[int, Float]:
    """Return what one unit of the weights is in real units, (C,), by the place of every projection into a population."""
    places = [place for place, p in enumerate(network.projections) if p.target == name]
    return dict(zip(places, arrivals.weight_steps(network, name), strict=True))


def _is_whole(values: Array) -> bool:
    return bool(np.allclose(values, np.rint(values), rtol=0, atol=1e-6))


def rounded_together(inputs: Array, exact: Float, largest: int) -> Float:
    """Return whole numbers W within +-largest that nearly minimise ``var(inputs @ (W - exact))``, column by column.

    With the factor L of the inputs' products, the variance is ``sum_k (L[k, k] * e_k + sum_{j > k} L[j, k] * e_j)^2``, e = exact - W.
    From the last input on, each W is the whole number whose term is least. GPTQ finds the same from the first input on, but inverts the
    products (Chen et al., "The Geometry of LLM Quantization: GPTQ as Babai's Nearest Plane Algorithm", 2025).

    Parameters
    ----------
    inputs : float32 array (M, K)
    exact : float64 array (K, C)
    largest : int
    """
    if len(exact) > WIDEST:  # too many to know them all together
        edges = np.linspace(0, len(exact), -(-len(exact) // WIDEST) + 1).astype(int)
        return np.concatenate([rounded_together(inputs[:, a:b], exact[a:b], largest) for a, b in pairwise(edges)])
    products = gram(inputs - inputs.mean(axis=0))
    unit = float(np.trace(products, dtype=np.float64)) / len(products)
    if unit == 0:
        return np.clip(np.rint(exact), -largest, largest)
    products[np.diag_indices_from(products)] += DAMPING * unit
    lower = factorised(products)
    parts = [exact[:, start : start + CHANNELS] for start in range(0, exact.shape[1], CHANNELS)]
    return np.concatenate(on_all_cores(lambda part: _rounded(lower, part, largest), parts), axis=1)


def _rounded(lower: Array, exact: Float, largest: int) -> Float:
    """Return the whole numbers of `rounded_together` from the factor of the products."""
    result, errors = np.empty_like(exact), np.empty(exact.shape, lower.dtype)
    spread = np.zeros(exact.shape, lower.dtype)
    for start in range(0, len(exact), BLOCK)[::-1]:
        part = slice(start, min(start + BLOCK, len(exact)))
        _kernel()(lower[part, part], exact[part], largest, spread[part], result[part], errors[part])
        spread[:start] += product(lower[part, :start].T, errors[part])
    return result


@cache
def _kernel() -> Any:
    import numba

    def run(lower: Array, exact: Array, largest: int, spread: Array, result: Array, errors: Array) -> None:
        """Round inputs (K, C) from the last on; `spread` holds what the errors of inputs after them add to their terms."""
        for k in range(len(exact) - 1, -1, -1):
            for c in range(exact.shape[1]):
                nearest = np.rint(exact[k, c] + spread[k, c] / lower[k, k])
                result[k, c] = min(max(nearest, -largest), largest)
                errors[k, c] = exact[k, c] - result[k, c]
            for j in range(k):
                for c in range(exact.shape[1]):
                    spread[j, c] += lower[k, j] * errors[k, c]

    return compiled_by(numba.njit, run)
