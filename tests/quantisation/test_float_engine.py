"""The float engine on the integers' own numbers: spike for spike what the integer engines do."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

import ecc_lava
from ecc_lava.backends.activity import ActivityOf, Recording
from ecc_lava.backends.fast.run import fast
from ecc_lava.backends.stepwise import floating, golden
from ecc_lava.common.arrays import Array
from ecc_lava.geometry import Conv
from ecc_lava.graph.graph import Graph
from ecc_lava.networks import QuantisedNetwork
from ecc_lava.quantisation.as_float import as_float
from ecc_lava.quantisation.quantise import quantise
from tests.helpers.graphs import graphs
from tests.helpers.networks import random_images, random_network
from tests.helpers.small_networks import MANY, converted, float_network


@MANY
@given(st.integers(0, 10**6), st.booleans())
def test_the_float_engine_runs_generated_integers_spike_for_spike(seed: int, rails: bool) -> None:
    network = random_network(seed, rails=rails, ports=seed % 2 == 0)
    q = random_images(network, 2, seed)
    _assert_engines_agree(network, q)


@settings(MANY, max_examples=40)
@given(graphs(), st.integers(2, 8))
def test_the_float_engine_runs_converted_integers_spike_for_spike(graph: Graph, bits: int) -> None:
    network = quantise(converted(graph)[0], bits=bits)
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


def test_logits_of_both_engines_are_in_the_models_units() -> None:
    network = random_network(7)
    x = {name: q.astype(float) for name, q in random_images(network, 2).items()}
    a, b = ecc_lava.simulate(network, x), ecc_lava.simulate(as_float(network), x, backend="float")
    np.testing.assert_allclose(a.logits, b.logits, rtol=1e-6)


def test_eight_bits_are_close_to_the_real_network() -> None:
    rng = np.random.default_rng(0)
    network = float_network((5, 5, 2), Conv(rng.normal(0, 0.002, (3, 3, 2, 4))), timesteps=32, bias=0.1)
    x = rng.integers(0, 256, (6, 5, 5, 2)).astype(float)
    real = ecc_lava.simulate(network, x, backend="float", record=["p"]).counts["p"].astype(int)
    integer = ecc_lava.simulate(quantise(network), x, record=["p"]).counts["p"].astype(int)
    assert np.abs(real - integer).max() <= 1
    assert (real > 0).any()
