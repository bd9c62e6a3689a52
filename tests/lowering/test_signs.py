"""Max-pools beside step activations: steps of sums, exact at one timestep."""

from __future__ import annotations

import numpy as np
import pytest

import ecc_lava
from ecc_lava.common import Array
from ecc_lava.geometry import Conv, Dense, grid_of
from ecc_lava.graph.evaluate import forward
from ecc_lava.graph.graph import Graph
from ecc_lava.graph.nodes import Add, Input, Linear, MaxPool, Node, Relu, Reshape, Scale, Step
from ecc_lava.lowering.lower import lower
from ecc_lava.networks import Kind
from ecc_lava.networks.rates import rate_forward
from tests.helpers.signs import sign_nodes

POOLS = {
    "apart": ((2, 2), (2, 2), (0, 0, 0, 0)),
    "overlapping, with a border": ((3, 2), (2, 1), (1, 1, 0, 1)),
    "of all": ((8, 8), (1, 1), (0, 0, 0, 0)),
}
SHIFT = np.array([0.0, 0.3, -40.0, 7.0])
SCALE = np.array([1.0, -0.5, 2.0, -3.0])
ONE, ZERO = np.ones(4), np.zeros(4)


def _graph(*between: Node) -> Graph:
    """Return a graph of integer sums, then these nodes from "c" to "y", then a readout."""
    kernel = np.random.default_rng(0).integers(-3, 4, (3, 3, 2, 4)).astype(np.float64)
    first = (Input("x", (8, 8, 2)), Linear("c", "x", Conv(kernel, padding=(1, 1, 1, 1)), ZERO, grid_of(kernel.astype(int), 3)))
    body = Graph((*first, *between), uint8_scale=1.0)
    flat = int(np.prod(body.shapes["y"]))
    dense = Dense(np.random.default_rng(1).choice([-1.0, 1.0], (flat, 3)))
    last = (Reshape("f", "y", (1, 1, flat)), Linear("out", "f", dense, np.zeros(3)))
    return Graph((*body.nodes, *last), uint8_scale=1.0)


def _images() -> Array:
    return np.random.default_rng(2).integers(0, 12, (60, 8, 8, 2)).astype(np.uint8)


def _between(kind: str, pool: str) -> list[Node]:
    size, strides, padding = POOLS[pool]
    match kind:
        case "step, pool":
            return [Scale("b", "c", SCALE, SHIFT), Step("s", "b"), MaxPool("y", "s", size, strides, padding)]
        case "step, levels, pool":
            return [Step("s", "c"), Scale("l", "s", np.array([2.0, -2.0, 2.0, 0.0]), -ONE), MaxPool("y", "l", size, strides, padding)]
        case "sign, pool":
            return [Scale("b", "c", SCALE, SHIFT), *sign_nodes("s", "b", 4), MaxPool("y", "s", size, strides, padding)]
        case "pool, step":
            return [MaxPool("p", "c", size, strides, padding), Step("y", "p")]
        case "pool, scale, scale, step":
            scales = [Scale("b", "p", SCALE, SHIFT), Scale("d", "b", -ONE, ZERO)]
            return [MaxPool("p", "c", size, strides, padding), *scales, Step("y", "d")]
        case "pool, scale, sign":
            return [MaxPool("p", "c", size, strides, padding), Scale("b", "p", SCALE, SHIFT), *sign_nodes("y", "b", 4)]
        case "pool, pool, step":
            return [MaxPool("o", "c", (1, 2), (1, 1)), MaxPool("p", "o", (2, 1), (2, 1)), Step("y", "p")]
    raise AssertionError(kind)


KINDS = [
    "step, pool",
    "step, levels, pool",
    "sign, pool",
    "pool, step",
    "pool, scale, scale, step",
    "pool, scale, sign",
    "pool, pool, step",
]


@pytest.mark.parametrize("pool", POOLS)
@pytest.mark.parametrize("kind", KINDS)
def test_every_population_is_a_step_and_all_integers_are_exact(kind: str, pool: str) -> None:
    graph, x = _graph(*_between(kind, pool)), _images()
    wanted = forward(graph, x)
    network = lower(graph).network
    assert {p.kind for p in network.populations[1:-1]} == {Kind.STEP}
    np.testing.assert_allclose(rate_forward(network, x), wanted, rtol=1e-12, atol=1e-12)
    integers = ecc_lava.quantise(ecc_lava.convert(graph, calibration=x, timesteps=1, bits=8))
    for backend in ("golden", "fast"):
        found = np.asarray(ecc_lava.simulate(integers, x, backend=backend).logits)
        np.testing.assert_allclose(found, wanted, rtol=1e-6, atol=1e-6)
    assert {p.bits for p in integers.projections if "signs" in p.target} <= {1}


@pytest.mark.parametrize(
    "between",
    [
        [Relu("r", "c"), MaxPool("y", "r", (2, 2), (2, 2))],
        [Step("s", "c"), Add("a", ("s", "c")), MaxPool("y", "a", (2, 2), (2, 2))],
        [
            *(Step("s", "c"), Scale("b", "c", ONE, -5 * ONE), Step("t", "b"), Scale("n", "t", -ONE, ZERO)),
            *(Add("a", ("s", "n")), MaxPool("y", "a", (2, 2), (2, 2))),
        ],
        [Step("s", "c"), Linear("m", "s", Conv(np.ones((1, 1, 4, 4))), ZERO), MaxPool("y", "m", (2, 2), (2, 2))],
    ],
    ids=["of a ReLU", "of a step and more", "of steps that rise and fall", "of sums of steps"],
)
def test_other_pools_are_trees(between: list[Node]) -> None:
    graph, x = _graph(*between), _images()
    network = lower(graph).network
    assert any(p.kind is Kind.IF for p in network.populations)
    np.testing.assert_allclose(rate_forward(network, x), forward(graph, x), rtol=1e-9, atol=1e-9)
