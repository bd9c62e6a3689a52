"""`golden` against `fast` on everything they return, and what `simulate` makes of it."""

from __future__ import annotations

import os
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import ecc_lava
from ecc_lava.backends import BACKENDS
from ecc_lava.backends.activity import Activity, Recording
from ecc_lava.backends.fast import run as fast_module
from ecc_lava.backends.fast.run import fast
from ecc_lava.backends.result import Result
from ecc_lava.backends.stepwise import golden
from ecc_lava.common import usable_cores
from ecc_lava.common.arrays import Array
from ecc_lava.common.neuron import integrate_and_fire
from ecc_lava.errors import InvalidInput, RangeError
from ecc_lava.geometry import Conv, apply, with_kernel
from ecc_lava.networks import QuantisedNetwork
from ecc_lava.networks.spiking import Population
from ecc_lava.networks.wiring import Kind
from tests.helpers.compare import assert_same_activity
from tests.helpers.networks import random_images, random_network
from tests.helpers.tiny_networks import through_one_neuron

MANY = settings(max_examples=60)


def _everything(network: QuantisedNetwork) -> Recording:
    return Recording(frozenset(network.by_name), over_time=True)


@MANY
@given(st.integers(0, 10**6), st.booleans(), st.integers(1, 6), st.integers(1, 9))
def test_fast_equals_golden_in_every_integer(seed: int, rails: bool, layers: int, timesteps: int) -> None:
    network = random_network(seed, layers, timesteps=9, rails=rails, ranges=bool(seed % 2), ports=seed % 3 == 0)
    q = random_images(network, 2, seed)
    wanted = _everything(network)
    assert_same_activity(golden(network, q, timesteps, wanted), fast(network, q, timesteps, wanted), types=False)


def test_the_generated_networks_reach_both_rails_and_every_geometry() -> None:
    """Else the comparison above would show less than it says."""
    reached, kinds = np.zeros(2, np.int64), set()
    for seed in range(30):
        network = random_network(seed, rails=True)
        for activity in golden(network, random_images(network, 1), 6, Recording()).values():
            reached += (activity.saturated_low, activity.saturated_high)
        for projection in network.projections:
            geometry = projection.geometry
            if isinstance(geometry, Conv):
                kinds |= {"grouped"} if geometry.groups > 1 else {"plain"}
                kinds |= {"gain"} if geometry.gain is not None else set()
                kinds |= {"dilated"} if geometry.dilation != (1, 1) else set()
                kinds |= {"strided"} if geometry.strides != (1, 1) else set()
            else:
                kinds.add("dense")
    assert (reached > 0).all()
    assert kinds == {"plain", "grouped", "gain", "dilated", "strided", "dense"}


@pytest.mark.parametrize("threads", [1, 2, 5])
def test_the_number_of_threads_changes_nothing(threads: int, monkeypatch: pytest.MonkeyPatch) -> None:
    network = random_network(11)
    q = random_images(network, 7)
    reference = fast(network, q, 6, _everything(network))
    monkeypatch.setattr(fast_module, "free_cores", lambda: threads)
    assert_same_activity(reference, fast(network, q, 6, _everything(network)), types=False)


def test_the_number_of_threads_is_that_of_this_processs_cores() -> None:
    assert usable_cores() == (len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count())


def _pixels(network: QuantisedNetwork, samples: int) -> Array:
    """Return images that encode to random q under the plain coding of generated networks."""
    return random_images(network, samples)["input"].astype(np.float64)


def _same_results(a: Result, b: Result) -> None:
    for field in ("logits", "readout", "synops", "input_macs", "logits_over_time"):
        first, second = getattr(a, field), getattr(b, field)
        assert (first is None) == (second is None)
        assert first is None or (first == second).all(), field
    for field in ("spike_counts", "counts", "raster", "potential"):
        first, second = getattr(a, field), getattr(b, field)
        assert set(first) == set(second)
        assert all((first[name] == second[name]).all() for name in first), field


