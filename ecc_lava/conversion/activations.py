"""Statistics of a network's ideal activations over calibration images."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from ecc_lava.common import Array, Float
from ecc_lava.inputs import batch_size, parts
from ecc_lava.networks import SpikingNetwork, ideal_rates

__all__ = ["activation_scale"]

DEAD = 1e-6
"""A channel whose statistic is below this share of its population's largest has no scale of its own."""

VALUES = 2**25
"""Most activations of one population kept for a percentile, evenly spaced among all."""

BATCH = 32
"""Images evaluated at once."""


def activation_scale(network: SpikingNetwork, images: Mapping[str, Float], per: Mapping[str, str], percentile: float) -> dict[str, Float]:
    """Return lambda of populations: a percentile of each one's activation over images and positions.

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
    kept: dict[str, list[Array]] = {name: [] for name in per}
    for part in parts(images, BATCH):
        activations = ideal_rates(network, part)
        for name in per:
            kept[name].append(_thinned(activations[name], batch_size(images), percentile))
    return {name: _scale(np.concatenate(kept.pop(name)), how, percentile) for name, how in per.items()}


def _thinned(activation: Array, images: int, percentile: float) -> Array:
    """Return activations (M, C) as float32: their maxima for percentile 100, else at most this batch's share of `VALUES`."""
    flat = activation.reshape(-1, activation.shape[-1])
    if percentile == 100:
        return flat.max(axis=0, keepdims=True).astype(np.float32)
    step = max(1, round(flat.size / len(activation) * images / VALUES))
    return flat[::step].astype(np.float32)


def _scale(values: Array, per: str, percentile: float) -> Float:
    statistic: Array
    if per == "layer":
        statistic = np.percentile(values, percentile).reshape(1, 1, 1)
    else:
        statistic = np.percentile(values, percentile, axis=0).reshape(1, 1, -1)
    largest = float(statistic.max()) or float(values.max()) or 1.0
    return np.where(statistic < DEAD * largest, largest, statistic).astype(np.float64)
