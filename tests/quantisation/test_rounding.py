"""Quantisation: formats, rounding, exponents, gain maps, the range audit, and the float engine on the integers' own numbers."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import HealthCheck, given, reject, settings
from hypothesis import strategies as st

import ecc_lava
from ecc_lava.backends.activity import ActivityOf, Recording
from ecc_lava.backends.fast.run import fast
from ecc_lava.backends.stepwise import floating, golden
from ecc_lava.common.arrays import Array, Shape
from ecc_lava.errors import InvalidInput, InvalidNetwork, RangeError
from ecc_lava.formats.loihi2 import LOIHI2
from ecc_lava.formats.table import number_format
from ecc_lava.geometry import Conv, Dense, Geometry, Sparse, apply, from_synapses, target_shape, with_kernel, written
from ecc_lava.geometry.sparse import matrix
from ecc_lava.graph.graph import Graph
from ecc_lava.inputs import InputCoding
from ecc_lava.networks import QuantisedNetwork, QuantisedPopulation, QuantisedProjection
from ecc_lava.networks.spiking import Population, Projection, SpikingNetwork
from ecc_lava.networks.wiring import Kind
from ecc_lava.quantisation.as_float import as_float
from ecc_lava.quantisation.gain_maps import integer_gain
from ecc_lava.quantisation.limits import UNIT_MIN
from ecc_lava.quantisation.quantise import quantise
from ecc_lava.quantisation.range_audit import one_step_bound
from tests.helpers.graphs import graphs, pool
from tests.helpers.networks import random_images, random_network, through_one_neuron

MANY = settings(derandomize=True, deadline=None, max_examples=50, suppress_health_check=[HealthCheck.too_slow])


def _converted(graph: Graph, timesteps: int = 8, recipe: str = "channel") -> tuple[SpikingNetwork, Array]:
    x = np.random.default_rng(1).uniform(-1, 1, (4, *graph.input.shape))
    return ecc_lava.convert(graph, calibration=x, timesteps=timesteps, recipe=recipe), x


def _network(shape: Shape, *into: Geometry, timesteps: int = 8, bias: float = 0.0) -> SpikingNetwork:
    """Return input -> a population with projections `into` (all from the input) -> a readout of one value."""
    reached = target_shape(into[0], shape)
    one, zero = np.ones((1, 1, 1)), np.zeros((1, 1, 1))
    populations = (
        Population("input", shape, Kind.INPUT, zero, one, zero, one),
        Population("p", reached, Kind.IF, bias * one, one, 0.5 * one, one),
        Population("out", (1, 1, 1), Kind.READOUT, zero, one, zero, one),
    )
    last = Dense(np.full((int(np.prod(reached)), 1), 0.5))
    projections = (*(Projection("input", "p", g) for g in into), Projection("p", "out", last))
    return SpikingNetwork(populations, projections, (InputCoding(),), timesteps)


def _weights(*shape: int, seed: int = 0) -> Array:
    return np.random.default_rng(seed).normal(0, 0.01, shape)


@pytest.mark.parametrize(("recipe", "examples"), [("ecc", 50), ("best", 12)])
def test_integers_lie_within_their_formats(recipe: str, examples: int) -> None:
    @settings(MANY, max_examples=examples)
    @given(graphs(), st.integers(2, 8), st.sampled_from([1, 8, 64]))
    def within(graph: Graph, bits: int, timesteps: int) -> None:
        network = quantise(_converted(graph, timesteps, recipe)[0], bits=bits)
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
    real = _converted(graph)[0]
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
    integer = quantise(_network((5, 5, 2), Conv(kernel))).projections[0].geometry.kernel
    assert np.abs(integer.astype(int)).max(axis=(0, 1, 2)).tolist() == [127] * 4


def test_thresholds_scale_with_their_channels() -> None:
    kernel = np.full((1, 1, 1, 2), 0.01) * np.array([1.0, 4.0])
    network = quantise(_network((2, 2, 1), Conv(kernel)))
    vth = network.by_name["p"].vth.ravel()
    assert vth[0] / vth[1] == pytest.approx(4.0, rel=1e-3)


def test_a_shortcut_with_larger_weights_costs_the_convolution_no_bits() -> None:
    kernel = _weights(3, 3, 2, 2)
    kernel /= np.abs(kernel).max(axis=(0, 1, 2)) * 100
    identity = Conv(np.full((1, 1, 1, 2), 6 * np.abs(kernel).max()), groups=2)
    alone = quantise(_network((5, 5, 2), Conv(kernel, padding=(1, 1, 1, 1))))
    beside = quantise(_network((5, 5, 2), Conv(kernel, padding=(1, 1, 1, 1)), identity))
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
    network = _network((5, 5, 2), Conv(kernel), timesteps=timesteps)
    bias = np.array([0.01, 1.0, -0.02]).reshape(1, 1, 3)
    populations = (network.input, replace(network.by_name["p"], bias=bias), network.readout)
    integer = quantise(replace(network, populations=populations))
    assert np.abs(integer.projections[0].geometry.kernel.astype(int)).max(axis=(0, 1, 2))[[0, 2]].tolist() == [127, 127]
    assert one_step_bound(integer)[0].all_steps_fit
    population = integer.by_name["p"]
    np.testing.assert_allclose(population.bias / population.vth, bias, atol=0.5 / UNIT_MIN)


@pytest.mark.parametrize("size", [1e-6, 1e-3, 1.0, 1e3])
def test_logits_of_any_size_use_the_whole_mantissa(size: float) -> None:
    network = _network((1, 1, 4), Dense(_weights(4, 6)), timesteps=2)
    last = replace(network.projections[-1], geometry=Dense(_weights(6, 1, seed=1) * size))
    integer = quantise(replace(network, projections=(*network.projections[:-1], last)))
    assert np.abs(integer.projections[-1].geometry.kernel.astype(int)).max() == 127


def test_a_readout_that_nothing_drives_has_a_scale() -> None:
    network = _network((1, 1, 4), Dense(_weights(4, 6)))
    last = replace(network.projections[-1], geometry=Dense(np.zeros((6, 1))))
    integer = quantise(replace(network, projections=(*network.projections[:-1], last)))
    assert ecc_lava.simulate(integer, np.ones((1, 1, 1, 4))).logits.tolist() == [[0.0]]


def test_weights_of_very_different_sizes_share_a_population() -> None:
    """The larger would leave the range at exponents that serve the smaller: those then lose their bits."""
    small, large = Dense(_weights(64, 3) * 1e-4), Dense(_weights(64, 3, seed=1) * 1e2)
    network = quantise(_network((1, 1, 64), small, large))
    assert np.abs(network.into("p")[1].geometry.kernel.astype(int)).max() > 63
    assert one_step_bound(network)


def test_fewer_bits_are_coarser() -> None:
    network = _network((5, 5, 2), Conv(_weights(3, 3, 2, 4)))
    distinct = [len(np.unique(quantise(network, bits=bits).projections[0].geometry.kernel)) for bits in range(2, 9)]
    assert distinct == sorted(distinct)
    assert distinct[0] <= 3


@pytest.mark.parametrize("bits", [1, 9, 0])
def test_other_widths_are_refused(bits: int) -> None:
    with pytest.raises(InvalidInput, match=f"{bits} bits a weight; loihi2 holds 2 to 8"):
        quantise(_network((2, 2, 1), Conv(_weights(1, 1, 1, 1))), bits=bits)


def test_unknown_formats_are_refused() -> None:
    with pytest.raises(InvalidInput, match="'loihi7' is not known; known: loihi1, loihi2"):
        number_format("loihi7")


def test_a_network_without_timesteps_is_refused() -> None:
    with pytest.raises(InvalidInput, match="no timesteps"):
        quantise(replace(_network((2, 2, 1), Conv(_weights(1, 1, 1, 1))), timesteps=None))


def test_the_gains_of_a_pool_are_exact_integers() -> None:
    gain = pool((5, 5, 1), 3, 1).gain
    assert gain is not None
    exact = integer_gain(gain, 127)
    assert exact.dtype == np.int32
    assert exact.tolist() == [[9, 6, 6, 6, 9], *[[6, 4, 4, 4, 6]] * 3, [9, 6, 6, 6, 9]]
    assert integer_gain(np.array([[4.0, 2.0], [2.0, 1.0]]), 127).tolist() == [[4, 2], [2, 1]]
    assert integer_gain(np.ones((2, 2)) * 1.7, 127).tolist() == [[1, 1], [1, 1]]


@pytest.mark.parametrize("bits", range(2, 9))
def test_gains_never_exceed_a_mantissa(bits: int) -> None:
    limit = 2 ** (bits - 1) - 1
    for gain in ([1.0, 1.5, 2.25], [1.0, 2.0, 4.0], [1.0, np.pi, 9.0], [1.0, 300.0]):
        found = integer_gain(np.array([gain]), limit)
        assert found.min() >= 1
        assert found.max() <= limit


@pytest.mark.parametrize("size", [2, 3])
@pytest.mark.parametrize("bits", range(2, 9))
def test_a_pool_over_valid_pixels_is_quantised_at_any_width(bits: int, size: int) -> None:
    """127 / 4 rounds up to 32, and 32 * 4 would be 128."""
    layer = pool((5, 5, 2), size, 2)
    network = quantise(_network((5, 5, 2), with_kernel(layer, layer.kernel * 0.01)), bits=bits)
    projection = network.projections[0]
    assert projection.largest_weight <= 2 ** (bits - 1) - 1
    assert (projection.geometry.kernel > 0).all()


def test_an_exact_gain_gives_exact_averages() -> None:
    layer = pool((5, 5, 1), 3, 2)
    network = quantise(_network((5, 5, 1), with_kernel(layer, layer.kernel / 255)))
    x = np.full((1, 5, 5, 1), 100, np.int64)
    summed = apply(network.projections[0].geometry, x)
    assert len(np.unique(summed)) == 1, "the average of a constant is constant, borders included"


def test_inexact_gains_are_right_where_most_positions_are() -> None:
    average = pool((9, 9, 1), 3, 1)
    layer = with_kernel(average, average.kernel / 255)
    network = quantise(_network((9, 9, 1), layer), bits=4)
    real, integer = apply(layer, np.ones((1, 9, 9, 1))), apply(network.projections[0].geometry, np.ones((1, 9, 9, 1)))
    scaled = integer * 2.0 ** LOIHI2.shift(network.projections[0].exponent) / network.by_name["p"].vth
    np.testing.assert_allclose(scaled[0, 4, 4], real[0, 4, 4], rtol=0.01)


@pytest.mark.parametrize("bits", [2, 3, 8])
@pytest.mark.parametrize("timesteps", [1, 2, 32])
def test_rounding_up_many_weights_never_leaves_the_range(bits: int, timesteps: int) -> None:
    """At 2 bits, weights of 0.51 of the largest become the largest: the sum doubles."""
    kernel = np.full((200, 3), 0.51)
    kernel[0] = 1.0
    for factor in np.geomspace(1e-6, 1e2, 17):
        network = quantise(_network((1, 1, 200), Dense(kernel * factor), timesteps=timesteps), bits=bits)
        assert all(max(-r.one_step_low, r.one_step_high) <= LOIHI2.potential_max for r in one_step_bound(network))


@MANY
@given(st.integers(0, 10**6), st.booleans())
def test_the_float_engine_runs_generated_integers_spike_for_spike(seed: int, rails: bool) -> None:
    network = random_network(seed, rails=rails, ports=seed % 2 == 0)
    q = random_images(network, 2, seed)
    _assert_engines_agree(network, q)


@settings(MANY, max_examples=40)
@given(graphs(), st.integers(2, 8))
def test_the_float_engine_runs_converted_integers_spike_for_spike(graph: Graph, bits: int) -> None:
    network = quantise(_converted(graph)[0], bits=bits)
    _assert_engines_agree(network, random_images(network, 2))


def _assert_engines_agree(network: QuantisedNetwork, q: dict[str, Array], engine: Callable[..., ActivityOf] = fast) -> None:
    wanted = Recording(frozenset(network.by_name), over_time=True)
    integer, real = engine(network, q, network.timesteps, wanted), floating(as_float(network), q, network.timesteps, wanted)
    for name in network.by_name:
        a, b = integer[name], real[name]
        assert a.raster is not None and b.raster is not None
        assert (a.raster == b.raster).all(), name
        assert (a.potential == b.potential).all(), name
        assert (a.saturated_low, a.saturated_high) == (b.saturated_low, b.saturated_high), name


@settings(MANY, max_examples=25)
@given(st.integers(0, 10**6), st.booleans())
def test_the_float_engine_and_golden_agree_on_sparse_networks(seed: int, rails: bool) -> None:
    network = random_network(seed, rails=rails, ranges=True, sparse=True)
    _assert_engines_agree(network, random_images(network, 2, seed), golden)


def test_the_bound_of_a_sparse_channel_is_its_neuron_of_the_largest_sum() -> None:
    weights, sources, targets = np.array([5, 6, -7, 100, -1, -9], np.int8), np.array([0, 1, 2, 3, 0, 1]), np.array([0, 0, 0, 2, 3, 3])
    network = _single(from_synapses(weights, sources, targets, (1, 2, 2), (1, 2, 2)), exponent=-6)
    bound = one_step_bound(network)[0]
    assert (bound.one_step_low, bound.one_step_high) == (-10 * 255, 100 * 255)


def test_channels_of_a_sparse_have_units_of_their_own() -> None:
    """The largest weight of a channel, wherever on the map, takes the whole mantissa; what rounds to 0 is no synapse."""
    weights = np.array([0.5, 1e-6, 3.0, 0.25])
    geometry = from_synapses(weights, np.array([0, 1, 2, 3]), np.array([0, 1, 2, 3]), (1, 2, 2), (1, 2, 2))
    integer = quantise(_network((1, 2, 2), geometry)).projections[0].geometry
    assert isinstance(integer, Sparse)
    assert (integer.kernel.tolist(), integer.sources.tolist(), integer.starts.tolist()) == ([21, 127, 127], [0, 2, 3], [0, 1, 1, 2, 3])


def test_logits_of_both_engines_are_in_the_models_units() -> None:
    network = random_network(7)
    x = {name: q.astype(float) for name, q in random_images(network, 2).items()}
    a, b = ecc_lava.simulate(network, x), ecc_lava.simulate(as_float(network), x, backend="float")
    np.testing.assert_allclose(a.logits, b.logits, rtol=1e-6)


def test_eight_bits_are_close_to_the_real_network() -> None:
    rng = np.random.default_rng(0)
    network = _network((5, 5, 2), Conv(rng.normal(0, 0.002, (3, 3, 2, 4))), timesteps=32, bias=0.1)
    x = rng.integers(0, 256, (6, 5, 5, 2)).astype(float)
    real = ecc_lava.simulate(network, x, backend="float", record=["p"]).counts["p"].astype(int)
    integer = ecc_lava.simulate(quantise(network), x, record=["p"]).counts["p"].astype(int)
    assert np.abs(real - integer).max() <= 1
    assert (real > 0).any()


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
    network = _single(Conv(kernel), exponent=0, bias=7)
    bound = one_step_bound(network)[0]
    assert (bound.one_step_low, bound.one_step_high) == (-5 * 255 * 64 + 7, 3 * 255 * 64 + 7)
    worst = {"input": np.array([[[[255, 0]]], [[[0, 255]]]], np.uint8)}
    assert _one_step_inputs(network, worst)["p"].ravel().tolist()[:: network.timesteps] == [bound.one_step_high, bound.one_step_low]
    assert bound.all_steps_fit
    assert (bound.worst_channel, bound.all_steps) == (0, 4 * (5 * 255 * 64 - 7))


def test_a_bound_beyond_the_range_says_which_channel_and_how_far() -> None:
    network = _single(Conv(np.array([[[[3, -5]]]], np.int8)), exponent=5)
    bound = one_step_bound(network)[0]
    assert (bound.name, bound.worst_channel, bound.all_steps) == ("p", 1, 4 * 5 * 255 * 2**11)
    assert not bound.all_steps_fit


def _single(geometry: Conv | Sparse, exponent: int, bias: int = 0) -> QuantisedNetwork:
    zero = np.zeros((1, 1, 1), np.int32)
    source = geometry.source if isinstance(geometry, Sparse) else (1, 1, geometry.kernel.shape[2])
    target = target_shape(geometry, source)
    populations = (
        QuantisedPopulation("input", source, Kind.INPUT, 0, zero, zero, zero),
        QuantisedPopulation("p", target, Kind.IF, 1, zero + bias, zero + 100, zero),
        QuantisedPopulation("out", (1, 1, 1), Kind.READOUT, 2, zero, zero, zero),
    )
    projections = (
        QuantisedProjection("input", "p", 0, exponent, geometry),
        QuantisedProjection("p", "out", 0, 0, Dense(np.ones((int(np.prod(target)), 1), np.int8))),
    )
    return QuantisedNetwork(populations, projections, LOIHI2, 8, (InputCoding(),), 4, (1.0,))


def test_an_input_that_can_leave_the_range_is_named() -> None:
    kernel = np.zeros((1, 1, 40, 3), np.int8)
    kernel[..., 1] = -127
    with pytest.raises(RangeError, match=r"channel 1 of population 'p': one step's input can reach 82905600; the potential holds 8388607"):
        one_step_bound(_single(Conv(kernel), exponent=0))


@pytest.mark.parametrize("inputs", [300, 784, 10_000])
def test_inputs_too_many_for_any_exponent_use_part_of_the_mantissa(inputs: int) -> None:
    kernel = np.full((inputs, 2), 0.5)
    kernel[:, 1] = -0.25
    network = quantise(_network((1, 1, inputs), Dense(kernel)))  # which audits its ranges
    (projection, _), population = network.projections, network.by_name["p"]
    mantissas = projection.geometry.kernel.astype(np.float64)
    assert 0 < np.abs(mantissas).max() < 127
    unit = 2.0 ** network.format.shift(projection.exponent) / population.vth.ravel()
    assert (np.abs(mantissas * unit - kernel) <= 0.51 * unit).all()


def test_a_readout_that_saturates_is_an_error() -> None:
    network = _single(Conv(np.full((1, 1, 1, 1), 100, np.int8)), exponent=0)
    readout = replace(network.readout, bias=np.full((1, 1, 1), -(2**22), np.int32))
    network = replace(network, populations=(*network.populations[:-1], readout))
    for backend in ("fast", "golden"):
        with pytest.raises(RangeError, match="'out' left"):
            ecc_lava.simulate(network, np.zeros((1, 1, 1, 1)), backend=backend)


def test_numbers_outside_a_format_are_refused() -> None:
    network = _single(Conv(np.ones((1, 1, 1, 1), np.int8)), exponent=0)

    def changed(**fields: int) -> QuantisedNetwork:
        values = {name: np.full((1, 1, 1), value, np.int32) for name, value in fields.items()}
        return replace(network, populations=(network.input, replace(network.populations[1], **values), network.readout))  # type: ignore[arg-type]

    for field in ("bias", "vth", "v_init"):
        with pytest.raises(RangeError, match=f"{field} of population 'p' reaches 8388608; loihi2 holds 8388607"):
            changed(**{field: 2**23})
        assert changed(**{field: 2**23 - 1})
    with pytest.raises(RangeError, match="must be at least 1"):
        changed(vth=0)
    with pytest.raises(RangeError, match="a weight 'input' -> 'p' is 100; 7 bits hold 63"):
        replace(_single(Conv(np.full((1, 1, 1, 1), 100, np.int8)), 0), bits=7)
    with pytest.raises(InvalidInput, match="exponent 8"):
        _single(Conv(np.ones((1, 1, 1, 1), np.int8)), exponent=8)
    with pytest.raises(InvalidNetwork, match="must be int8"):
        QuantisedProjection("input", "p", 0, 0, Dense(np.ones((1, 1))))


def test_the_digest_changes_with_every_number() -> None:
    network = next(
        n
        for n in (random_network(seed) for seed in range(50))
        if any(isinstance(p.geometry, Conv) and p.geometry.gain is not None for p in n.projections)
    )
    seen = {network.digest}

    def note(changed: QuantisedNetwork) -> None:
        assert changed.digest not in seen
        seen.add(changed.digest)

    for index, population in enumerate(network.populations[1:], 1):
        for field in ("bias", "v_init") if population.kind is Kind.READOUT else ("bias", "vth", "v_init"):
            value = getattr(population, field).copy()
            value.flat[-1] += 1
            others = list(network.populations)
            others[index] = replace(population, **{field: value})
            note(replace(network, populations=tuple(others)))
    for index, projection in enumerate(network.projections):
        kernel = projection.geometry.kernel.copy()
        kernel.flat[0] += 1 if kernel.flat[0] < 20 else -1
        variants = [
            replace(projection, geometry=with_kernel(projection.geometry, kernel)),
            replace(projection, exponent=projection.exponent + 1),
            replace(projection, bits=7 if projection.largest_weight < 64 else 9),
        ]
        if isinstance(projection.geometry, Conv) and projection.geometry.gain is not None:
            gain = projection.geometry.gain.copy()
            gain.flat[0] = gain.flat[0] % 4 + 1
            variants.append(replace(projection, geometry=with_kernel(projection.geometry, projection.geometry.kernel, gain)))
        for variant in variants:
            others_p = list(network.projections)
            others_p[index] = variant
            note(replace(network, projections=tuple(others_p)))
    note(replace(network, timesteps=network.timesteps + 1))
    note(replace(network, logit_scales=(network.logit_scales[0] * 2,)))
    note(replace(network, codings=(InputCoding(offset=0.5),)))
    assert replace(network, trace=("elsewhere",)).digest == network.digest


def test_a_step_population_with_a_positive_threshold_keeps_its_bias() -> None:
    one = np.ones((1, 1, 1))
    step = Population("s", (1, 1, 1), Kind.STEP, bias=12 * one, vth=10 * one, v_init=0 * one, lambda_=one)
    network, x = through_one_neuron(step, 4), np.ones((1, 4, 1, 1, 1), np.uint8)
    fired = ecc_lava.simulate(quantise(network), x).spike_counts["s"]
    assert fired == ecc_lava.simulate(network, x, backend="float").spike_counts["s"] == 4
