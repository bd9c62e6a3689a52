"""Number formats: what each holds, that quantised numbers are among it, and what is refused."""

from __future__ import annotations

import itertools
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import ecc_lava
from ecc_lava.common.arrays import Array
from ecc_lava.errors import FileError, InvalidInput, RangeError
from ecc_lava.formats.loihi1 import LOIHI1
from ecc_lava.formats.loihi2 import LOIHI2
from ecc_lava.formats.number_format import NumberFormat
from ecc_lava.formats.table import FORMATS
from ecc_lava.geometry import Conv, Dense, with_kernel
from ecc_lava.graph.graph import Graph
from ecc_lava.inputs import InputCoding
from ecc_lava.networks import QuantisedNetwork, QuantisedPopulation, QuantisedProjection
from ecc_lava.networks.spiking import Population, Projection, SpikingNetwork
from ecc_lava.networks.wiring import Kind
from ecc_lava.quantisation.as_float import as_float
from ecc_lava.quantisation.quantise import quantise
from ecc_lava.quantisation.range_audit import one_step_bound
from ecc_lava.quantisation.shared_thresholds import shared_thresholds
from ecc_lava.quantisation.widths import as_bits, bits_of
from tests.helpers.graphs import graphs
from tests.helpers.networks import random_network

SOME = settings(derandomize=True, deadline=None, max_examples=30, suppress_health_check=[HealthCheck.too_slow])
BY_NAME = pytest.mark.parametrize("format", FORMATS.values(), ids=list(FORMATS))


def _network(kernel: Array, bias: Array | float = 0.0, timesteps: int = 8) -> SpikingNetwork:
    """Return input -> "p" -> a readout "out" of one value, rate-coded."""
    one, zero = np.ones((1, 1, 1)), np.zeros((1, 1, 1))
    channels = kernel.shape[3]
    populations = (
        Population("input", (4, 4, kernel.shape[2]), Kind.INPUT, zero, one, zero, one),
        Population("p", (4, 4, channels), Kind.IF, zero + bias, one, 0.5 * one, one),
        Population("out", (1, 1, 1), Kind.READOUT, zero, one, zero, one),
    )
    side = kernel.shape[0] // 2
    projections = (
        Projection("input", "p", Conv(kernel, padding=(side,) * 4)),
        Projection("p", "out", Dense(np.linspace(-0.01, 0.01, 16 * channels)[:, None])),
    )
    return SpikingNetwork(populations, projections, (InputCoding("rate"),), timesteps)


def _kernel(channels: int, spread: float = 0.5, seed: int = 0) -> Array:
    """Return 3x3 weights whose channels are of different sizes."""
    rng = np.random.default_rng(seed)
    return rng.normal(0, 0.1, (3, 3, 3, channels)) * np.exp(rng.normal(0, spread, channels))


def _integers(format: NumberFormat, weight: int = 16, bits: int = 8, **neuron: int) -> QuantisedNetwork:
    """Return a network of single numbers in a format."""
    values = {"bias": 0, "vth": 128, "v_init": 0, **neuron}
    bias, vth, v_init = (np.full((1, 1, 1), values[name], np.int32) for name in ("bias", "vth", "v_init"))
    zero = np.zeros((1, 1, 1), np.int32)
    populations = (
        QuantisedPopulation("input", (1, 1, 1), Kind.INPUT, 0, zero, zero, zero),
        QuantisedPopulation("p", (1, 1, 1), Kind.IF, 1, bias, vth, v_init),
        QuantisedPopulation("out", (1, 1, 1), Kind.READOUT, 2, zero, zero, zero),
    )
    one = Dense(np.full((1, 1), weight, np.int8))
    projections = (QuantisedProjection("input", "p", 0, 0, one, bits), QuantisedProjection("p", "out", 0, 0, one, bits))
    return QuantisedNetwork(populations, projections, format, bits, (InputCoding("rate"),), 4, (1.0,))


# --- what formats hold -------------------------------------------------------------------------------------------------------------


