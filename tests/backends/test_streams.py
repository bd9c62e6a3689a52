"""Streams on every integer back end: equal to each other, and at theta = 1 to the network frame by frame."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import ecc_lava
from ecc_lava.backends.activity import ActivityOf, Recording
from ecc_lava.backends.fast import run as fast_module
from ecc_lava.backends.fast.run import fast
from ecc_lava.backends.stepwise import golden
from ecc_lava.common.arrays import Array, output_of
from ecc_lava.errors import RangeError
from ecc_lava.networks import Kind, QuantisedNetwork
from tests.helpers.changed_networks import overflowing
from tests.helpers.compare import assert_same_activity, everything
from tests.helpers.kernels import SETS
from tests.helpers.streams import frame_by_frame, random_frame_network, random_frames, sent_by, skip_network

SOME = settings(max_examples=30)
MODES = {"dense": "native", "lists": "native", "narrower": "narrower", "numba": "numba"}
"""How windows are read -> set of kernels."""


@pytest.fixture(scope="module", params=list(MODES))
def mode(request: pytest.FixtureRequest) -> Iterator[str]:
    """Run everything on dense windows, on lists of values, or on numba's kernels."""
    chosen = SETS[MODES[request.param]]()
    if request.param == "dense" and chosen.dense_from > 1:
        pytest.skip("needs a processor with wide vectors")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(fast_module, "kernels", lambda: chosen)
        patch.setattr(chosen, "dense_from", 0.0 if request.param == "dense" else 2.0)
        yield request.param


def _run(back_end: Callable[..., ActivityOf], network: QuantisedNetwork, q: dict[str, Array], steps: int) -> ActivityOf | str:
    try:
        return back_end(network, q, steps, everything(network))
    except RangeError as error:
        return str(error)


def _thetas(network: QuantisedNetwork, seed: int) -> dict[str, int]:
    """Return a threshold for every population that sends, mostly a small one."""
    rng = np.random.default_rng(seed)
    stream = ecc_lava.sigma_delta(network)
    return {p.name: int(rng.integers(1, min(p.payload.largest, 12) + 1)) for p in stream.populations if p.kind is not Kind.READOUT}


def _assert_same(network: QuantisedNetwork, frames: dict[str, Array]) -> ActivityOf | str:
    q, steps = sent_by(network, frames), next(iter(frames.values())).shape[1]
    expected, done = _run(golden, network, q, steps), _run(fast, network, q, steps)
    if isinstance(expected, str) or isinstance(done, str):
        assert expected == done
        return expected
    assert_same_activity(expected, done, types=False)
    return expected


def _assert_frame_by_frame(network: QuantisedNetwork, frames: dict[str, Array], streamed: ActivityOf) -> None:
    """Assert that activations, the sums of all changes so far, and outputs are those of the network on every frame alone."""
    alone = frame_by_frame(network, frames)
    for p in network.populations:
        if p.kind is Kind.READOUT:
            over_time = np.asarray(streamed[p.name].over_time)
            np.testing.assert_array_equal(over_time.reshape(-1, *p.shape), alone[p.name].potential, err_msg=p.name)
        elif p.kind is not Kind.INPUT:
            activation = np.cumsum(np.asarray(streamed[p.name].raster), axis=1).reshape(-1, *p.shape)
            np.testing.assert_array_equal(activation, alone[p.name].counts, err_msg=p.name)


@SOME
@given(st.integers(0, 10**6), st.integers(1, 6), st.sampled_from([1, 2, 5, 9]), st.integers(1, 4))
def test_generated_networks(mode: str, seed: int, layers: int, length: int, samples: int) -> None:
    network = random_frame_network(seed, layers)
    frames = random_frames(network, samples, length, seed)
    done = _assert_same(ecc_lava.sigma_delta(network), frames)
    if not isinstance(done, str):
        _assert_frame_by_frame(network, frames, done)
    _assert_same(ecc_lava.sigma_delta(network, _thetas(network, seed)), frames)