@pytest.mark.parametrize("backend", ["golden", "fast", "float"])
def test_samples_do_not_depend_on_their_batch(backend: str) -> None:
    integer = random_network(3)
    network = ecc_lava.as_float(integer) if backend == "float" else integer
    x = _pixels(integer, 5)
    options: dict[str, Any] = {"backend": backend, "over_time": True, "record": ["p1", "readout"]}
    together = ecc_lava.simulate(network, x, **options)
    seen: list[tuple[int, int]] = []
    _same_results(together, ecc_lava.simulate(network, x, progress=lambda *done: seen.append(done), max_memory=1, **options))
    assert seen == [(n, 5) for n in range(1, 6)]
    alone = ecc_lava.simulate(network, x[3:4], **options)
    assert (alone.logits == together.logits[3:4]).all()
    assert (alone.potential["p1"] == together.potential["p1"][3:4]).all()


@pytest.mark.parametrize("backend", ["golden", "fast"])
@pytest.mark.parametrize("seed", range(4))
def test_synops_and_input_macs_are_counted_synapse_by_synapse(backend: str, seed: int) -> None:
    network = random_network(seed)
    result = ecc_lava.simulate(network, _pixels(network, 2), backend=backend, record=list(network.by_name))
    expected = {Kind.IF: np.zeros(2, np.int64), Kind.INPUT: np.zeros(2, np.int64)}
    for projection in network.projections:
        geometry = with_kernel(projection.geometry, np.ones_like(projection.geometry.kernel))
        if isinstance(geometry, Conv) and geometry.gain is not None:
            geometry = with_kernel(geometry, geometry.kernel, np.ones_like(geometry.gain))
        passed = apply(geometry, result.counts[projection.source].astype(np.int64))  # every existing synapse adds its source's events
        expected[network.by_name[projection.source].kind] += passed.sum(axis=(1, 2, 3))
    assert (result.synops == expected[Kind.IF]).all()
    assert (result.input_macs == expected[Kind.INPUT]).all()
    assert (result.input_macs > 0).all()


@pytest.mark.parametrize("backend", ["golden", "fast"])
def test_logits_over_time_are_those_of_shorter_runs(backend: str) -> None:
    network = random_network(8, timesteps=6)
    x = _pixels(network, 3)
    full = ecc_lava.simulate(network, x, backend=backend, over_time=True)
    assert full.logits_over_time is not None
    assert full.logits_over_time.shape == (3, 6, 5)
    for timesteps in range(1, 7):
        short = ecc_lava.simulate(network, x, backend=backend, timesteps=timesteps)
        assert (full.logits_over_time[:, timesteps - 1] == short.logits).all()
        assert short.timesteps == timesteps
        assert short.latency_steps == timesteps + network.depth
    assert (full.logits_over_time[:, -1] == full.logits).all()


def test_logits_are_potentials_in_the_models_units() -> None:
    network = random_network(8)
    result = ecc_lava.simulate(network, _pixels(network, 3))
    assert result.readout is not None
    assert result.readout.dtype == np.int32
    assert result.logits.dtype == np.float32
    np.testing.assert_allclose(result.logits, result.readout / (6 * network.logit_scales[0]), rtol=1e-6)
    assert (result.predictions == result.readout.argmax(axis=1)).all()


@pytest.mark.parametrize("backend", ["golden", "fast"])
def test_a_record_holds_what_the_neurons_did(backend: str) -> None:
    network = random_network(5)
    x = _pixels(network, 2)
    result = ecc_lava.simulate(network, x, backend=backend, record=["input", "p0", "readout"])
    height, width, channels = network.by_name["p0"].shape
    bits = np.unpackbits(result.raster["p0"], axis=-1)[..., : height * width * channels]
    assert bits.shape == (2, 6, height * width * channels)
    assert result.counts["p0"].dtype == np.uint16
    assert (bits.sum(axis=1).reshape(2, height, width, channels) == result.counts["p0"]).all()
    assert (result.counts["p0"].sum(axis=(1, 2, 3)) == result.spike_counts["p0"]).all()
    assert (result.counts["input"] == (x > 0) * 6).all()
    assert result.readout is not None
    assert (result.potential["readout"][:, 0, 0] == result.readout).all()
    assert set(result.counts) == {"input", "p0", "readout"}


