"""Weights that a model's own quantiser has rounded, whatever the package: whole numbers of a step for each output."""

from __future__ import annotations

import numpy as np

from ecc_lava.common import Array
from ecc_lava.geometry import WeightGrid, grid_of
from ecc_lava.importers.keras.call import Refused

__all__ = ["on_steps"]

_OFF = 1e-3
"""How far a weight may lie from a whole number of steps: a straight-through estimator rounds in float32."""


def on_steps(weights: Array, steps: Array, bits: int) -> tuple[Array, WeightGrid]:
    """Return weights (..., C) as exact multiples of their steps in float32, and their grid.

    Parameters
    ----------
    weights : array (..., C)
        As the quantiser gives them.
    steps : array that broadcasts to the weights
        Of each weight; powers of two may differ within an output, whose step is then the least.
    bits : int
        Width that the quantiser declares.

    Raises
    ------
    Refused
        If the weights are no whole multiples of one step for each output.
    """
    flat = weights.reshape(-1, weights.shape[-1]).astype(np.float64)
    each = np.broadcast_to(np.asarray(steps, np.float64), weights.shape).reshape(flat.shape)
    step = np.where(flat != 0, each, np.inf).min(axis=0)
    step = np.where(np.isfinite(step), step, 1.0)  # all weights are 0
    mantissas = np.rint(flat / step)
    if np.abs(flat / step - mantissas).max(initial=0.0) > _OFF:
        raise Refused("the scales of its quantiser differ within an output; use one scale for each output or for the whole layer")
    return (mantissas * step).reshape(weights.shape).astype(np.float32), grid_of(mantissas, bits)