def test_the_generated_networks_show_what_they_should() -> None:
    """Else the comparisons above would show less than they say: few sums overflow; delays and negative changes occur."""
    overflows, delays, taken_back = 0, set(), 0
    for seed in range(30):
        network = random_frame_network(seed, 6)
        delays |= {p.delay for p in network.projections}
        stream = ecc_lava.sigma_delta(network)
        done = _run(golden, stream, sent_by(stream, random_frames(network, 2, 5, seed)), 5)
        overflows += isinstance(done, str)
        if not isinstance(done, str):
            taken_back += sum(int((np.asarray(done[p.name].raster) < 0).sum()) for p in stream.populations if p.kind is Kind.DELTA)
    assert overflows < 5 and taken_back > 500
    assert {0, 1, 4} <= delays


def test_skips_of_all_delays(mode: str) -> None:
    """Every population hears every earlier one, and the readout the input: changes of one frame meet, whatever their way."""
    network = skip_network(5)
    assert {p.delay for p in network.projections} == set(range(6))
    frames = random_frames(network, 3, 6)
    done = _assert_same(ecc_lava.sigma_delta(network), frames)
    assert not isinstance(done, str)
    assert all(np.count_nonzero(np.asarray(done[f"p{n}"].raster)[:, 1:]) > 100 for n in range(5))
    _assert_frame_by_frame(network, frames, done)


@pytest.mark.parametrize("samples", [1, 2, 7])
@pytest.mark.parametrize("number", [1, 3])
def test_threads_and_groups_change_nothing(mode: str, number: int, samples: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fast_module, "free_cores", lambda: number)
    monkeypatch.setattr(fast_module, "GROUP_BYTES", 20_000)
    for seed in (1, 3, 5):
        network = random_frame_network(seed)
        assert not isinstance(_assert_same(ecc_lava.sigma_delta(network, _thetas(network, seed)), random_frames(network, samples, 3)), str)


def test_sequences_longer_than_one_pass(mode: str) -> None:
    network = random_frame_network(4)
    frames = random_frames(network, 2, 70)
    done = _assert_same(ecc_lava.sigma_delta(network), frames)
    assert not isinstance(done, str)
    _assert_frame_by_frame(network, frames, done)


def test_no_drift_over_ten_thousand_frames() -> None:
    network = random_frame_network(2, 3)
    frames = random_frames(network, 1, 10_000)
    stream = ecc_lava.sigma_delta(network)
    done = fast(stream, sent_by(stream, frames), 10_000, everything(stream))
    _assert_frame_by_frame(network, frames, done)


@pytest.mark.parametrize("theta", [1, 5])
def test_no_error_grows_with_a_larger_threshold(theta: int) -> None:
    """What targets know of an activation is never off by theta or more, however many frames passed."""
    network = random_frame_network(2, 3)
    frames = random_frames(network, 1, 2_000)
    first = next(p.name for p in network.populations if p.kind is Kind.IF)
    exact = ecc_lava.sigma_delta(network)
    stream = ecc_lava.sigma_delta(network, {first: theta})
    known = np.cumsum(np.asarray(fast(stream, sent_by(stream, frames), 2_000, everything(stream))[first].raster), axis=1)
    true = np.cumsum(np.asarray(fast(exact, sent_by(exact, frames), 2_000, everything(exact))[first].raster), axis=1)
    assert np.abs(known - true).max() == theta - 1


def test_a_scene_cut_costs_one_full_frame() -> None:
    """After a cut to black and another scene, a stream sends what it sends at the beginning; a frame that repeats costs nothing."""
    network = random_frame_network(2, 3)
    stream = ecc_lava.sigma_delta(network)
    scenes = random_frames(network, 2, 1)["input"][:, 0]
    black = np.zeros_like(scenes[0])
    x = np.stack([black, scenes[0], scenes[0], black, scenes[1], scenes[1]])[None]
    found = ecc_lava.simulate(stream, x)
    alone = ecc_lava.simulate(stream, np.stack([[black, scenes[0]], [black, scenes[1]]]))
    for events in ("synops", "input_macs", "graded_synops", "payload_bits"):
        got, want = getattr(found, events)[0], getattr(alone, events)
        assert (got[[1, 4]] == want[:, 1]).all()
        assert not got[[2, 5]].any()
    np.testing.assert_array_equal(np.asarray(found.readout)[0, [1, 4]], np.asarray(alone.readout)[:, 1])


