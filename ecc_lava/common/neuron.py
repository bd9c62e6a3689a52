"""The integrate-and-fire neuron and the step neuron in plain numpy, the golden model of every back end."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from ecc_lava.common.arrays import Array

__all__ = ["NeuronStep", "integrate_and_fire"]


class NeuronStep(NamedTuple):
    """State and spikes after one timestep."""

    v: Array
    spikes: Array
    saturated_low: int
    saturated_high: int


def _saturate(v: Array, limit: float) -> tuple[Array, int, int]:
    """Clip to +-limit and count the values outside."""
    low, high = int((v < -limit).sum()), int((v > limit).sum())
    return (np.clip(v, -limit, limit).astype(v.dtype) if low or high else v), low, high


def integrate_and_fire(v: Array, current: Array, vth: Array | None, limit: float, *, is_stateful: bool = True) -> NeuronStep:
    """Advance neurons by one timestep.

    ``v <- clip(v + current); s = v >= vth; v <- clip(v - vth*s)``; without `vth` nothing fires. A step neuron has no memory:
    ``v <- clip(current); s = v >= vth``.

    Parameters
    ----------
    v, current : arrays (..., H, W, C) of one dtype
        Potential, and summed input including the bias.
    vth : array broadcastable to v, or None for a readout
    limit : float
        Rail of the potential; infinite for real-valued networks.
    is_stateful : bool
        Whether neurons keep their potential from step to step; step neurons do not.

    Returns
    -------
    NeuronStep
        New potential, spikes (0 or 1, dtype of v), and how often the low and the high rail were reached.
    """
    v, low, high = _saturate(v + current if is_stateful else np.broadcast_to(current, v.shape), limit)
    if vth is None:
        return NeuronStep(v, np.zeros_like(v), low, high)
    spikes = (v >= vth).astype(v.dtype)
    if not is_stateful:
        return NeuronStep(v, spikes, low, high)
    v, low_after, high_after = _saturate(v - vth * spikes, limit)
    return NeuronStep(v, spikes, low + low_after, high + high_after)
