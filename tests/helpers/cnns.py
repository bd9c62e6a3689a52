"""A small CNN made of graph nodes, and samples of a graph's only input."""

from __future__ import annotations

import numpy as np

from ecc_lava.common.arrays import Array
from ecc_lava.geometry import Conv, Dense
from ecc_lava.graph.graph import Graph
from ecc_lava.graph.nodes import Input, Linear, Node, Relu, Reshape


def samples(graph: Graph, n: int = 5, low: float = -1.0, high: float = 1.0) -> Array:
    """Return samples of a graph's only input."""
    return np.random.default_rng(3).uniform(low, high, (n, *graph.input.shape))


def named(graph: Graph, x: Array) -> dict[str, Array]:
    """Return the samples of a graph's only input by its name."""
    return {graph.input.name: x}


def small_graph(dead: bool = False) -> Graph:
    """Return a CNN of two convolutions and a dense layer; with `dead` a channel of the first is never active."""
    rng = np.random.default_rng(5)
    kernel, bias = rng.normal(size=(3, 3, 2, 4)), rng.normal(size=4)
    if dead:
        kernel[..., 1], bias[1] = 0.0, -1.0
    nodes: list[Node] = [
        Input("input", (5, 5, 2)),
        Linear("c", "input", Conv(kernel, padding=(1, 1, 1, 1)), bias),
        Relu("r", "c"),
        Linear("d", "r", Conv(rng.normal(size=(3, 3, 4, 3)), (2, 2)), rng.normal(size=3)),
        Relu("q", "d"),
        Reshape("f", "q", (1, 1, 12)),
        Linear("out", "f", Dense(rng.normal(size=(12, 3))), rng.normal(size=3)),
    ]
    return Graph(tuple(nodes))
