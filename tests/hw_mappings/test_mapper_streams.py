"""Streams on chips: what they take of cores, what a frame costs, and their deployment core by core."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import ecc_lava
import hw_mappings
from ecc_lava.analysis import image_events
from ecc_lava.common import Images
from ecc_lava.errors import DoesNotFit, InvalidInput
from ecc_lava.inputs import single_frames
from ecc_lava.networks import Kind, QuantisedNetwork
from hw_mappings import LOIHI2, deploy, map_network
from hw_mappings.costs.events import events
from hw_mappings.mapping.deployed import deployed
from hw_mappings.partition.repeaters import chip_network
from tests.helpers.chips import chip_with
from tests.helpers.compare import assert_deployed_alike
from tests.helpers.lava import needs_lava
from tests.helpers.partitions import random_mapping
from tests.helpers.streams import random_frame_network, random_frames, skip_network


def _everything(network: QuantisedNetwork, frames: Images) -> ecc_lava.Result:
    return ecc_lava.simulate(network, frames, record=tuple(network.by_name))


def _memory(mapping: hw_mappings.Mapping) -> int:
    return sum(core.usage["memory_bits"] for core in mapping.cores)


def test_a_neuron_of_a_stream_has_two_numbers_of_state() -> None:
    network = skip_network(3)
    stream = ecc_lava.sigma_delta(network)
    plain, streamed = map_network(network, LOIHI2), map_network(stream, LOIHI2)
    neurons = sum(p.neurons for p in stream.populations if p.kind is Kind.DELTA)
    assert _memory(streamed) - _memory(plain) == neurons * LOIHI2.amount("signed_state_bits")
    assert [core.shards for core in streamed.cores] == [core.shards for core in plain.cores]


def test_spikes_must_carry_changes_of_the_input() -> None:
    stream = ecc_lava.sigma_delta(skip_network(2))
    with pytest.raises(DoesNotFit, match="carry 9 bits with their sign"):
        map_network(stream, chip_with(payload_bits=8))
    map_network(stream, chip_with(payload_bits=9))


@pytest.mark.parametrize("seed", [2, 3, 5])
def test_events_are_those_of_a_mean_frame(seed: int) -> None:
    """A stream of single frames costs what its network costs; a longer sequence costs what its frames do on average."""
    network = random_frame_network(seed)
    stream, frames = ecc_lava.sigma_delta(network), random_frames(network, 2, 5, seed)
    mapping = map_network(stream, LOIHI2)
    found, alone = (events(deployed(mapping, stream, _everything(stream, x))) for x in (frames, single_frames(frames)))
    activity = _everything(stream, frames)
    assert found.network == image_events(activity, stream)
    assert found.synops.sum() == pytest.approx((activity.synops + activity.graded_synops + activity.input_macs).mean())
    assert found.timesteps == 1 and found.resets == 0 and found.outputs == sum(p.neurons for p in stream.readouts)
    assert found.updates.sum() == alone.updates.sum()
    whole = ecc_lava.simulate(network, {name: x.reshape(-1, *x.shape[2:]) for name, x in frames.items()})
    assert alone.synops.sum() == pytest.approx((whole.synops + whole.graded_synops + whole.input_macs).mean())


def test_traffic_is_that_of_a_mean_frame() -> None:
    network = skip_network(3)
    stream, frames = ecc_lava.sigma_delta(network), random_frames(network, 2, 8)
    chip = chip_with(compartments=40, payload_bits=32)
    mapping = map_network(stream, chip)
    assert len(mapping.cores) > 3
    activity = _everything(stream, frames)
    messages = deployed(mapping, stream, activity).traffic.messages.sum()
    twice = _everything(stream, {"input": np.concatenate([frames["input"], frames["input"]])})
    assert deployed(mapping, stream, twice).traffic.messages.sum() == pytest.approx(messages)
    assert messages < 0.9 * deployed(mapping, stream, _everything(stream, single_frames(frames))).traffic.messages.sum()


@needs_lava
@pytest.mark.parametrize("seed", [3, 8])
def test_deployment_in_one_process(seed: int) -> None:
    network = random_frame_network(seed)
    stream, frames = ecc_lava.sigma_delta(network, {"input": 5}), random_frames(network, 2, 4)
    mapping = random_mapping(np.random.default_rng(seed), stream, 5)
    found = deploy(stream, mapping, frames, runtime="one-process", sample=2)
    assert_deployed_alike(found)
    assert found.sample_vs_fast is not None and found.sample_vs_fast.equal
    np.testing.assert_array_equal(found.result.graded_synops, ecc_lava.simulate(stream, frames).graded_synops)
    assert found.steps == 2 * 4 + stream.depth


@needs_lava
def test_deployment_on_lavas_runtime_is_the_network_frame_by_frame() -> None:
    network = skip_network(2)
    stream, frames = ecc_lava.sigma_delta(network), random_frames(network, 1, 4)
    found = deploy(stream, random_mapping(np.random.default_rng(0), stream, 3), frames, runtime="lava")
    assert_deployed_alike(found)
    alone = ecc_lava.simulate(network, frames["input"][0])
    assert isinstance(alone.readout, np.ndarray)
    np.testing.assert_array_equal(np.asarray(found.result.readout)[0], alone.readout)


@needs_lava
def test_repeaters_repeat_changes() -> None:
    network = skip_network(3)
    stream, frames = ecc_lava.sigma_delta(network), random_frames(network, 2, 5)
    chip = chip_with(delay_max=0, compartments=10**6, payload_bits=32)
    repeaters = chip_network(stream, chip).repeats
    assert len(repeaters) > 2
    found = deploy(stream, random_mapping(np.random.default_rng(1), stream, 4, chip), frames, runtime="one-process", sample=0)
    assert_deployed_alike(found)
    for name, source in repeaters.items():
        np.testing.assert_array_equal(found.result.raster[name], found.result.raster[source])


def test_what_does_not_take_streams_says_so(tmp_path: Path) -> None:
    stream = ecc_lava.sigma_delta(skip_network(1))
    with pytest.raises(InvalidInput, match="the sweep takes no stream"):
        hw_mappings.sweep(stream)
    with pytest.raises(InvalidInput, match="export of vectors takes no stream"):
        hw_mappings.export_vectors(stream, map_network(stream, LOIHI2), random_frames(stream, 1, 2), tmp_path / "v")
    assert not list(tmp_path.iterdir())
