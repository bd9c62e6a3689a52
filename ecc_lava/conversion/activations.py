"""Statistics of a network's ideal activations over calibration images.

Numba compiles the loop over candidates of lambda.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from typing import Any

import numpy as np

from ecc_lava.common import Array, Float, compiled_by, in_parts, on_all_cores
from ecc_lava.conversion.at_once import images_at_once
from ecc_lava.conversion.percentiles import percentiles
from ecc_lava.inputs import batch_size, parts
from ecc_lava.networks import SpikingNetwork, ideal_rates

__all__ = ["activation_scale"]

DEAD = 1e-6
"""A channel whose statistic is below this share of its population's largest has no scale of its own."""

VALUES = 2**25
"""Most activations of one population kept for a percentile, evenly spaced among all."""

FACTORS = (0.5, 0.6, 0.7, 0.8, 0.9, 1.0, 1.15, 1.3, 1.5, 1.75, 2.0, 2.5, 3.0)
"""Lambdas that are tried for graded spikes, relative to the percentile."""

FITTED_VALUES = 2**21
"""Most activations of one population that its lambda is fitted to, evenly spaced among all."""


def activation_scale(network: SpikingNetwork, images: Mapping[str, Float], per: Mapping[str, str], percentile: float) -> dict[str, Float]:
    """Return lambda of populations: a percentile of each one's activation over images and positions.

    Where spikes have payloads of several bits, lambda is the one of `FACTORS` times the percentile whose clipped and rounded activations
    have the least mean square error: rounding to ``m*T`` steps of lambda and clipping trade by their number.

    Dead channels (below `DEAD` of the population's largest) get the population's largest lambda: they keep their weights and stay
    representable should they ever be active.

    Parameters
    ----------
    network : SpikingNetwork
    images : input name -> float64 array (N, H, W, C)
    per : population name -> {"layer", "channel"}
    percentile : float

    Returns
    -------
    dict of name -> float64 array (1, 1, 1) or (1, 1, C)
    """

    def activations(part: Mapping[str, Float]) -> dict[str, Array]:
        found = ideal_rates(network, part, np.float32)
        return {name: _thinned(found[name], batch_size(images), percentile) for name in per}

    kept = on_all_cores(activations, parts(images, images_at_once(sum(p.neurons for p in network.populations))))

    def scale(name: str) -> Float:
        values, payload = np.concatenate([part.pop(name) for part in kept]), network.by_name[name].payload
        found = _scale(values, per[name], percentile)
        return _fitted(values, found, payload.largest * (network.timesteps or 1)) if payload.is_shift else found

    return dict(zip(per, on_all_cores(scale, per), strict=True))


def _fitted(values: Array, scale: Float, levels: int) -> Float:
    """Return the lambdas, shaped as `scale`, with the least mean square error of activations (M, C) in so many equal steps."""
    values = values[:: max(1, values.size // FITTED_VALUES)]
    values = values if scale.size > 1 else values.reshape(-1, 1)
    factors = np.array(FACTORS)[:, None]
    tried = np.minimum(scale.ravel() * factors, np.maximum(values.max(axis=0), scale.ravel())).astype(np.float32)
    error, run = np.zeros(tried.shape), _squares()
    in_parts(values.shape[1], values.size * len(FACTORS), lambda first, end: run(values, tried, np.float32(levels), first, end, error))
    best = np.take_along_axis(tried, error.argmin(axis=0)[None], axis=0)
    return best.reshape(scale.shape).astype(np.float64)


@cache
def _squares() -> Any:
    import numba

    def squares(values: Array, tried: Array, levels: Any, first: int, end: int, error: Array) -> None:
        """Add up the square errors, (F, C), of values (M, C) in so many steps of every lambda (F, C) that is tried."""
        per_value, step = levels / tried, tried / levels
        for row in range(len(values)):
            for factor in range(len(tried)):
                for c in range(first, end):
                    value = values[row, c]
                    apart = min(np.rint(value * per_value[factor, c]), levels) * step[factor, c] - value
                    error[factor, c] += np.float64(apart * apart)

    return compiled_by(numba.njit, squares)


def _thinned(activation: Array, images: int, percentile: float) -> Array:
    """Return activations (M, C) as float32: their maxima for percentile 100, else at most this batch's share of `VALUES`."""
    flat = activation.reshape(-1, activation.shape[-1])
    if percentile == 100:
        return flat.max(axis=0, keepdims=True).astype(np.float32)
    step = max(1, round(flat.size / len(activation) * images / VALUES))
    return flat[::step].astype(np.float32)


def _scale(values: Array, per: str, percentile: float) -> Float:
    found = np.percentile(values, percentile) if per == "layer" else percentiles(values, percentile)
    statistic: Float = np.reshape(found, (1, 1, -1))
    largest = float(statistic.max()) or float(values.max()) or 1.0
    return np.where(statistic < DEAD * largest, largest, statistic).astype(np.float64)
