"""Rounding: weights, thresholds and biases within their formats, and every channel by the whole mantissa."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import ecc_lava
from ecc_lava.common.arrays import Array
from ecc_lava.errors import InvalidInput
from ecc_lava.formats.table import number_format
from ecc_lava.geometry import Conv, Dense, Sparse, from_synapses, written
from ecc_lava.geometry.sparse import matrix
from ecc_lava.graph.graph import Graph
from ecc_lava.networks.spiking import Population
from ecc_lava.networks.wiring import Kind
from ecc_lava.quantisation.limits import UNIT_MIN
from ecc_lava.quantisation.quantise import quantise
from ecc_lava.quantisation.range_audit import one_step_bound
from tests.helpers.graphs import graphs
from tests.helpers.small_networks import MANY, converted, float_network
from tests.helpers.tiny_networks import through_one_neuron


def _weights(*shape: int, seed: int = 0) -> Array:
    return np.random.default_rng(seed).normal(0, 0.01, shape)


@pytest.mark.parametrize(("recipe", "examples"), [("ecc", 50), ("best", 12)])
def test_integers_lie_within_their_formats(recipe: str, examples: int) -> None:
    @settings(MANY, max_examples=examples)
    @given(graphs(), st.integers(2, 8), st.sampled_from([1, 8, 64]))
    def within(graph: Graph, bits: int, timesteps: int) -> None:
        network = quantise(converted(graph, timesteps, recipe)[0], bits=bits)
        limit = 2 ** (bits - 1) - 1
        for projection in network.projections:
            assert projection.geometry.kernel.dtype == np.int8
            assert projection.largest_weight <= limit
            assert -6 <= projection.exponent <= 7
        for population in network.populations:
            for value in (population.bias, population.vth, population.v_init):
                assert value.dtype == np.int32
                assert np.abs(value.astype(np.int64)).max() <= 2**23 - 1
            assert population.kind is not Kind.IF or population.vth.min() >= 1
        assert network.bits == bits
        assert network.trace[-1] == f"quantise(format='loihi2', bits={bits}, per='channel')"

    within()


@MANY
@given(graphs(), st.integers(2, 8))
def test_a_weight_is_off_by_half_a_unit_at_most(graph: Graph, bits: int) -> None:
    real = converted(graph)[0]
    network = quantise(real, bits=bits)
    for projection, integer in zip(real.projections, network.projections, strict=True):
        target = real.by_name[projection.target]
        if isinstance(integer.geometry, Conv) and integer.geometry.gain is not None:
            continue
        if target.kind is Kind.IF:
            vth = network.by_name[projection.target].vth
            units, slack = (vth / target.vth).ravel(), (0.5 / vth).ravel()  # vth itself is rounded
        else:
            units, slack = np.array([network.logit_scales[0] * target.lambda_.item()]), np.array([1e-12])
        where = written(integer.geometry) if units.size > 1 else slice(None)
        lsb, slack = 2.0 ** network.format.shift(integer.exponent) / units[where], slack[where]
        mantissas, weights = integer.geometry.kernel, projection.geometry.kernel
        if isinstance(integer.geometry, Sparse) and isinstance(projection.geometry, Sparse):
            mantissas, weights = (_by_channel(g) for g in (integer.geometry, projection.geometry))
        error = np.abs(mantissas * lsb - weights)
        assert (error <= 0.5 * lsb * (1 + 1e-9) + np.abs(weights) * slack * 2).all()


def _by_channel(geometry: Sparse) -> Array:
    """Return all weights, absent ones as 0, with the target's channels last."""
    return matrix(geometry, np.float64).toarray().T.reshape(-1, geometry.target[2])


def test_every_channel_uses_the_whole_mantissa() -> None:
    kernel = _weights(3, 3, 2, 4) * np.array([1.0, 10.0, 0.1, 3.0])
    integer = quantise(float_network((5, 5, 2), Conv(kernel))).projections[0].geometry.kernel
    assert np.abs(integer.astype(int)).max(axis=(0, 1, 2)).tolist() == [127] * 4


def test_thresholds_scale_with_their_channels() -> None:
    kernel = np.full((1, 1, 1, 2), 0.01) * np.array([1.0, 4.0])
    network = quantise(float_network((2, 2, 1), Conv(kernel)))
    vth = network.by_name["p"].vth.ravel()
    assert vth[0] / vth[1] == pytest.approx(4.0, rel=1e-3)


def test_a_shortcut_with_larger_weights_costs_the_convolution_no_bits() -> None:
    kernel = _weights(3, 3, 2, 2)
    kernel /= np.abs(kernel).max(axis=(0, 1, 2)) * 100
    identity = Conv(np.full((1, 1, 1, 2), 6 * np.abs(kernel).max()), groups=2)
    alone = quantise(float_network((5, 5, 2), Conv(kernel, padding=(1, 1, 1, 1))))
    beside = quantise(float_network((5, 5, 2), Conv(kernel, padding=(1, 1, 1, 1)), identity))
    conv, shortcut = beside.into("p")
    assert np.abs(conv.geometry.kernel.astype(int)).max() == 127
    assert (conv.geometry.kernel == alone.into("p")[0].geometry.kernel).all()
    assert shortcut.exponent == conv.exponent + 3