def test_spikes_and_potential_keep_the_books() -> None:
    """v_T = v_0 + everything that came in - vth * spikes, for neurons that never saturate."""
    network = random_network(6)
    q = random_images(network, 2)
    done = fast(network, q, 6, Recording(frozenset(network.by_name)))
    for population in network.populations[1:]:
        came = np.broadcast_to(population.bias.astype(np.int64) * 6, (2, *population.shape)).copy()
        for projection in network.into(population.name):
            source = network.by_name[projection.source]
            sent = q[source.name].astype(np.int64) * 6 if source.kind is Kind.INPUT else done[source.name].counts.astype(np.int64)
            came += apply(projection.geometry, sent) * 2 ** network.format.shift(projection.exponent)
        activity = done[population.name]
        assert activity.saturated_low == activity.saturated_high == 0
        spent = population.vth.astype(np.int64) * activity.counts
        assert (activity.potential == population.v_init + came - spent).all()


def _saturating() -> QuantisedNetwork:
    """Return a network whose first population leaves the rails and whose readout does not."""
    return next(
        network
        for network in (random_network(seed, rails=True) for seed in range(100))
        if any(
            a.saturated_low + a.saturated_high
            for name, a in golden(network, random_images(network, 1), 6, Recording()).items()
            if name != "readout"
        )
    )


@pytest.mark.parametrize("backend", ["golden", "fast"])
def test_saturation_is_counted_and_an_error_only_when_strict(backend: str) -> None:
    network = _saturating()
    x = _pixels(network, 1)
    result = ecc_lava.simulate(network, x, backend=backend)
    assert sum(result.saturated_low.values()) + sum(result.saturated_high.values()) > 0
    with pytest.raises(RangeError, match=r"potential of population 'p\d' left \+-8388607"):
        ecc_lava.simulate(network, x, backend=backend, strict=True)


@pytest.mark.parametrize("backend", ["golden", "fast"])
@pytest.mark.parametrize("sign", [1, -1])
def test_a_saturated_readout_is_always_an_error(backend: str, sign: int) -> None:
    network = random_network(4)
    readout = replace(network.readout, bias=np.full((1, 1, 1), sign * 3_000_000, np.int32))
    network = replace(network, populations=(*network.populations[:-1], readout))
    with pytest.raises(RangeError, match="'readout'"):
        ecc_lava.simulate(network, _pixels(network, 1), backend=backend)
    assert ecc_lava.simulate(network, _pixels(network, 1), backend=backend, timesteps=1).timesteps == 1


@pytest.mark.parametrize("run", [golden, fast])
def test_a_neuron_at_its_threshold_fires(run: Any) -> None:
    network = random_network(1, layers=1)
    first, last = network.projections
    silent = replace(first, geometry=with_kernel(first.geometry, np.zeros_like(first.geometry.kernel)))
    bias, vth, v_init = (np.full((1, 1, 1), value, np.int32) for value in (100, 300, 100))
    counting = replace(network.by_name["p0"], bias=bias, vth=vth, v_init=v_init)
    network = replace(network, populations=(network.input, counting, network.readout), projections=(silent, last))
    activity = run(network, random_images(network, 1), 5, Recording(frozenset(["p0"])))["p0"]
    assert (activity.raster.reshape(5, -1) == np.array([0, 1, 0, 0, 1])[:, None]).all()
    assert (activity.potential == 0).all()


