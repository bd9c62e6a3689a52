"""The range audit: no input exceeds its bound, the worst one reaches it, and what can leave the range is an error."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, reject
from hypothesis import strategies as st

import ecc_lava
from ecc_lava.backends.activity import Recording
from ecc_lava.backends.stepwise import golden
from ecc_lava.common.arrays import Array
from ecc_lava.errors import RangeError
from ecc_lava.formats.loihi2 import LOIHI2
from ecc_lava.geometry import Conv, Dense, apply, from_synapses
from ecc_lava.networks import QuantisedNetwork
from ecc_lava.quantisation.quantise import quantise
from ecc_lava.quantisation.range_audit import one_step_bound
from tests.helpers.networks import random_images, random_network
from tests.helpers.small_networks import MANY, float_network, single


@pytest.mark.parametrize("bits", [2, 3, 8])
@pytest.mark.parametrize("timesteps", [1, 2, 32])
def test_rounding_up_many_weights_never_leaves_the_range(bits: int, timesteps: int) -> None:
    """At 2 bits, weights of 0.51 of the largest become the largest: the sum doubles."""
    kernel = np.full((200, 3), 0.51)
    kernel[0] = 1.0
    for factor in np.geomspace(1e-6, 1e2, 17):
        network = quantise(float_network((1, 1, 200), Dense(kernel * factor), timesteps=timesteps), bits=bits)
        assert all(max(-r.one_step_low, r.one_step_high) <= LOIHI2.potential_max for r in one_step_bound(network))


def test_the_bound_of_a_sparse_channel_is_its_neuron_of_the_largest_sum() -> None:
    weights, sources, targets = np.array([5, 6, -7, 100, -1, -9], np.int8), np.array([0, 1, 2, 3, 0, 1]), np.array([0, 0, 0, 2, 3, 3])
    network = single(from_synapses(weights, sources, targets, (1, 2, 2), (1, 2, 2)), exponent=-6)
    bound = one_step_bound(network)[0]
    assert (bound.one_step_low, bound.one_step_high) == (-10 * 255, 100 * 255)


def _one_step_inputs(network: QuantisedNetwork, q: dict[str, Array]) -> dict[str, Array]:
    done = golden(network, q, network.timesteps, Recording(frozenset(network.by_name)))
    inputs = {}
    for population in network.populations[1:]:
        total = population.bias.astype(np.int64)
        for projection in network.into(population.name):
            raster = done[projection.source].raster
            assert raster is not None
            sent = raster.reshape(-1, *raster.shape[2:]).astype(np.int64)
            total = total + apply(projection.geometry, sent) * 2 ** network.format.shift(projection.exponent)
        inputs[population.name] = total
    return inputs


@MANY
@given(st.integers(0, 10**6))
def test_no_input_exceeds_its_bound(seed: int) -> None:
    network = random_network(seed, sparse=seed % 3 == 0)
    q = random_images(network, 2, seed)
    q["input"][0] = 255
    try:
        bounds = {r.name: r for r in one_step_bound(network)}
    except RangeError:
        reject()  # generated networks need not pass the audit
    for name, total in _one_step_inputs(network, q).items():
        assert bounds[name].one_step_low <= total.min()
        assert total.max() <= bounds[name].one_step_high


def test_the_bound_is_reached_by_the_worst_input() -> None:
    kernel = np.array([[[[3], [-5]]]], np.int8)
    network = single(Conv(kernel), exponent=0, bias=7)
    bound = one_step_bound(network)[0]
    assert (bound.one_step_low, bound.one_step_high) == (-5 * 255 * 64 + 7, 3 * 255 * 64 + 7)
    worst = {"input": np.array([[[[255, 0]]], [[[0, 255]]]], np.uint8)}
    assert _one_step_inputs(network, worst)["p"].ravel().tolist()[:: network.timesteps] == [bound.one_step_high, bound.one_step_low]
    assert bound.all_steps_fit
    assert (bound.worst_channel, bound.all_steps) == (0, 4 * (5 * 255 * 64 - 7))


def test_a_bound_beyond_the_range_says_which_channel_and_how_far() -> None:
    network = single(Conv(np.array([[[[3, -5]]]], np.int8)), exponent=5)
    bound = one_step_bound(network)[0]
    assert (bound.name, bound.worst_channel, bound.all_steps) == ("p", 1, 4 * 5 * 255 * 2**11)
    assert not bound.all_steps_fit


def test_an_input_that_can_leave_the_range_is_named() -> None:
    kernel = np.zeros((1, 1, 40, 3), np.int8)
    kernel[..., 1] = -127
    with pytest.raises(RangeError, match=r"channel 1 of population 'p': one step's input can reach 82905600; the potential holds 8388607"):
        one_step_bound(single(Conv(kernel), exponent=0))


@pytest.mark.parametrize("inputs", [300, 784, 10_000])
def test_inputs_too_many_for_any_exponent_use_part_of_the_mantissa(inputs: int) -> None:
    kernel = np.full((inputs, 2), 0.5)
    kernel[:, 1] = -0.25
    network = quantise(float_network((1, 1, inputs), Dense(kernel)))  # which audits its ranges
    (projection, _), population = network.projections, network.by_name["p"]
    mantissas = projection.geometry.kernel.astype(np.float64)
    assert 0 < np.abs(mantissas).max() < 127
    unit = 2.0 ** network.format.shift(projection.exponent) / population.vth.ravel()
    assert (np.abs(mantissas * unit - kernel) <= 0.51 * unit).all()


def test_a_readout_that_saturates_is_an_error() -> None:
    network = single(Conv(np.full((1, 1, 1, 1), 100, np.int8)), exponent=0)
    readout = replace(network.readout, bias=np.full((1, 1, 1), -(2**22), np.int32))
    network = replace(network, populations=(*network.populations[:-1], readout))
    for backend in ("fast", "golden"):
        with pytest.raises(RangeError, match="'out' left"):
            ecc_lava.simulate(network, np.zeros((1, 1, 1, 1)), backend=backend)