def test_each_sequence_starts_from_zero() -> None:
    network = random_frame_network(3)
    stream = ecc_lava.sigma_delta(network)
    frames = random_frames(network, 5, 4)
    together = ecc_lava.simulate(stream, frames)
    for n in range(5):
        one = ecc_lava.simulate(stream, {name: x[n : n + 1] for name, x in frames.items()})
        for output in ("readout", "aux"):
            np.testing.assert_array_equal(output_of(together.logits, output)[n], output_of(one.logits, output)[0])
        np.testing.assert_array_equal(together.graded_synops[n], one.graded_synops[0])


@pytest.mark.parametrize("backend", ["golden", "fast"])
def test_the_result_of_a_stream_has_every_frame(backend: str) -> None:
    network = random_frame_network(8)
    frames = random_frames(network, 3, 6)
    alone = ecc_lava.simulate(network, {name: x.reshape(-1, *x.shape[2:]) for name, x in frames.items()}, backend="golden")
    found = ecc_lava.simulate(ecc_lava.sigma_delta(network), frames, backend=backend, record=["p0"])
    assert (found.timesteps, found.latency_steps) == (1, 1 + network.depth)
    for what in ("readout", "logits", "predictions"):
        got, want = np.asarray(getattr(found, what)), np.asarray(getattr(alone, what))
        assert got.dtype == want.dtype
        np.testing.assert_array_equal(got.reshape(want.shape), want)
    assert np.shape(found.logits) == (3, 6, network.readout.neurons) and found.logits_over_time is None
    for events in (found.synops, found.input_macs, found.graded_synops, *found.spike_counts.values()):
        assert events.shape == (3, 6)
    first = {name: x[:, 0] for name, x in frames.items()}  # of the first frame a stream sends all
    whole = ecc_lava.simulate(network, first, backend="golden")
    np.testing.assert_array_equal(found.input_macs[:, 0], whole.input_macs)
    for name, spikes in whole.spike_counts.items():
        np.testing.assert_array_equal(found.spike_counts[name][:, 0], spikes)
    raster = found.raster["p0"].reshape(3, 6, -1)
    np.testing.assert_array_equal((raster != 0).sum(axis=2), found.spike_counts["p0"])


def test_a_potential_that_would_saturate_is_an_error() -> None:
    """Clipping would be carried on to every later frame."""
    network = random_frame_network(2, 3)
    stream = ecc_lava.sigma_delta(network)
    high = np.full((1, 1, 1), network.format.potential_max, np.int32)
    populations = tuple(replace(p, v_init=high) if p.name == "p1" else p for p in stream.populations)
    frames = random_frames(network, 2, 4)
    said = r"the potential of population 'p1' left \+-8388607 0 times below and \d+ times above; use fewer bits$"
    for backend in ("golden", "fast"):
        with pytest.raises(RangeError, match=said):
            ecc_lava.simulate(replace(stream, populations=populations), frames, backend=backend)


def test_the_first_overflow_is_named(mode: str) -> None:
    told = set()
    for seed in range(24):
        network = replace(overflowing(seed), timesteps=1)
        told.add(str(_assert_same(ecc_lava.sigma_delta(network), random_frames(network, 3, 4, seed)))[:60])
    assert len(told) > 5


def test_potentials_that_nobody_wants_are_not_written(mode: str) -> None:
    network = random_frame_network(4)
    stream = ecc_lava.sigma_delta(network)
    q = sent_by(stream, random_frames(network, 2, 3))
    whole, less = (fast(stream, q, 3, Recording(potentials=wanted)) for wanted in (None, frozenset(["p1"])))
    for name, activity in less.items():
        np.testing.assert_array_equal(activity.counts, whole[name].counts)
