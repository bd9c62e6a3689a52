"""What a threshold saves in every population of a stream, and how far it leaves activations behind: computed from one run at theta = 1."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np

from ecc_lava.backends import simulate
from ecc_lava.common import Array, Float
from ecc_lava.geometry import fan_out
from ecc_lava.inputs import batch_part, batch_size
from ecc_lava.networks import Kind, QuantisedNetwork

__all__ = ["THETAS", "ThresholdCosts", "threshold_costs"]

RECORDED_BYTES: Final = 2**29
"""Bytes of what is recorded of a sequence; of a longer one the first frames count."""

THETAS: Final = (1, 2, 3, 4, 6, 8, 12, 16)
"""Thresholds that are considered for each population."""


@dataclass(frozen=True)
class ThresholdCosts:
    """Costs of one population with each threshold of `thetas`, if all that it hears stays as it is.

    Attributes
    ----------
    thetas : tuple of int
        Those of `THETAS` that the payload can reach.
    events : float array
        Synops of all frames.
    lag : float array
        Sum over frames and neurons of ``(a - sent)**2``, a neuron counted as often as it has synapses.
    """

    thetas: tuple[int, ...]
    events: Float
    lag: Float


def threshold_costs(stream: QuantisedNetwork, frames: dict[str, Array]) -> dict[str, ThresholdCosts]:
    """Return the costs of every population that sends, on the first frames of each sequence if it is very long.

    Parameters
    ----------
    stream : QuantisedNetwork
        Of thresholds 1, so that the sum of what a neuron sent is its activation.
    frames : name -> array (N, F, H, W, C)
    """
    sending = [p for p in stream.populations if p.kind is not Kind.READOUT]
    synapses = {p.name: np.zeros(p.shape) for p in sending}
    for projection in stream.projections:
        synapses[projection.source] += fan_out(projection.geometry, stream.by_name[projection.source].shape)
    found = {}
    for p in sending:
        thetas = tuple(theta for theta in THETAS if theta <= p.payload.largest)
        found[p.name] = ThresholdCosts(thetas, np.zeros(len(thetas)), np.zeros(len(thetas)))
    most = max(2, RECORDED_BYTES // (2 * sum(p.neurons for p in sending)))
    for sample in range(batch_size(frames)):
        raster = simulate(stream, batch_part(frames, (slice(sample, sample + 1), slice(most))), record=tuple(found)).raster
        for name, costs in found.items():
            for index, theta in enumerate(costs.thetas):
                events, lag = _of_threshold(raster[name][0], theta, synapses[name].ravel())
                costs.events[index] += events
                costs.lag[index] += lag
    return found


def _of_threshold(changes: Array, theta: int, synapses: Float) -> tuple[float, float]:
    """Return synops and lag of one sequence (F, neurons) of changes of activations."""
    behind, sent, lag = np.zeros(changes.shape[1], np.int32), np.zeros(changes.shape[1]), np.zeros(changes.shape[1])
    for change in changes:
        behind += change
        sends = np.abs(behind) >= theta
        sent += sends
        behind[sends] = 0
        if theta > 1:
            lag += np.square(behind, dtype=np.float64)
    return float(sent @ synapses), float(lag @ synapses)