def test_biases_of_loihi1_are_mantissas_and_shifts() -> None:
    """Every integer goes to the nearest of all representable ones."""
    mantissas = np.arange(-4095, 4096, dtype=np.int64)
    held = np.unique(np.concatenate([mantissas << shift for shift in range(8)]))
    assert held[-1] == LOIHI1.bias_max == 4095 * 128
    assert (LOIHI1.rounded_bias(held) == held).all()
    x = np.concatenate([np.arange(-9000, 9000), np.random.default_rng(0).integers(-held[-1], held[-1], 20_000)])
    after = np.searchsorted(held, x).clip(1, len(held) - 1)
    nearest = np.minimum(np.abs(held[after] - x), np.abs(held[after - 1] - x))
    rounded = LOIHI1.rounded_bias(x)
    assert np.isin(rounded, held).all()
    assert (np.abs(rounded - x) == nearest).all()


def test_numbers_of_loihi2_are_whole() -> None:
    x = np.random.default_rng(0).uniform(-(2**23) + 1, 2**23 - 1, 1000)
    assert (LOIHI2.rounded_bias(x) == np.rint(x)).all()
    assert (LOIHI2.rounded_vth(np.abs(x)) == np.rint(np.abs(x))).all()
    assert (LOIHI2.vth_min, LOIHI2.vth_max, LOIHI2.bias_max) == (1, 2**23 - 1, 2**23 - 1)


def test_thresholds_of_loihi1_are_shifted_by_six() -> None:
    assert (LOIHI1.vth_min, LOIHI1.vth_max) == (64, (2**17 - 1) * 64)
    assert LOIHI1.vth_max <= LOIHI1.potential_max
    assert LOIHI1.rounded_vth(np.array([64, 95, 97, 8388544])).tolist() == [64, 64, 128, 8388544]


@pytest.mark.parametrize("bits", range(2, 9))
def test_weights_of_fewer_bits(bits: int) -> None:
    """On loihi1 the low bits go, on loihi2 the high ones."""
    assert [f.mantissa_max(bits) for f in (LOIHI1, LOIHI2)] == [2 ** (bits - 1) - 1] * 2
    assert [f.dropped_bits(bits) for f in (LOIHI1, LOIHI2)] == [8 - bits, 0]
    on_chip = np.arange(-LOIHI1.mantissa_max(bits), LOIHI1.mantissa_max(bits) + 1) * 2 ** LOIHI1.dropped_bits(bits) * LOIHI1.weight_step
    assert np.abs(on_chip).max() == 256 - 2 ** (9 - bits)
    assert set(np.diff(on_chip)) == {2 ** (9 - bits)}
    assert LOIHI1.shift(-6) == 1
    assert LOIHI2.shift(-6) == 0


def test_widths_that_a_format_has_not() -> None:
    assert LOIHI2.mantissa_max(1) == 1
    for format, bits in ((LOIHI1, 1), (LOIHI1, 17), (LOIHI2, 17), (LOIHI2, 0)):
        with pytest.raises(InvalidInput, match=f"{bits} bits a weight; {format.name} holds 2 to 8"):
            format.mantissa_max(bits)
    with pytest.raises(InvalidInput, match="must be a power of two"):
        replace(LOIHI1, weight_step=3)


@pytest.mark.parametrize(
    ("numbers", "says"),
    [
        ({"bias": 4097}, r"bias of population 'p' is 4097 in channel 0; the nearest that loihi1 holds is 4096"),
        ({"bias": -524161}, r"bias of population 'p' reaches 524161; loihi1 holds 524160"),
        ({"vth": 100}, r"vth of population 'p' is 100 in channel 0; the nearest that loihi1 holds is 128"),
        ({"vth": 8388545}, r"vth of population 'p' reaches 8388545; loihi1 holds 8388544"),
        ({"vth": 0}, r"vth of population 'p' is 0; it must be at least 64"),
        ({"v_init": 8388608}, r"v_init of population 'p' reaches 8388608; loihi1 holds 8388607"),
        ({"weight": 24, "bits": 4}, r"a weight 'input' -> 'p' is no multiple of 16; 4 bits of loihi1 hold no others"),
        ({"weight": -128}, r"a weight 'input' -> 'p' is 128; 8 bits hold 127"),
    ],
)
def test_numbers_outside_loihi1_are_refused(numbers: dict[str, int], says: str) -> None:
    with pytest.raises(RangeError, match=says):
        _integers(LOIHI1, **numbers)


