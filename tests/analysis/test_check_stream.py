"""`check_stream`: what it compares, and that it finds what differs."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pytest

import ecc_lava
from ecc_lava.backends.activity import Activity, Recording
from ecc_lava.backends.fast import run as fast_module
from ecc_lava.common import Array
from ecc_lava.errors import InvalidInput
from ecc_lava.networks import QuantisedNetwork
from tests.helpers.streams import random_frame_network, random_frames, skip_network


def test_a_stream_that_sends_every_change_is_its_network() -> None:
    network = skip_network(3)
    frames = random_frames(network, 3, 6)
    report = ecc_lava.check_stream(ecc_lava.sigma_delta(network), frames, lava=False)
    assert report.ok and report.golden_vs_fast.equal and report.lava_vs_fast is None
    assert (report.sequences, report.frames, report.largest_threshold, report.differing_outputs) == (3, 6, 1, 0)
    assert (report.error, report.agreement, report.cnn_agreement) == (0.0, 1.0, None)
    whole = ecc_lava.simulate(network, frames["input"].reshape(-1, *network.input.shape))
    found = ecc_lava.simulate(ecc_lava.sigma_delta(network), frames)
    synops = [r.graded_synops + r.input_macs + r.synops for r in (found, whole)]
    assert report.events == pytest.approx(synops[0].sum() / synops[1].sum())
    assert report.events_by_frame == pytest.approx(synops[0].mean(axis=0))
    assert report.messages == pytest.approx(
        sum(n.sum() for n in found.spike_counts.values()) / sum(n.sum() for n in whole.spike_counts.values())
    )
    assert all(r.all_steps_fit for r in report.ranges)


def test_thresholds_make_an_error_that_is_told() -> None:
    network = skip_network(3)
    frames = random_frames(network, 2, 6)
    report = ecc_lava.check_stream(ecc_lava.sigma_delta(network, 9), frames, lava=False)
    assert report.ok and report.largest_threshold == 9
    assert report.error > 0 and report.differing_outputs > 0


def test_back_ends_that_differ_are_told(monkeypatch: pytest.MonkeyPatch) -> None:
    network = random_frame_network(5)
    right = fast_module.fast

    def wrong(network: QuantisedNetwork, q: Mapping[str, Array], timesteps: int, recording: Recording) -> dict[str, Activity]:
        done = right(network, q, timesteps, recording)
        raster = done["p0"].raster
        assert raster is not None
        raster[0, 0, 0, 0, 0] += 1
        return done

    monkeypatch.setattr(fast_module, "fast", wrong)
    report = ecc_lava.check_stream(ecc_lava.sigma_delta(network), random_frames(network, 1, 2), lava=False)
    assert not report.ok and report.golden_vs_fast.differing_spikes == 1


def test_several_inputs_and_outputs() -> None:
    network = random_frame_network(3)
    report = ecc_lava.check_stream(ecc_lava.sigma_delta(network), random_frames(network, 2, 3), lava=False)
    assert report.ok and not report.differing_outputs


def test_what_is_refused() -> None:
    network = random_frame_network(4)
    frames = random_frames(network, 1, 2)
    with pytest.raises(InvalidInput, match="the network is no stream; `check` takes it"):
        ecc_lava.check_stream(network, frames)
    with pytest.raises(InvalidInput, match="exact_sequences 0; at least 1 sequence"):
        ecc_lava.check_stream(ecc_lava.sigma_delta(network), frames, exact_sequences=0)
    with pytest.raises(InvalidInput, match="check takes no stream"):
        ecc_lava.check(ecc_lava.sigma_delta(network), frames)
    spoiled = np.full((1, 2, *network.input.shape), np.inf)
    with pytest.raises(InvalidInput, match="frame 0 of sequence 0 holds NaN or infinity"):
        ecc_lava.check_stream(ecc_lava.sigma_delta(network), spoiled)
