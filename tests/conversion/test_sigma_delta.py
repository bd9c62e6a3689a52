"""What `sigma_delta` makes of a network, and what it and the stream refuse."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import ecc_lava
from ecc_lava.analysis import stopped_events
from ecc_lava.common.arrays import Array
from ecc_lava.common.neuron import Payload
from ecc_lava.conversion import frame_by_frame
from ecc_lava.errors import InvalidInput, InvalidNetwork, RangeError
from ecc_lava.formats.loihi1 import LOIHI1
from ecc_lava.inputs import InputCoding
from ecc_lava.networks import Kind, QuantisedNetwork
from ecc_lava.quantisation import as_float, one_step_bound
from tests.helpers.cnns import small_graph
from tests.helpers.networks import random_network, recoded
from tests.helpers.streams import random_frame_network, random_frames


def test_a_stream_has_the_weights_and_the_delays_of_its_network() -> None:
    network = random_frame_network(3)
    stream = ecc_lava.sigma_delta(network)
    assert stream.projections == network.projections
    assert [(p.name, p.shape, p.depth) for p in stream.populations] == [(p.name, p.shape, p.depth) for p in network.populations]
    assert {p.kind for p in stream.populations} == {Kind.INPUT, Kind.DELTA, Kind.READOUT}
    for p in stream.populations:
        if p.kind is Kind.READOUT:
            assert (p.theta, p.payload) == (0, Payload())
        else:
            bits = 8 if p.kind is Kind.INPUT else network.by_name[p.name].payload.bits
            assert (p.theta, p.payload) == (1, Payload(bits, signed=True))
    assert stream.is_stream and not network.is_stream
    assert stream.trace[-1] == "sigma_delta(threshold=1)"


@pytest.mark.parametrize("seed", range(6))
def test_a_stream_frame_by_frame_is_a_network_of_the_same_outputs(seed: int) -> None:
    network = random_frame_network(seed)
    undone = frame_by_frame(ecc_lava.sigma_delta(network, {"input": 2}))
    assert not undone.is_stream
    frames = {name: x.reshape(-1, *x.shape[2:]) for name, x in random_frames(network, 2, 3).items()}
    one, other = (ecc_lava.simulate(n, frames, record=[p.name for p in network.populations]) for n in (network, undone))
    np.testing.assert_equal(one.logits, other.logits)
    np.testing.assert_equal(dict(one.counts), dict(other.counts))


def test_thresholds_by_name() -> None:
    network = random_frame_network(4)
    stream = ecc_lava.sigma_delta(network, {"input": 16, "p1": 2})
    assert {p.name: p.theta for p in stream.populations} == {"input": 16, "p0": 1, "p1": 2, "p2": 1, "p3": 1, "readout": 0}
    assert stream.trace[-1] == "sigma_delta(threshold={'input': 16, 'p1': 2})"
    digests = {ecc_lava.sigma_delta(network, {"p1": theta}).digest for theta in (1, 2, 3)} | {network.digest}
    assert len(digests) == 4


def test_files_keep_streams(tmp_path: Path) -> None:
    network = random_frame_network(4)
    stream = ecc_lava.sigma_delta(network, {"input": 16, "p1": 2})
    ecc_lava.save(tmp_path / "stream.h5", stream)
    loaded, snn, graph = ecc_lava.load(tmp_path / "stream.h5")
    assert (snn, graph) == (None, None)
    assert loaded.digest == stream.digest
    assert [(p.kind, p.theta, p.payload) for p in loaded.populations] == [(p.kind, p.theta, p.payload) for p in stream.populations]
    frames = random_frames(network, 2, 3)
    np.testing.assert_array_equal(ecc_lava.simulate(loaded, frames).logits, ecc_lava.simulate(stream, frames).logits)


@pytest.mark.parametrize("seed", range(8))
def test_the_range_audit_bounds_potentials_over_any_number_of_frames(seed: int) -> None:
    """The potential stays within the sums of the activations of one frame, and reaches the bound for some frame of a single layer."""
    network = random_frame_network(seed)
    stream = ecc_lava.sigma_delta(network, 1)
    bounds = {r.name: r for r in one_step_bound(stream)}
    alone = {r.name: r for r in one_step_bound(network)}
    names = [p.name for p in stream.populations if p.kind is not Kind.INPUT]
    found = ecc_lava.simulate(stream, random_frames(network, 2, 30, seed), record=names, backend="golden")
    for name in names:
        assert np.abs(found.potential[name]).max() <= bounds[name].all_steps
        start = np.abs(network.by_name[name].v_init).max()
        assert bounds[name].all_steps <= max(abs(alone[name].one_step_low), abs(alone[name].one_step_high)) + start
        assert bounds[name].one_step_low == -bounds[name].one_step_high  # changes of one frame have either sign


def test_a_bound_of_one_layer_is_reached() -> None:
    network = replace(random_network(0, 1, timesteps=1))
    stream = ecc_lava.sigma_delta(network)
    bound = next(r for r in one_step_bound(stream) if r.name == "readout")
    weights = network.into("readout")[0].geometry.kernel.astype(np.int64) * 2 ** network.format.shift(network.into("readout")[0].exponent)
    start = np.broadcast_to(stream.readout.v_init, (1, 1, 5)).ravel()
    sums = [np.where(sign * weights > 0, weights, 0).sum(axis=0) + start for sign in (-1, 1)]
    assert bound.all_steps == np.abs(sums).max()


# ── what is refused ──

WRONG_THRESHOLDS: dict[str, tuple[Any, str]] = {
    "zero": (0, "threshold 0 of population 'input'; it must be a whole number from 1 to its largest payload, 255"),
    "negative": ({"p1": -3}, "threshold -3 of population 'p1'; it must be a whole number from 1 to its largest payload, "),
    "fraction": (1.5, "threshold 1.5 of population 'input'; it must be a whole number"),
    "truth": (True, "threshold True of population 'input'; it must be a whole number"),
    "too large": (256, "threshold 256 of population 'input'; it must be a whole number from 1 to its largest payload, 255"),
    "larger than a payload": ({"p0": 256}, "threshold 256 of population 'p0'; it must be a whole number from 1 to its largest payload, "),
    "unknown": ({"nose": 2}, "threshold of 'nose': no such population sends; there are input, p0, p1, p2, p3"),
    "readout": ({"readout": 2}, "threshold of 'readout': no such population sends; there are input"),
}


@pytest.mark.parametrize("name", WRONG_THRESHOLDS)
def test_wrong_thresholds(name: str) -> None:
    threshold, said = WRONG_THRESHOLDS[name]
    with pytest.raises(InvalidInput) as caught:
        ecc_lava.sigma_delta(random_frame_network(4), threshold)
    assert str(caught.value).startswith(said)


def test_networks_that_have_no_stream() -> None:
    network = random_frame_network(4)
    with pytest.raises(InvalidInput, match=r"the network has 6 timesteps; a stream takes one a frame: .*--timesteps 1 --payload-bits 8"):
        ecc_lava.sigma_delta(random_network(4))
    with pytest.raises(InvalidInput, match="the network is a stream already; give the network that it was made from"):
        ecc_lava.sigma_delta(ecc_lava.sigma_delta(network))
    for coding in ("rate", "poisson", "events"):
        with pytest.raises(InvalidInput, match=f"the input 'input' has the coding '{coding}'; a stream sends changes of graded values"):
            ecc_lava.sigma_delta(replace(network, codings=(InputCoding(coding),)))
    populations = tuple(
        replace(p, bias=p.bias * 0 + 5_000_000, v_init=p.v_init * 0 + 5_000_000) if p.name == "p1" else p for p in network.populations
    )
    with pytest.raises(RangeError, match=r"bias and v_init of population 'p1' reach 10000000; the potential holds 8388607"):
        ecc_lava.sigma_delta(replace(network, populations=populations))


def test_a_format_without_signed_payloads() -> None:
    network = random_network(4, 1, timesteps=1)
    plain = tuple(replace(p, bias=p.bias * 0, vth=p.vth * 0 + (64 if p.kind is Kind.IF else 0)) for p in network.populations)
    weights = tuple(replace(q, exponent=0, geometry=replace(q.geometry, kernel=q.geometry.kernel // 2 * 2)) for q in network.projections)
    binary = replace(recoded(network, "rate"), format=LOIHI1, populations=plain, projections=weights)
    with pytest.raises(InvalidInput, match="'rate'; a stream sends changes of graded values"):
        ecc_lava.sigma_delta(binary)


def _spoiled(frames: Array) -> Array:
    x = frames.astype(np.float64)
    x[1, 2, 0, 0, 0] = np.nan
    return x


def _wrong_frames(network: QuantisedNetwork) -> dict[str, tuple[Array, str]]:
    frames = random_frames(network, 2, 3)["input"]
    height, width, channels = network.input.shape
    takes = f"the network takes (N, F, {height}, {width}, {channels})"
    return {
        "another size": (frames[:, :, 1:], f"does not fit; {takes}"),
        "single images": (frames[:, 0], f"does not fit; {takes}: give sequences of frames, such as x[None] for one"),
        "NaN": (_spoiled(frames), "data: frame 2 of sequence 1 holds NaN or infinity (1 such frames)"),
        "no frames": (frames[:, :0], f"data: holds no frame: shape {frames[:, :0].shape}; {takes}"),
        "no sequences": (frames[:0], "data: holds no image"),
        "text": (frames.astype(str), "are not numbers"),
    }


@pytest.mark.parametrize("name", ["another size", "single images", "NaN", "no frames", "no sequences", "text"])
def test_wrong_frames(name: str) -> None:
    network = random_frame_network(4)
    x, said = _wrong_frames(network)[name]
    with pytest.raises(InvalidInput) as caught:
        ecc_lava.simulate(ecc_lava.sigma_delta(network), x)
    assert str(caught.value).endswith(said)


def test_frames_of_a_network_that_is_no_stream() -> None:
    network = random_frame_network(4)
    with pytest.raises(InvalidInput, match=r"does not fit; .*: sequences of frames need a stream, which ecc_lava\.sigma_delta makes"):
        ecc_lava.simulate(network, random_frames(network, 2, 3))


def test_inputs_of_different_lengths() -> None:
    network = random_frame_network(3)
    frames = random_frames(network, 2, 3)
    with pytest.raises(InvalidInput, match="the inputs have different numbers of frames, input 3, other 2"):
        ecc_lava.simulate(ecc_lava.sigma_delta(network), {**frames, "other": frames["other"][:, :2]})


def test_what_knows_no_streams_refuses_them_by_name() -> None:
    stream = ecc_lava.sigma_delta(random_frame_network(4))
    with pytest.raises(InvalidInput, match=r"the float engine takes no stream; give the network that ecc_lava\.sigma_delta made it from"):
        as_float(stream)
    snn = as_float(random_frame_network(4))
    with pytest.raises(InvalidInput, match="attribution takes no stream"):
        ecc_lava.attribute(stream, random_frames(stream, 1, 2), np.zeros(1, int), snn=snn, graph=small_graph())
    with pytest.raises(InvalidInput, match="stopping early takes no stream"):
        stopped_events(stream, random_frames(stream, 1, 2), np.ones(1, np.int64))
    with pytest.raises(InvalidInput, match="a stream takes one step a frame; leave timesteps out"):
        ecc_lava.simulate(stream, random_frames(stream, 1, 2), timesteps=1)


def test_networks_that_are_no_streams_have_no_sigma_delta_neurons() -> None:
    network, stream = random_frame_network(4), ecc_lava.sigma_delta(random_frame_network(4))

    def changed(of: QuantisedNetwork, name: str, **fields: Any) -> QuantisedNetwork:
        return replace(of, populations=tuple(replace(p, **fields) if p.name == name else p for p in of.populations))

    wrong: list[tuple[QuantisedNetwork, str, dict[str, Any], str]] = [
        (network, "p1", {"theta": 1}, "the if population 'p1' has theta 1; only those of a stream have one"),
        (network, "p1", {"kind": Kind.DELTA}, "the delta population 'p1' has theta 0; only those of a stream have one"),
        (stream, "p1", {"theta": 0}, r"theta 0 of population 'p1'; it lies in 1 to \d+"),
        (stream, "p1", {"payload": Payload(3)}, "the delta population 'p1' of a stream sends no signed payloads"),
        (stream, "p1", {"bias": np.ones((1, 1, 1), np.int32)}, "population 'p1' of a stream has a bias"),
        (stream, "readout", {"theta": 3}, "the readout population 'readout' has theta 3"),
    ]
    for of, name, fields, said in wrong:
        with pytest.raises(InvalidNetwork, match=said):
            changed(of, name, **fields)
    with pytest.raises(InvalidNetwork, match="a stream of 2 timesteps a frame; it takes one"):
        replace(stream, timesteps=2)