@pytest.mark.parametrize(
    "numbers",
    [
        {"bias": -524160},
        {"bias": 4098},
        {"vth": 8388544},
        {"vth": 64},
        {"v_init": -8388607},
        {"v_init": 12345},
        {"weight": 127},
        {"weight": -112, "bits": 4},
        {"weight": 64, "bits": 2},
    ],
)
def test_numbers_at_the_limits_of_loihi1_are_held(numbers: dict[str, int]) -> None:
    network = _integers(LOIHI1, **numbers)
    assert ecc_lava.simulate(network, np.ones((1, 1, 1, 1)), timesteps=1).timesteps == 1


def test_a_seventeenth_threshold_is_refused() -> None:
    network = quantise(_network(_kernel(17)), format="loihi1")
    population = network.by_name["p"]
    vth = 64 * np.arange(1, 18, dtype=np.int32).reshape(1, 1, 17)
    with pytest.raises(RangeError, match="population 'p' has 17 distinct thresholds; loihi1 holds 16"):
        replace(network, populations=(network.input, replace(population, vth=vth), network.readout))


# --- what the quantiser makes ------------------------------------------------------------------------------------------------------


@SOME
@given(graphs(), st.integers(2, 8), st.sampled_from(["ecc", "channel"]), st.sampled_from([1, 32]), st.sampled_from(["layer", "channel"]))
def test_quantised_numbers_are_always_representable(graph: Graph, bits: int, recipe: str, timesteps: int, per: str) -> None:
    """`QuantisedNetwork` refuses any that is not."""
    x = np.random.default_rng(1).uniform(-1, 1, (4, *graph.input.shape))
    snn = ecc_lava.convert(graph, calibration=x, timesteps=timesteps, recipe=recipe, format="loihi1")
    network = quantise(snn, format="loihi1", bits=bits, per=per)
    step = 2 ** (8 - bits)
    for projection in network.projections:
        assert not (projection.geometry.kernel % step).any()
        assert projection.largest_weight <= 128 - step
    for population in network.populations:
        assert not (population.vth % 64).any()
        assert len(np.unique(population.vth)) <= (1 if per == "layer" else 16)
        assert (LOIHI1.rounded_bias(population.bias) == population.bias).all()
    assert all(max(-r.one_step_low, r.one_step_high) <= 2**23 - 1 for r in one_step_bound(network))


@BY_NAME
@pytest.mark.parametrize("per", ["layer", "channel"])
@pytest.mark.parametrize("widest", [False, True])
@pytest.mark.parametrize("channels", [5, 40])
def test_every_weight_is_off_by_half_a_unit_at_most(format: NumberFormat, per: str, widest: bool, channels: int) -> None:
    bits = format.weight_bits if widest else 3
    real = _network(_kernel(channels), bias=np.random.default_rng(1).normal(0, 0.3, (1, 1, channels)))
    network = quantise(real, format=format, bits=bits, per=per)
    projection, population = network.projections[0], network.by_name["p"]
    unit = 2.0 ** (format.shift(projection.exponent) + format.dropped_bits(bits)) / population.vth.ravel()
    error = np.abs(projection.geometry.kernel / 2.0 ** format.dropped_bits(bits) * unit - real.projections[0].geometry.kernel)
    assert (error <= 0.5 * unit * 1.001).all()
    half_step = 2.0**-12 * np.abs(population.bias) + 0.5  # of 13 bits, the first is the sign and the second 1
    assert (np.abs(population.bias - real.by_name["p"].bias * population.vth) <= half_step * 1.001).all()
    most = np.abs(projection.geometry.kernel.astype(int)).max(axis=(0, 1, 2)) >> format.dropped_bits(bits)
    assert most.max() == format.mantissa_max(bits)
    if per == "channel" and channels < 16:
        assert (most >= format.mantissa_max(bits) - 1).all(), "few channels lose nothing to shared thresholds"
    assert len(np.unique(population.vth)) == (1 if per == "layer" else min(channels, format.vth_distinct or channels))


