"""Weights wider than a mantissa: two synapses, whose sum is exact, on every back end, in files, on cores and in calibration."""

from __future__ import annotations

import re
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import ecc_lava
import hw_mappings
from ecc_lava.common.arrays import Array
from ecc_lava.errors import InvalidInput, RangeError
from ecc_lava.formats.table import number_format
from ecc_lava.geometry import Conv, Sparse, sums_by_sign, with_kernel
from ecc_lava.graph.graph import Graph
from ecc_lava.networks import QuantisedNetwork, SpikingNetwork
from ecc_lava.quantisation.as_float import as_float
from ecc_lava.quantisation.quantise import quantise
from ecc_lava.quantisation.range_audit import one_step_bound
from ecc_lava.quantisation.two_synapses import mantissas
from tests.helpers.compare import assert_deployed_alike
from tests.helpers.graphs import graphs
from tests.helpers.lava import needs_lava
from tests.helpers.small_networks import MANY, float_network

FEW = settings(MANY, max_examples=25)


def _converted(graph: Graph, timesteps: int = 8, recipe: str = "channel", **options: Any) -> tuple[SpikingNetwork, Array]:
    x = np.random.default_rng(1).uniform(-1, 1, (4, *graph.input.shape))
    return ecc_lava.convert(graph, calibration=x, timesteps=timesteps, recipe=recipe, **options), x


def _small() -> tuple[SpikingNetwork, Array]:
    """Return a network of one Conv, and images."""
    rng = np.random.default_rng(0)
    network = float_network((5, 6, 3), Conv(rng.normal(0, 0.3, (3, 3, 3, 4))))
    return network, rng.integers(0, 256, (2, 5, 6, 3)).astype(np.uint8)


@pytest.mark.parametrize("bits", range(9, 17))
def test_every_weight_is_the_sum_of_its_synapses(bits: int) -> None:
    format = number_format("loihi2")
    most, more = format.mantissa_max(bits), format.more_bits(bits)
    weights = np.arange(-most, most + 1)
    (higher, high), (zero, low) = mantissas(weights.astype(np.float64), more, 127)
    off = weights - (high.astype(int) * 2**more + low)
    assert (higher, zero) == (more, 0)
    assert max(np.abs(high.astype(int)).max(), np.abs(low.astype(int)).max()) <= 127
    assert (off * np.sign(weights) >= 0).all()  # never larger than it should be
    assert np.count_nonzero(off) == (254 if bits == 16 else 0)
    assert np.abs(off).max() <= 1


def _of_two(network: QuantisedNetwork, real: SpikingNetwork) -> list[tuple[int, int]]:
    """Return the places of each float projection's integer ones, (first, number)."""
    places, at = [], 0
    for p in real.projections:
        alone = isinstance(p.geometry, Sparse) or (isinstance(p.geometry, Conv) and p.geometry.gain is not None)
        places.append((at, 1 if alone else 2))
        at += places[-1][1]
    assert at == len(network.projections)
    return places


@FEW
@given(graphs(), st.integers(9, 16), st.sampled_from(["loihi1", "loihi2"]))
def test_two_synapses_are_nearer_to_the_weights_than_one(graph: Graph, bits: int, format: str) -> None:
    real, _ = _converted(graph, format=format)
    narrow, wide = quantise(real, format=format), quantise(real, format=format, bits=bits)
    held = number_format(format)
    for (first, number), p in zip(_of_two(wide, real), real.projections, strict=True):
        pieces = wide.projections[first : first + number]
        assert {(q.source, q.target) for q in pieces} == {(p.source, p.target)}
        assert all(held.exponent_min <= q.exponent <= held.exponent_max and q.bits == 8 for q in pieces)
        assert pieces[0].exponent - pieces[-1].exponent == (bits - 8 if number == 2 else 0)
        assert all(q.largest_weight <= 127 for q in pieces)
    assert narrow.bits == wide.bits == 8
    assert wide.quantisation is not None
    assert wide.quantisation.bits == bits


@FEW
@given(graphs(), st.integers(9, 16), st.sampled_from([(1, 1), (4, 1), (1, 8)]))
def test_back_ends_agree(graph: Graph, bits: int, run: tuple[int, int]) -> None:
    payload_bits, timesteps = run
    real, x = _converted(graph, timesteps, "channel", payload_bits=payload_bits)
    network = quantise(real, bits=bits)
    try:
        golden = ecc_lava.simulate(network, x[:3], backend="golden")
    except RangeError as error:  # a readout of wide weights, over eight steps
        with pytest.raises(RangeError, match=f"^{re.escape(str(error))}$"):
            ecc_lava.simulate(network, x[:3])
        return
    fast = ecc_lava.simulate(network, x[:3])
    assert all(np.array_equal(counts, fast.counts[name]) for name, counts in golden.counts.items())
    assert np.array_equal(golden.logits, fast.logits)
    if payload_bits == 1:
        floats = ecc_lava.simulate(as_float(network), x[:3], backend="float")
        assert all(np.array_equal(counts, floats.counts[name]) for name, counts in golden.counts.items())


def test_bounds_add_up_the_synapses_of_a_weight() -> None:
    network = quantise(_small()[0], bits=12)
    for population, found in zip(network.populations[1:], one_step_bound(network), strict=True):
        low = high = population.bias.astype(np.int64)
        kernel = sum(
            (p.geometry.kernel.astype(np.int64) * 2 ** network.format.shift(p.exponent) for p in network.into(population.name)), np.int64(0)
        )
        assert isinstance(kernel, np.ndarray)
        geometry = network.into(population.name)[0].geometry
        most = network.largest_sent[network.into(population.name)[0].source]
        negative, positive = sums_by_sign(with_kernel(geometry, kernel))
        assert found.one_step_high == int((high.reshape(-1, high.shape[2]).max(axis=0) + positive.max(axis=0) * most).max())
        assert found.one_step_low == int((low.reshape(-1, low.shape[2]).min(axis=0) + negative.min(axis=0) * most).min())


@pytest.mark.parametrize("recipe", ["best", "ecc"])
def test_the_recipes_calibrate_wide_weights(recipe: str) -> None:
    @settings(MANY, max_examples=6)
    @given(graphs(), st.sampled_from([(1, 8), (4, 1)]))
    def converts(graph: Graph, run: tuple[int, int]) -> None:
        real, x = _converted(graph, run[1], recipe, payload_bits=run[0], bits=16)
        with suppress(RangeError):  # of a readout, which eight steps of the widest weights may fill
            ecc_lava.simulate(quantise(real, bits=16), x[:2])

    converts()


@needs_lava
def test_widths_of_single_layers_survive_a_file_and_run_on_cores(tmp_path: Path) -> None:
    real, x = _small()
    first = real.populations[1].name
    network = quantise(real, bits={"default": 8, first: 16})
    assert [p.target for p in network.projections].count(first) == 2 * len(real.into(first))
    ecc_lava.save(tmp_path / "net.h5", network)
    assert ecc_lava.load(tmp_path / "net.h5")[0].digest == network.digest
    mapping = hw_mappings.map_network(network, chip=hw_mappings.LOIHI2)
    assert_deployed_alike(hw_mappings.deploy(network, mapping, x[:2]))


def test_more_bits_than_two_synapses_hold_are_refused() -> None:
    with pytest.raises(InvalidInput, match="17 bits a weight; loihi2 holds 2 to 8, and two synapses up to 16"):
        quantise(_small()[0], bits=17)
