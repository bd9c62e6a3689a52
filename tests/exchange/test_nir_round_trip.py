"""Networks as NIR graphs and back: the same spikes and potentials, whatever the geometries, biases and payloads."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import ecc_lava
from ecc_lava import from_nir, to_nir
from ecc_lava.backends.activity import Activity, Recording
from ecc_lava.backends.stepwise import floating, golden
from ecc_lava.common import Array
from ecc_lava.errors import InvalidInput
from ecc_lava.geometry import Dense, apply
from ecc_lava.networks import Kind, QuantisedNetwork, SpikingNetwork
from tests.helpers.networks import random_images, random_network, with_payloads
from tests.helpers.small_networks import MANY, float_network

nir = pytest.importorskip("nir")


def _in_nir_order(values: Array) -> Array:
    """Return values of (..., H, W, C) as NIR orders them, without axes of a map."""
    return np.moveaxis(values, -1, -3).reshape(*values.shape[:-3], -1)


def _assert_equal(network: QuantisedNetwork, back: SpikingNetwork) -> None:
    q, recording = random_images(network, 2), Recording(frozenset(network.by_name))
    ours: dict[str, Activity] = golden(network, q, network.timesteps, recording)
    theirs = floating(back, q, network.timesteps, recording)
    for p in network.populations:
        if p.kind.spikes:
            one, other = ours[p.name].raster, theirs[p.name].raster
            assert one is not None and other is not None
            np.testing.assert_array_equal(_in_nir_order(one), _in_nir_order(other), err_msg=p.name)
        if p.kind is not Kind.INPUT:
            np.testing.assert_array_equal(_in_nir_order(ours[p.name].potential), _in_nir_order(theirs[p.name].potential), err_msg=p.name)


@given(seed=st.integers(0, 10**6), ranges=st.booleans(), sparse=st.booleans(), ports=st.booleans(), bits=st.integers(1, 4))
@settings(MANY, max_examples=20)
def test_generated_networks_come_back_with_the_same_spikes(seed: int, ranges: bool, sparse: bool, ports: bool, bits: int) -> None:
    network = random_network(seed, layers=3, timesteps=4, ranges=ranges, sparse=sparse, ports=ports)
    if bits > 1:
        network = with_payloads(network, seed, bits, signed=False)
    _assert_equal(network, from_nir(to_nir(network)))


def test_a_file_says_what_the_graph_says(tmp_path: Path) -> None:
    network = random_network(3, ranges=True)
    graph = to_nir(network, tmp_path / "net.nir")
    back = from_nir(tmp_path / "net.nir")
    _assert_equal(network, back)
    assert (back.timesteps, back.codings) == (network.timesteps, network.codings)
    read = nir.read(tmp_path / "net.nir", type_check=False)
    assert set(read.nodes) == set(graph.nodes)
    for name, node in read.nodes.items():
        assert type(node) is type(graph.nodes[name])


def test_floats_come_back_with_the_same_logits() -> None:
    network = float_network((3, 3, 2), Dense(np.random.default_rng(1).normal(size=(18, 4))), bias=0.25)
    x = np.random.default_rng(2).uniform(size=(5, 3, 3, 2))
    one, other = (ecc_lava.simulate(n, x, backend="float") for n in (network, from_nir(to_nir(network))))
    np.testing.assert_array_equal(one.logits, other.logits)


def test_every_number_of_a_convolution_is_explicit() -> None:
    for seed in range(8):
        for node in to_nir(random_network(seed, ranges=True)).nodes.values():
            if isinstance(node, nir.Conv2d):
                assert (node.groups, tuple(node.dilation)) == (1, (1, 1))
                assert not isinstance(node.padding, str)
                assert node.input_shape is not None


def test_integer_potentials_begin_half_a_unit_higher_so_that_both_rules_of_firing_agree() -> None:
    network = random_network(5)
    graph = to_nir(network)
    for name in ("p0", "p1"):
        told = graph.nodes[name].metadata["ecc_lava"]["v_init"]
        assert (told % 1 == 0.5).all()
        assert (graph.nodes[name].v_threshold % 1 == 0).all()
    back = from_nir(graph)
    assert (back.by_name["p0"].v_init % 1 == 0).all()


def test_what_nir_cannot_say_is_named() -> None:
    signed = with_payloads(random_network(2), 2, 3, signed=True)
    with pytest.raises(InvalidInput, match=r"(?s)4 population.*p0, p1, p2, p3: takes spikes back"):
        to_nir(signed)
    with pytest.raises(InvalidInput, match="no timesteps"):
        to_nir(replace(float_network((2, 2, 1), Dense(np.ones((4, 2)))), timesteps=None))


def _on_a_chip(network: SpikingNetwork, depth: dict[str, int], q: Array, steps: int) -> dict[str, Array]:
    """Return what every population sends where a spike takes a step to arrive: all populations work at once, each on what came before."""
    total = steps + max(depth.values())
    sent = {p.name: np.zeros((total, *p.shape)) for p in network.populations}
    v: dict[str, Array] = {p.name: np.broadcast_to(p.v_init, p.shape) for p in network.populations}
    sent[network.input.name][:steps] = q
    for t in range(total):
        for p in reversed(network.populations):
            if p.kind is not Kind.IF or not 0 <= t - depth[p.name] < steps:
                continue
            arrived = [(j, sent[j.source][t - depth[p.name] + depth[j.source]]) for j in network.into(p.name)]
            v[p.name] = v[p.name] + p.bias + sum(apply(j.geometry, x[None])[0] for j, x in arrived)
            sent[p.name][t] = v[p.name] >= p.vth
            v[p.name] = v[p.name] - p.vth * sent[p.name][t]
    return sent


@pytest.mark.parametrize("seed", range(4))
def test_on_the_clock_of_a_chip_the_same_spikes_come_later_by_the_depth(seed: int) -> None:
    network = random_network(seed, layers=5, ranges=True)
    graph = to_nir(network)
    told_of = [n.metadata["ecc_lava"] for n in graph.nodes.values() if n.metadata] + list(graph.metadata["ecc_lava"]["nodes"].values())
    told = [json.loads(facts["json"]) for facts in told_of]
    depth = {facts["population"]: facts["depth"] for facts in told}
    q = random_images(network, 1, seed)
    sent = _on_a_chip(from_nir(graph), depth, q["input"][0], network.timesteps)
    done = golden(network, q, network.timesteps, Recording(frozenset(network.by_name)))
    for p in network.populations:
        raster = done[p.name].raster
        if p.kind is Kind.IF and raster is not None:
            window = sent[p.name][depth[p.name] : depth[p.name] + network.timesteps]
            np.testing.assert_array_equal(_in_nir_order(raster[0]), _in_nir_order(window), err_msg=p.name)
            assert window.sum() == sent[p.name].sum()