def test_a_unit_per_layer_costs_small_channels_their_bits() -> None:
    kernel = np.concatenate([_kernel(2), 0.1 * _kernel(2)], axis=3)
    largest = {
        per: np.abs(quantise(_network(kernel), per=per).projections[0].geometry.kernel.astype(int)).max(axis=(0, 1, 2))
        for per in ("layer", "channel")
    }
    assert largest["channel"].min() > 64
    assert largest["layer"].max() == 127
    assert largest["layer"].min() < 30
    with pytest.raises(InvalidInput, match="units per 'row'; they are per 'channel' or per 'layer'"):
        quantise(_network(kernel), per="row")


def test_a_bias_that_silences_a_neuron_takes_no_unit_away() -> None:
    """A dead channel may have a bias of any size: below what inputs can outweigh, its size says nothing."""
    bias = np.array([0.1, -1e6, 0.2]).reshape(1, 1, 3)
    network = quantise(_network(_kernel(3, spread=0.0), bias), format="loihi1")
    assert (np.abs(network.projections[0].geometry.kernel.astype(int)).max(axis=(0, 1, 2)) > 64).all()
    result = ecc_lava.simulate(network, np.full((1, 4, 4, 3), 255.0), record=["p"])
    assert not result.counts["p"][..., 1].any()


def test_binarised_weights_take_two_bits_on_loihi1() -> None:
    kernel = np.sign(_kernel(4)) * 0.1
    networks = {name: quantise(_network(kernel), format=format, bits=format.weight_bits) for name, format in FORMATS.items()}
    bits = {name: network.projections[0].bits for name, network in networks.items()}
    assert bits == {name: format.binary_bits for name, format in FORMATS.items()}
    assert (bits["loihi1"], bits["loihi2"]) == (2, 1)
    assert set(np.unique(networks["loihi1"].projections[0].geometry.kernel)) == {-64, 64}


@BY_NAME
def test_engines_agree_in_both_formats(format: NumberFormat) -> None:
    network = quantise(_network(_kernel(20), bias=0.1), format=format, bits=5)
    x = np.random.default_rng(0).integers(0, 256, (3, 4, 4, 3)).astype(np.float64)
    runs = [ecc_lava.simulate(network, x, backend=b, record=["p", "out"]) for b in ("golden", "fast")]
    runs.append(ecc_lava.simulate(as_float(network), x, backend="float", record=["p", "out"]))
    for other in runs[1:]:
        for name in ("p", "out"):
            assert (other.counts[name] == runs[0].counts[name]).all()
            assert (other.potential[name] == runs[0].potential[name]).all()


@BY_NAME
def test_networks_of_both_formats_are_stored(format: NumberFormat, tmp_path: Path) -> None:
    network = quantise(_network(_kernel(20)), format=format, bits={"p": 4, "default": 6})
    ecc_lava.save(tmp_path / "net.h5", network)
    loaded = ecc_lava.load(tmp_path / "net.h5")[0]
    assert loaded.digest == network.digest
    assert loaded.format == format
    assert [p.bits for p in loaded.projections] == [4, 6]


def test_thresholds_too_small_for_loihi1_are_named() -> None:
    network = _network(np.linspace(0.9, 1.0, 200_000).reshape(1, 1, -1, 1), timesteps=1)
    with pytest.raises(RangeError, match=r"channel 0 of population 'p': one step's input can be 1.9e\+05 times its threshold"):
        quantise(network, format="loihi1")


# --- shared thresholds -------------------------------------------------------------------------------------------------------------


