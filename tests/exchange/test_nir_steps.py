"""Step populations as `Threshold` nodes of NIR, which fire above their level where ours fire at the threshold."""

from __future__ import annotations

import numpy as np
import pytest

import ecc_lava
from ecc_lava import from_nir, to_nir
from ecc_lava.backends.activity import Recording
from ecc_lava.backends.stepwise import floating
from ecc_lava.geometry import Conv, Dense
from ecc_lava.graph.graph import Graph
from ecc_lava.graph.nodes import Input, Linear, MaxPool, Node, Reshape, Scale
from ecc_lava.networks import Kind
from tests.helpers.signs import sign_nodes

nir = pytest.importorskip("nir")


def _graph(seed: int) -> Graph:
    rng = np.random.default_rng(seed)
    nodes: list[Node] = [
        Input("x", (6, 5, 2)),
        Linear("c1", "x", Conv(rng.choice([-1.0, 1.0], (3, 3, 2, 3)), padding=(1, 1, 1, 1)), np.zeros(3)),
        Scale("b1", "c1", np.array([1.0, -0.5, 2.0]), rng.normal(0, 20, 3)),
        *sign_nodes("s1", "b1", 3),
        MaxPool("p1", "s1", (2, 2), (2, 2)),
        Linear("c2", "p1", Conv(rng.choice([-1.0, 1.0], (2, 2, 3, 4))), np.zeros(4)),
        *sign_nodes("s2", "c2", 4),
        Reshape("f", "s2", (1, 1, 8)),
        Linear("out", "f", Dense(rng.choice([-1.0, 1.0], (8, 3))), rng.normal(size=3)),
    ]
    return Graph(tuple(nodes), uint8_scale=1.0)


@pytest.mark.parametrize("seed", range(3))
def test_steps_come_back_with_the_same_spikes(seed: int) -> None:
    graph, x = _graph(seed), np.random.default_rng(seed).integers(0, 30, (25, 6, 5, 2)).astype(np.uint8)
    floats = ecc_lava.convert(graph, calibration=x, timesteps=1)
    integers = ecc_lava.quantise(floats)
    names = [p.name for p in integers.populations if p.kind is Kind.STEP]
    wanted = ecc_lava.simulate(integers, x, backend="golden")
    back = from_nir(to_nir(integers))
    for network, backend in ((back, "float"), (ecc_lava.quantise(back), "fast")):
        found = ecc_lava.simulate(network, x, backend=backend)
        np.testing.assert_array_equal(found.predictions, wanted.predictions)
        for name in names:
            np.testing.assert_array_equal(found.spike_counts[name], wanted.spike_counts[name], err_msg=name)
    same = from_nir(to_nir(floats))
    for name in names:
        one, other = same.by_name[name].vth, floats.by_name[name].vth
        assert np.array_equal(np.broadcast_to(one, same.by_name[name].shape), np.broadcast_to(other, floats.by_name[name].shape)), name


def test_a_threshold_of_another_tool_fires_above_its_level() -> None:
    nodes = {
        "in": nir.Input(np.array([2])),
        "w": nir.Affine(np.eye(2, dtype=np.float32), np.zeros(2, np.float32)),
        "s": nir.Threshold(np.array([1.0, 0.5], np.float32)),
        "r": nir.Affine(np.eye(2, dtype=np.float32), np.zeros(2, np.float32)),
        "out": nir.Output(np.array([2])),
    }
    graph = nir.NIRGraph(nodes, [("in", "w"), ("w", "s"), ("s", "r"), ("r", "out")])
    network = from_nir(graph, timesteps=1, reset="subtract")
    sent = floating(network, {"in": np.ones((1, 1, 1, 1, 2), np.uint8)}, 1, Recording(frozenset(network.by_name)))
    raster = sent["s"].raster
    assert raster is not None and raster.ravel().tolist() == [0, 1]
