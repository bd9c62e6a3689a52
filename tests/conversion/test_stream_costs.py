"""What thresholds are computed to cost is what a run costs in which one population alone has them."""

from __future__ import annotations

import numpy as np
import pytest

import ecc_lava
from ecc_lava.conversion.stream_costs import threshold_costs
from ecc_lava.geometry import fan_out
from tests.helpers.streams import random_frame_network, random_frames


@pytest.mark.parametrize("seed", [2, 3, 5])
def test_costs_are_those_of_a_run(seed: int) -> None:
    network = random_frame_network(seed)
    stream, frames = ecc_lava.sigma_delta(network), random_frames(network, 2, 6, seed)
    costs = threshold_costs(stream, frames)
    exact = ecc_lava.simulate(stream, frames, record=tuple(costs)).raster
    for name, found in costs.items():
        shape = stream.by_name[name].shape
        synapses = sum((fan_out(p.geometry, shape) for p in stream.projections if p.source == name), np.zeros(shape)).ravel()
        for theta, events, lag in zip(found.thetas, found.events, found.lag, strict=True):
            alone = ecc_lava.simulate(ecc_lava.sigma_delta(network, {name: theta}), frames, record=(name,)).raster[name]
            behind = np.cumsum(exact[name].astype(int), axis=1) - np.cumsum(alone.astype(int), axis=1)
            assert events == ((alone != 0) @ synapses).sum()
            assert lag == (behind**2 @ synapses).sum()


def test_the_first_frames_of_a_long_sequence_count(monkeypatch: pytest.MonkeyPatch) -> None:
    network = random_frame_network(2)
    stream, frames = ecc_lava.sigma_delta(network), random_frames(network, 1, 8)
    few = threshold_costs(stream, {name: x[:, :3] for name, x in frames.items()})
    monkeypatch.setattr("ecc_lava.conversion.stream_costs.RECORDED_BYTES", 6 * sum(p.neurons for p in stream.populations if p.theta))
    for name, found in threshold_costs(stream, frames).items():
        np.testing.assert_array_equal(found.events, few[name].events)
