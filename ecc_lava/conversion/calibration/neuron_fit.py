"""The search for a population's thresholds, initial potentials, biases and gains, channel by channel.

Every candidate runs the neurons on the recorded input of a few of the sampled positions, the best few of every channel on that of all; the
least mean square error of the rates wins.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import product

import numpy as np

from ecc_lava.common import Array, Float
from ecc_lava.conversion.calibration.candidates import Candidates, Recorded, tried
from ecc_lava.conversion.calibration.response import start_up

__all__ = ["fit_neurons"]

COARSE_ROWS = 1024
"""Rows of the recorded input that all candidates are tried on, at least."""

FINALISTS = 4
"""Candidates of every channel that are tried on all rows; with eight the logits of ResNet-20 at T=32 err as much, within a hundredth."""

ROUNDS = 2
"""Corrections of the bias at each trial; the mean rate follows the bias almost one to one."""


def fit_neurons(recorded: Recorded, *, thresholds: Sequence[float], v_init_offsets: Sequence[float], fraction: float) -> Candidates:
    """Return the parameters of every channel with the least mean square error of the rates, (C,) each.

    Parameters
    ----------
    recorded : Recorded
    thresholds : sequence of float
        Factors on lambda that are tried.
    v_init_offsets : sequence of float
        Reductions of the initial potential that are tried, in thresholds; at one step they are nothing but a bias, so that none is tried.
    fraction : float
        Initial potential in thresholds, before any reduction.
    """
    rows, steps, channels = recorded.current.shape
    pairs = np.array([*product(v_init_offsets if steps > 1 else (0.0,), thresholds)])
    reduction, threshold = (np.repeat(column[:, None], channels, axis=1) for column in pairs.T)
    removed = start_up(recorded.current) / threshold + reduction
    unknown = np.zeros_like(removed)
    found = Candidates(threshold, removed / steps, fraction - removed, unknown, unknown)
    coarse = max(1, rows // COARSE_ROWS - 1) | 1  # odd, so that other positions are taken of other images
    for every, left in ((coarse, FINALISTS), (1, 1)):
        found = tried(recorded, found, ROUNDS, every)
        found = found.chosen(_ranked(found, recorded)[:left])
    return Candidates(*(values[0] for values in found))


def _ranked(found: Candidates, recorded: Recorded) -> Array:
    """Return the order of the candidates for every channel, (K, C), or for all together."""
    noise: Float = found.noise
    excess = found.threshold > recorded.most  # no payload stands for more than the model's own ceiling, unless nothing else is tried
    noise = np.where(excess & ~excess.all(axis=0), np.inf, noise)
    if recorded.together:
        noise = np.broadcast_to(noise.sum(axis=1, keepdims=True), noise.shape)
    return np.argsort(noise, axis=0, kind="stable")
