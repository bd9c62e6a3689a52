"""Graphs of other tools: what they compute here, against a loop over neurons, and their way to a chip."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import ecc_lava
import hw_mappings
from ecc_lava import from_nir, to_nir
from ecc_lava.backends.activity import Recording
from ecc_lava.backends.stepwise import floating
from ecc_lava.common import Array
from ecc_lava.errors import InvalidInput
from ecc_lava.inputs import InputCoding
from tests.helpers.lava import needs_lava
from tests.helpers.networks import random_network

nir = pytest.importorskip("nir")

STEPS = 6


@dataclass(frozen=True)
class _Layer:
    """A kind of layer and its settings, as both the graph and the loop take them."""

    node: Any
    compute: Any


def _correlate(x: Array, weight: Array, stride: int, pad: int) -> Array:
    """Return a convolution of a map (C, H, W), one output after the other."""
    x = np.pad(x, ((0, 0), (pad, pad), (pad, pad)))
    size = weight.shape[2]
    out = (x.shape[1] - size) // stride + 1
    result = np.zeros((len(weight), out, out))
    for i in range(out):
        for j in range(out):
            patch = x[:, i * stride : i * stride + size, j * stride : j * stride + size]
            result[:, i, j] = (weight * patch).sum(axis=(1, 2, 3))
    return result


def _pooled(x: Array) -> Array:
    return x.reshape(x.shape[0], x.shape[1] // 2, 2, x.shape[2] // 2, 2).sum(axis=(2, 4))


def _layers(rng: np.random.Generator) -> dict[str, _Layer]:
    first, second, last = rng.integers(-4, 5, (3, 2, 3, 3)) / 4, rng.integers(-4, 5, (4, 3, 3, 3)) / 4, rng.integers(-4, 5, (5, 36)) / 4
    bias = np.array([0.25, -0.5, 0.0])
    two = np.array([2, 2])
    none = np.zeros(2, int)
    return {
        "conv": _Layer(nir.Conv2d(None, first, 1, 1, 1, 1, bias), lambda x: _correlate(x, first, 1, 1) + bias[:, None, None]),
        "if": _Layer(nir.IF(np.ones((3, 12, 12)), np.full((3, 12, 12), 1.5)), None),
        "pool": _Layer(nir.SumPool2d(two, two, none), _pooled),
        "conv2": _Layer(nir.Conv2d(None, second, (1, 1), (1, 1), (1, 1), 1, np.zeros(4)), lambda x: _correlate(x, second, 1, 1)),
        "mean": _Layer(nir.AvgPool2d(two, two, none), lambda x: _pooled(x) / 4),
        "if2": _Layer(nir.IF(np.ones((4, 3, 3)), np.full((4, 3, 3), 0.75)), None),
        "flat": _Layer(nir.Flatten({"input": np.array([4, 3, 3])}, 0, -1), lambda x: x.ravel()),
        "dense": _Layer(nir.Linear(last), lambda x: last @ x),
        "if3": _Layer(nir.IF(np.ones(5), np.full(5, 0.5)), None),
    }


def _graph(layers: dict[str, _Layer]) -> Any:
    nodes = {
        "in": nir.Input(np.array([2, 12, 12])),
        **{name: layer.node for name, layer in layers.items()},
        "out": nir.Output(np.array([5])),
    }
    return nir.NIRGraph(nodes, list(pairwise(nodes)))


def _looped(layers: dict[str, _Layer], x: Array) -> dict[str, Array]:
    """Return what neurons send that start at 0 and reset by subtraction, (T, neurons) by layer."""
    sent: dict[str, list[Array]] = {}
    potentials: dict[str, Array] = {}
    for step in x:
        value = step
        for name, layer in layers.items():
            if layer.compute is not None:
                value = layer.compute(value)
                continue
            v = potentials.get(name, 0.0) + value
            value = (v >= layer.node.v_threshold).astype(float)
            potentials[name] = v - value * layer.node.v_threshold
            sent.setdefault(name, []).append(value.ravel())
    return {name: np.stack(steps) for name, steps in sent.items()}


@pytest.fixture
def layers() -> dict[str, _Layer]:
    return _layers(np.random.default_rng(7))


@pytest.fixture
def spikes() -> Array:
    return (np.random.default_rng(8).random((STEPS, 2, 12, 12)) < 0.4).astype(np.float64)


def test_a_graph_computes_what_its_nodes_say(layers: dict[str, _Layer], spikes: Array, tmp_path: Path) -> None:
    graph = _graph(layers)
    nir.write(tmp_path / "net.nir", graph)
    expected = _looped(layers, spikes)
    for source in (graph, tmp_path / "net.nir"):
        network = from_nir(source, timesteps=STEPS, reset="subtract")
        assert [p.name for p in network.populations] == ["in", "if", "if2", "if3", "out"]
        assert len(network.projections) == 4
        done = floating(network, {"in": spikes.transpose(0, 2, 3, 1)[None].astype(np.uint8)}, STEPS, Recording(frozenset(network.by_name)))
        for name, sent in expected.items():
            raster = done[name].raster
            assert raster is not None
            np.testing.assert_array_equal(np.moveaxis(raster[0], -1, 1).reshape(STEPS, -1), sent, err_msg=name)
        np.testing.assert_array_equal(done["out"].potential.ravel(), expected["if3"].sum(axis=0))


@pytest.mark.slow
@needs_lava
def test_a_graph_is_quantised_mapped_and_deployed(layers: dict[str, _Layer], spikes: Array) -> None:
    network = ecc_lava.quantise(from_nir(_graph(layers), timesteps=STEPS, reset="subtract"), format="loihi2")
    mapping = hw_mappings.map_network(network, hw_mappings.LOIHI2)
    done = hw_mappings.deploy(network, mapping, spikes.transpose(0, 2, 3, 1)[None].astype(np.uint8), runtime="one-process")
    assert done.ok


def test_images_as_currents_take_the_scale_of_their_coding(layers: dict[str, _Layer]) -> None:
    q = np.random.default_rng(9).integers(0, 256, (1, 12, 12, 2)).astype(np.uint8)
    network = from_nir(_graph(layers), timesteps=STEPS, reset="subtract", coding=InputCoding(scale=1 / 255))
    counts = ecc_lava.simulate(network, q, backend="float", record=["if"]).counts
    assert counts is not None
    current = q[0].transpose(2, 0, 1) / 255
    expected = _looped(layers, np.repeat(current[None], STEPS, axis=0))["if"].sum(axis=0)
    assert np.abs(counts["if"][0].transpose(2, 0, 1).ravel() - expected).max() <= 1  # one rounding of a sum at the threshold
    with pytest.raises(InvalidInput, match="offset"):
        from_nir(_graph(layers), timesteps=STEPS, reset="subtract", coding=InputCoding(offset=-1.0))


def test_what_the_graph_leaves_open_must_be_said(layers: dict[str, _Layer]) -> None:
    with pytest.raises(InvalidInput, match=r"give reset='subtract'"):
        from_nir(_graph(layers), timesteps=4)
    with pytest.raises(InvalidInput, match="give timesteps"):
        from_nir(_graph(layers), reset="subtract")
    with pytest.raises(InvalidInput, match="'zero'; neurons of this tool reset by subtraction"):
        from_nir(_graph(layers), timesteps=4, reset="zero")
    with pytest.raises(InvalidInput, match="leave the coding out"):
        from_nir(to_nir(random_network(1)), coding=InputCoding())


def test_leaks_and_loops_are_refused_by_name() -> None:
    one = np.ones(3)
    lif = nir.LIF(tau=one, r=one, v_leak=0 * one, v_threshold=one)
    graph = nir.NIRGraph.from_list(nir.Affine(np.ones((3, 3)), np.zeros(3)), lif, nir.Delay(one))
    with pytest.raises(InvalidInput, match=r"(?s)2 node\(s\).*'lif' \(LIF\): its potential leaks.*'delay' \(Delay\)"):
        from_nir(graph, timesteps=4, reset="subtract")
    loop = nir.NIRGraph.from_list(nir.Affine(np.ones((3, 3)), np.zeros(3)), nir.IF(one, one))
    loop.nodes["back"] = nir.Affine(np.ones((3, 3)), np.zeros(3))
    loop.edges += [("if", "back"), ("back", "if")]
    with pytest.raises(InvalidInput, match=r"cycle \(.*no recurrence"):
        from_nir(loop, timesteps=4, reset="subtract")


def test_a_leak_of_infinite_time_is_none() -> None:
    one, never = np.ones(3), np.full(3, np.inf)
    graph = nir.NIRGraph.from_list(nir.Linear(np.eye(3)), nir.LIF(tau=never, r=never, v_leak=0 * one, v_threshold=2 * one))
    network = from_nir(graph, timesteps=4, reset="subtract")
    assert (network.by_name["lif"].vth == 2).all()