@SOME
@given(st.lists(st.floats(3, 40), min_size=1, max_size=7), st.integers(1, 4))
def test_no_other_thresholds_have_less_variance(limits: list[float], number: int) -> None:
    given_, step = np.array(limits), 3
    found = shared_thresholds(given_, number, step)
    assert (found <= given_).all()
    assert not (found % step).any()
    assert len(np.unique(found)) <= number
    candidates = sorted(set(np.floor(given_ / step) * step))
    variances = []
    for thresholds in itertools.combinations(candidates, min(number, len(candidates))):
        if thresholds[0] == candidates[0]:  # else the least channel has none
            chosen = np.array(thresholds)[np.searchsorted(thresholds, given_, side="right") - 1]
            variances.append((1.0 / chosen**2).sum())
    assert (1.0 / found**2).sum() == pytest.approx(min(variances))


def test_up_to_sixteen_channels_keep_their_thresholds() -> None:
    limits = np.random.default_rng(0).uniform(64, 10_000, 16)
    assert (shared_thresholds(limits, 16, 64) == np.floor(limits / 64) * 64).all()


# --- widths ------------------------------------------------------------------------------------------------------------------------


def test_bits_by_population() -> None:
    real = _network(_kernel(4))
    for bits in ({"p": 4, "out": 6}, {"p": 4, "default": 6}, {"out": 6, "default": 4}):
        network = quantise(real, bits=bits)
        assert [p.bits for p in network.projections] == [4, 6]
        assert network.bits == 6
        assert [p.largest_weight for p in network.projections] == [7, 31]
    assert [p.bits for p in quantise(real, bits=5).projections] == [5, 5]
    wide = network.projections[0]
    with pytest.raises(RangeError, match="4 bits hold 7"):
        replace(network, projections=(replace(wide, geometry=with_kernel(wide.geometry, wide.geometry.kernel * 2)), network.projections[1]))


@BY_NAME
def test_the_default_width_is_the_widest_up_to_eight(format: NumberFormat) -> None:
    assert [replace(format, weight_bits=widest).default_bits for widest in (6, 8, 9)] == [6, 8, 8]
    for held in (format, replace(format, weight_bits=6)):
        assert quantise(_network(_kernel(2)), format=held).bits == held.default_bits


@pytest.mark.parametrize(
    ("bits", "says"),
    [
        ({"q": 4, "default": 8}, "bits for 'q': no population of that name has weights; there are p, out and 'default'"),
        ({"input": 4, "default": 8}, "bits for 'input': no population"),
        ({"p": 4}, "bits: no width for out; name them, or give 'default'"),
        ({"p": 1, "default": 8}, "1 bits a weight for 'p'; loihi2 holds 2 to 8"),
        ({"p": 17, "default": 8}, "17 bits a weight for 'p'"),
        ({"default": 1}, "1 bits a weight; loihi2 holds 2 to 8"),
        ({"p": 4.0, "default": 8}, "bits for 'p': 4.0 is not a whole number"),
        ({"p": True, "default": 8}, "bits for 'p': True is not a whole number"),
        ({"p": "4", "default": 8}, "bits for 'p': '4' is not a whole number"),
        ({}, "no width for p, out"),
    ],
)
def test_wrong_widths_are_refused(bits: dict[str, Any], says: str) -> None:
    with pytest.raises(InvalidInput, match=says):
        quantise(_network(_kernel(2)), bits=bits)


def test_widths_from_text_or_file(tmp_path: Path) -> None:
    path = tmp_path / "bits.json"
    path.write_text(json.dumps({"p": 4, "default": 6}))
    assert as_bits("7") == 7
    assert as_bits(str(path)) == {"p": 4, "default": 6}
    assert bits_of(as_bits(str(path)), ["p", "q"], LOIHI2) == {"p": 4, "q": 6}
    with pytest.raises(InvalidInput, match="neither a number nor a file"):
        as_bits("eight")
    for content, says in (("[4]", "holds list"), ("{", "not JSON"), ("[" * 100_000, "not JSON")):
        path.write_text(content)
        with pytest.raises(FileError, match=says):
            as_bits(str(path))


@pytest.mark.parametrize("bits", [np.int64(8), "8", 8.0, [8]])
def test_widths_of_no_known_type(bits: Any) -> None:
    with pytest.raises(InvalidInput, match="a whole number of type int, or a mapping"):
        quantise(as_float(random_network(3)), bits=bits)