@pytest.mark.parametrize("dtype", [np.int64, np.float64])
def test_the_neuron_by_hand(dtype: type) -> None:
    vth: Array = np.array([10], dtype)

    def step(v: int, current: int) -> tuple[int, int, int, int]:
        done = integrate_and_fire(np.array([v], dtype), np.array([current], dtype), vth, 100)
        return int(done.v[0]), int(done.spikes[0]), done.saturated_low, done.saturated_high

    assert step(3, 7) == (0, 1, 0, 0)  # at the threshold it fires
    assert step(3, 6) == (9, 0, 0, 0)
    assert step(30, 1) == (21, 1, 0, 0)  # one spike a step, by subtraction
    assert step(-90, -20) == (-100, 0, 1, 0)
    assert step(90, 11) == (90, 1, 0, 1)
    assert step(-100, 0) == (-100, 0, 0, 0)  # on the rail is not beyond it


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"backend": "gpu"}, f"'gpu' is not known; known: {', '.join(BACKENDS)}"),
        ({"backend": "float"}, "'float' runs a SpikingNetwork, not a QuantisedNetwork"),
        ({"timesteps": 0}, "timesteps 0; this network was converted for 1 to 6"),
        ({"timesteps": 7}, "timesteps 7"),
        ({"record": ["p0", "p9"]}, "no population 'p9' to record; there are input, p0"),
        ({"x": np.zeros((0, 5, 5, 1))}, "does not fit|no image"),
        ({"x": np.zeros((2, 50, 5, 1))}, "does not fit"),
    ],
)
def test_what_cannot_be_simulated_is_refused(options: dict[str, Any], says: str) -> None:
    network = random_network(0)
    with pytest.raises(InvalidInput, match=says):
        ecc_lava.simulate(network, **{"x": _pixels(network, 1), **options})


def test_an_integer_back_end_refuses_a_float_network() -> None:
    network = ecc_lava.as_float(random_network(0))
    with pytest.raises(InvalidInput, match="'fast' runs a QuantisedNetwork, not a SpikingNetwork"):
        ecc_lava.simulate(network, np.zeros((1, *network.input.shape)))


def test_a_network_without_timesteps_must_be_given_some() -> None:
    network = replace(ecc_lava.as_float(random_network(0)), timesteps=None)
    x = np.zeros((1, *network.input.shape))
    with pytest.raises(InvalidInput, match="timesteps must be given"):
        ecc_lava.simulate(network, x, backend="float")
    assert ecc_lava.simulate(network, x, backend="float", timesteps=3).timesteps == 3


def test_values_outside_the_coding_are_clipped_and_warned_of(caplog: pytest.LogCaptureFixture) -> None:
    network = random_network(0)
    x = _pixels(network, 1)
    x[0, 0, 0, 0] = 300.0
    clipped = ecc_lava.simulate(network, x, record=["input"])
    assert "1 of" in caplog.text and "clipped" in caplog.text
    x[0, 0, 0, 0] = 255.0
    assert (clipped.logits == ecc_lava.simulate(network, x).logits).all()


def test_activities_of_no_spikes() -> None:
    network = random_network(2)
    silent = replace(
        network,
        populations=tuple(
            replace(p, bias=np.zeros((1, 1, 1), np.int32), v_init=np.zeros((1, 1, 1), np.int32)) if p.kind is Kind.IF else p
            for p in network.populations
        ),
    )
    q = {"input": np.zeros((1, *network.input.shape), np.uint8)}
    assert_same_activity(golden(silent, q, 6, _everything(silent)), fast(silent, q, 6, _everything(silent)), types=False)
    activity: Activity = fast(silent, q, 6, Recording())["p0"]
    assert not activity.counts.any()


def test_recorded_counts_beyond_16_bits() -> None:
    steps = 2**16 + 1
    one = np.ones((1, 1, 1))
    neuron = Population("n", (1, 1, 1), Kind.IF, bias=one, vth=one, v_init=0 * one, lambda_=one)
    result = ecc_lava.simulate(
        through_one_neuron(neuron, steps), np.zeros((1, steps, 1, 1, 1), np.uint8), backend="closed_form", record=["n"]
    )
    assert result.counts["n"].item() == steps