@pytest.mark.parametrize("weight", [0.0, 1e-9, 1e-6, 1e-3])
@pytest.mark.parametrize("timesteps", [1, 32])
def test_a_channel_of_bias_and_hardly_any_weights_spoils_nothing(weight: float, timesteps: int) -> None:
    """As batch normalisation makes them when its scale decays to nothing."""
    kernel = _weights(3, 3, 2, 3)
    kernel[..., 1] *= weight
    network = float_network((5, 5, 2), Conv(kernel), timesteps=timesteps)
    bias = np.array([0.01, 1.0, -0.02]).reshape(1, 1, 3)
    populations = (network.input, replace(network.by_name["p"], bias=bias), network.readout)
    integer = quantise(replace(network, populations=populations))
    assert np.abs(integer.projections[0].geometry.kernel.astype(int)).max(axis=(0, 1, 2))[[0, 2]].tolist() == [127, 127]
    assert one_step_bound(integer)[0].all_steps_fit
    population = integer.by_name["p"]
    np.testing.assert_allclose(population.bias / population.vth, bias, atol=0.5 / UNIT_MIN)


@pytest.mark.parametrize("size", [1e-6, 1e-3, 1.0, 1e3])
def test_logits_of_any_size_use_the_whole_mantissa(size: float) -> None:
    network = float_network((1, 1, 4), Dense(_weights(4, 6)), timesteps=2)
    last = replace(network.projections[-1], geometry=Dense(_weights(6, 1, seed=1) * size))
    integer = quantise(replace(network, projections=(*network.projections[:-1], last)))
    assert np.abs(integer.projections[-1].geometry.kernel.astype(int)).max() == 127


def test_a_readout_that_nothing_drives_has_a_scale() -> None:
    network = float_network((1, 1, 4), Dense(_weights(4, 6)))
    last = replace(network.projections[-1], geometry=Dense(np.zeros((6, 1))))
    integer = quantise(replace(network, projections=(*network.projections[:-1], last)))
    assert ecc_lava.simulate(integer, np.ones((1, 1, 1, 4))).logits.tolist() == [[0.0]]


def test_weights_of_very_different_sizes_share_a_population() -> None:
    """The larger would leave the range at exponents that serve the smaller: those then lose their bits."""
    small, large = Dense(_weights(64, 3) * 1e-4), Dense(_weights(64, 3, seed=1) * 1e2)
    network = quantise(float_network((1, 1, 64), small, large))
    assert np.abs(network.into("p")[1].geometry.kernel.astype(int)).max() > 63
    assert one_step_bound(network)


def test_fewer_bits_are_coarser() -> None:
    network = float_network((5, 5, 2), Conv(_weights(3, 3, 2, 4)))
    distinct = [len(np.unique(quantise(network, bits=bits).projections[0].geometry.kernel)) for bits in range(2, 9)]
    assert distinct == sorted(distinct)
    assert distinct[0] <= 3


@pytest.mark.parametrize("bits", [1, 17, 0])
def test_other_widths_are_refused(bits: int) -> None:
    with pytest.raises(InvalidInput, match=f"{bits} bits a weight; loihi2 holds 2 to 8"):
        quantise(float_network((2, 2, 1), Conv(_weights(1, 1, 1, 1))), bits=bits)


def test_unknown_formats_are_refused() -> None:
    with pytest.raises(InvalidInput, match="'loihi7' is not known; known: loihi1, loihi2"):
        number_format("loihi7")


def test_a_network_without_timesteps_is_refused() -> None:
    with pytest.raises(InvalidInput, match="no timesteps"):
        quantise(replace(float_network((2, 2, 1), Conv(_weights(1, 1, 1, 1))), timesteps=None))


def test_channels_of_a_sparse_have_units_of_their_own() -> None:
    """The largest weight of a channel, wherever on the map, takes the whole mantissa; what rounds to 0 is no synapse."""
    weights = np.array([0.5, 1e-6, 3.0, 0.25])
    geometry = from_synapses(weights, np.array([0, 1, 2, 3]), np.array([0, 1, 2, 3]), (1, 2, 2), (1, 2, 2))
    integer = quantise(float_network((1, 2, 2), geometry)).projections[0].geometry
    assert isinstance(integer, Sparse)
    assert (integer.kernel.tolist(), integer.sources.tolist(), integer.starts.tolist()) == ([21, 127, 127], [0, 2, 3], [0, 1, 1, 2, 3])


def test_a_step_population_with_a_positive_threshold_keeps_its_bias() -> None:
    one = np.ones((1, 1, 1))
    step = Population("s", (1, 1, 1), Kind.STEP, bias=12 * one, vth=10 * one, v_init=0 * one, lambda_=one)
    network, x = through_one_neuron(step, 4), np.ones((1, 4, 1, 1, 1), np.uint8)
    fired = ecc_lava.simulate(quantise(network), x).spike_counts["s"]
    assert fired == ecc_lava.simulate(network, x, backend="float").spike_counts["s"] == 4
