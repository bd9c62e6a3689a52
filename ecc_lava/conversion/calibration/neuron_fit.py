"""The search for a population's thresholds, initial potentials, biases and gains, channel by channel.

Every candidate runs the neurons on the recorded input of the sampled positions; the least mean square error of the rates wins.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields
from itertools import product

import numpy as np

from ecc_lava.common import Array, Float, Payload
from ecc_lava.conversion.calibration.response import errors, moments, sent_sums, start_up

__all__ = ["NeuronFit", "best_gains", "fit_neurons"]

ROUNDS = 4
"""Corrections of the bias for every candidate; the mean rate follows the bias almost one to one."""

GAINS = (0.5, 2.0)
"""Limits of a gain, relative to the threshold's factor."""


@dataclass(frozen=True)
class NeuronFit:
    """Parameters of a population's channels, (C,) each, and the mean square error of their rates.

    Attributes
    ----------
    threshold : array
        Factor on lambda.
    bias, v_init : array
        Added bias per step, and initial potential, in thresholds.
    gain : array
        What one spike per step stands for to the populations after this one.
    noise : array
    """

    threshold: Float
    bias: Float
    v_init: Float
    gain: Float
    noise: Float

    def better(self, other: NeuronFit, together: bool) -> NeuronFit:
        """Return the better of both for every channel, or for all together."""
        mine = self.noise <= other.noise
        if together:
            mine = np.full(mine.shape, self.noise.sum() <= other.noise.sum())
        return NeuronFit(*(np.where(mine, getattr(self, field.name), getattr(other, field.name)) for field in fields(self)))


def fit_neurons(
    current: Array,
    target: Array,
    most: Array,
    *,
    thresholds: Sequence[float],
    v_init_offsets: Sequence[float],
    fraction: float,
    payload: Payload,
    together: bool,
) -> NeuronFit:
    """Return the parameters of every channel with the least mean square error of the rates.

    Parameters
    ----------
    current : float32 array (M, T, C)
        Input of every step, bias included, in thresholds.
    target : float32 array (M, C)
        Ideal rates.
    most : array (C,)
        Largest gain.
    thresholds : sequence of float
        Factors on lambda that are tried.
    v_init_offsets : sequence of float
        Reductions of the initial potential that are tried, in thresholds; at one step they are nothing but a bias, so that none is tried.
    fraction : float
        Initial potential in thresholds, before any reduction.
    payload : Payload
        What a spike carries.
    together : bool
        Whether all channels have one threshold and one gain.
    """
    steps, channels = current.shape[1:]
    ahead = start_up(current)
    best: NeuronFit | None = None
    for reduction, factor in product(v_init_offsets if steps > 1 else (0.0,), thresholds):
        threshold = np.full(channels, factor)
        removed = ahead / factor + reduction
        v_init = fraction - removed
        bias, gain = removed / steps, threshold
        for trial in range(ROUNDS + 1):
            rates = sent_sums(current, 1.0 / threshold, bias, v_init, payload) / steps
            if not together:
                gain = best_gains(*moments(target, rates), threshold, most)
            error, noise = errors(target, rates, gain)
            if trial < ROUNDS:
                bias = bias + error / gain
        if best is not None:
            noise = np.where(threshold <= most, noise, np.inf)  # no payload stands for more than the model's own ceiling
        found = NeuronFit(threshold, bias, v_init, gain, noise)
        best = found if best is None else best.better(found, together)
    assert best is not None
    return best


def best_gains(energy: Array, match: Array, threshold: Array, most: Array) -> Float:
    """Return what one spike per step stands for, by least squares, within `GAINS` of the threshold's factor; all (C,)."""
    with np.errstate(invalid="ignore", divide="ignore"):
        gain = np.where(energy > 0, match / energy, threshold)
    return np.minimum(np.clip(gain, GAINS[0] * threshold, GAINS[1] * threshold), most)
