"""What the quantiser makes: numbers that the format holds, each off by half a unit at most."""

from __future__ import annotations

import itertools
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import ecc_lava
from ecc_lava.errors import InvalidInput, RangeError
from ecc_lava.formats.loihi1 import LOIHI1
from ecc_lava.formats.number_format import NumberFormat
from ecc_lava.formats.table import FORMATS
from ecc_lava.graph.graph import Graph
from ecc_lava.quantisation.as_float import as_float
from ecc_lava.quantisation.quantise import quantise
from ecc_lava.quantisation.range_audit import one_step_bound
from ecc_lava.quantisation.shared_thresholds import shared_thresholds
from tests.helpers.formats import BY_NAME, one_layer, random_kernel
from tests.helpers.graphs import graphs

SOME = settings(max_examples=30)


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
    real = one_layer(random_kernel(channels), bias=np.random.default_rng(1).normal(0, 0.3, (1, 1, channels)))
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
    kernel = np.concatenate([random_kernel(2), 0.1 * random_kernel(2)], axis=3)
    largest = {
        per: np.abs(quantise(one_layer(kernel), per=per).projections[0].geometry.kernel.astype(int)).max(axis=(0, 1, 2))
        for per in ("layer", "channel")
    }
    assert largest["channel"].min() > 64
    assert largest["layer"].max() == 127
    assert largest["layer"].min() < 30
    with pytest.raises(InvalidInput, match="units per 'row'; they are per 'channel' or per 'layer'"):
        quantise(one_layer(kernel), per="row")


def test_a_bias_that_silences_a_neuron_takes_no_unit_away() -> None:
    """A dead channel may have a bias of any size: below what inputs can outweigh, its size says nothing."""
    bias = np.array([0.1, -1e6, 0.2]).reshape(1, 1, 3)
    network = quantise(one_layer(random_kernel(3, spread=0.0), bias), format="loihi1")
    assert (np.abs(network.projections[0].geometry.kernel.astype(int)).max(axis=(0, 1, 2)) > 64).all()
    result = ecc_lava.simulate(network, np.full((1, 4, 4, 3), 255.0), record=["p"])
    assert not result.counts["p"][..., 1].any()


def test_binarised_weights_take_two_bits_on_loihi1() -> None:
    kernel = np.sign(random_kernel(4)) * 0.1
    networks = {name: quantise(one_layer(kernel), format=format, bits=format.weight_bits) for name, format in FORMATS.items()}
    bits = {name: network.projections[0].bits for name, network in networks.items()}
    assert bits == {name: format.binary_bits for name, format in FORMATS.items()}
    assert (bits["loihi1"], bits["loihi2"]) == (2, 1)
    assert set(np.unique(networks["loihi1"].projections[0].geometry.kernel)) == {-64, 64}


@BY_NAME
def test_engines_agree_in_both_formats(format: NumberFormat) -> None:
    network = quantise(one_layer(random_kernel(20), bias=0.1), format=format, bits=5)
    x = np.random.default_rng(0).integers(0, 256, (3, 4, 4, 3)).astype(np.float64)
    runs = [ecc_lava.simulate(network, x, backend=b, record=["p", "out"]) for b in ("golden", "fast")]
    runs.append(ecc_lava.simulate(as_float(network), x, backend="float", record=["p", "out"]))
    for other in runs[1:]:
        for name in ("p", "out"):
            assert (other.counts[name] == runs[0].counts[name]).all()
            assert (other.potential[name] == runs[0].potential[name]).all()


@BY_NAME
def test_networks_of_both_formats_are_stored(format: NumberFormat, tmp_path: Path) -> None:
    network = quantise(one_layer(random_kernel(20)), format=format, bits={"p": 4, "default": 6})
    ecc_lava.save(tmp_path / "net.h5", network)
    loaded = ecc_lava.load(tmp_path / "net.h5")[0]
    assert loaded.digest == network.digest
    assert loaded.format == format
    assert [p.bits for p in loaded.projections] == [4, 6]


def test_thresholds_too_small_for_loihi1_are_named() -> None:
    network = one_layer(np.linspace(0.9, 1.0, 200_000).reshape(1, 1, -1, 1), timesteps=1)
    with pytest.raises(RangeError, match=r"channel 0 of population 'p': one step's input can be 1.9e\+05 times its threshold"):
        quantise(network, format="loihi1")


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
