"""Thresholds of a stream that are chosen on unlabelled frames keep what they must, and save what they can."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import ecc_lava
from ecc_lava.common.arrays import Array
from ecc_lava.errors import InvalidInput
from tests.helpers.streams import random_frame_network, random_frames, skip_network

SEEDS = (2, 3, 4)


def _events(result: ecc_lava.Result) -> float:
    return float((result.synops + result.graded_synops + result.input_macs).mean())


def _outputs(result: ecc_lava.Result) -> Array:
    logits = result.logits
    parts = list(logits.values()) if isinstance(logits, dict) else [logits]
    return np.concatenate([np.asarray(part).reshape(-1) for part in parts]).astype(np.float64)


def _measured(seed: int, thresholds: Any, frames: dict[str, Array]) -> tuple[float, float]:
    """Return the error and the share of events of a stream against the network frame by frame."""
    network = random_frame_network(seed)
    whole = ecc_lava.simulate(network, {name: x.reshape(-1, *x.shape[2:]) for name, x in frames.items()})
    found = ecc_lava.simulate(ecc_lava.sigma_delta(network, thresholds), frames)
    exact = _outputs(ecc_lava.simulate(ecc_lava.sigma_delta(network), frames))
    error = np.sqrt(np.mean((_outputs(found) - exact) ** 2)) / exact.std()
    return float(error), _events(found) / _events(whole)


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("limit", [0.0, 0.02, 0.3])
def test_a_stated_error_is_kept(seed: int, limit: float) -> None:
    network, frames = random_frame_network(seed), random_frames(random_frame_network(seed), 2, 8)
    found = ecc_lava.stream_thresholds(network, frames, max_error=limit)
    error, events = _measured(seed, found.thresholds, frames)
    assert (error, events) == pytest.approx((found.error, found.events))
    assert error <= limit
    assert events <= _measured(seed, 1, frames)[1]


def test_a_larger_error_buys_fewer_events() -> None:
    network = skip_network(2)
    frames = random_frames(network, 2, 8)
    found = [ecc_lava.stream_thresholds(network, frames, max_error=limit).events for limit in (0.0, 0.05, 0.2, 1.0)]
    assert sorted(found, reverse=True) == found
    assert found[-1] < 0.8 * found[0]


def test_no_single_threshold_within_the_error_is_cheaper() -> None:
    network = random_frame_network(4)
    frames = random_frames(network, 2, 8)
    found = ecc_lava.stream_thresholds(network, frames, max_error=0.1)
    for theta in (1, 2, 4, 8):
        largest = {p.name: min(theta, p.payload.largest) for p in ecc_lava.sigma_delta(network).populations if p.theta}
        error, events = _measured(4, largest, frames)
        assert error > 0.1 or events >= found.events


def test_a_stated_number_of_events_is_kept() -> None:
    network = skip_network(2)
    frames = random_frames(network, 2, 8)
    exact = ecc_lava.stream_thresholds(network, frames, max_error=0.0)
    found = ecc_lava.stream_thresholds(network, frames, max_events=0.9 * exact.events)
    assert found.events <= 0.9 * exact.events and found.error > 0
    with pytest.raises(InvalidInput, match=r"max_events 1e-06 is out of reach; thresholds up to 16 leave 0\.\d+ of the events"):
        ecc_lava.stream_thresholds(network, frames, max_events=1e-6)


def test_progress_is_told() -> None:
    told = []
    network = random_frame_network(2, 2)
    ecc_lava.stream_thresholds(network, random_frames(network, 1, 3), max_error=0.1, progress=lambda *now: told.append(now))
    assert told[0][1:] == (1, 3) and told[-1][1] == told[-1][2]


@pytest.mark.parametrize(
    ("limits", "said"),
    [
        ({}, "give either max_error or max_events"),
        ({"max_error": 0.1, "max_events": 0.1}, "give either max_error or max_events"),
        ({"max_error": -0.1}, "max_error -0.1; it must be a number of at least 0"),
        ({"max_error": float("nan")}, "max_error nan; it must be a number of at least 0"),
        ({"max_events": 0.0}, "max_events 0.0; it must be a share above 0 and up to 1"),
        ({"max_events": 1.5}, "max_events 1.5; it must be a share above 0 and up to 1"),
    ],
)
def test_wrong_limits(limits: dict[str, Any], said: str) -> None:
    network = random_frame_network(2)
    with pytest.raises(InvalidInput, match=said):
        ecc_lava.stream_thresholds(network, random_frames(network, 1, 2), **limits)
