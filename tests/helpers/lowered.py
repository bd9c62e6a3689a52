"""Small graphs, and how far the rates of their networks are from them."""

from __future__ import annotations

import numpy as np

from ecc_lava.common.arrays import Array, Shape
from ecc_lava.geometry import Conv
from ecc_lava.graph.evaluate import forward
from ecc_lava.graph.graph import Graph
from ecc_lava.graph.nodes import Input, Linear, Node
from ecc_lava.lowering.decisions import Lowering
from ecc_lava.networks.rates import rate_forward

__all__ = ["conv_of", "graph_of", "mixing", "nodes_on_a_map", "random_images_of", "random_weights", "rate_error"]


def random_weights(*shape: int, seed: int = 0) -> Array:
    return np.random.default_rng(seed).normal(0, 1, shape)


def conv_of(name: str, source: str, *kernel: int, padding: tuple[int, int, int, int] = (0, 0, 0, 0), bias: float = 0.0) -> Linear:
    return Linear(name, source, Conv(random_weights(*kernel), padding=padding), np.full(kernel[3], bias))


def graph_of(shape: Shape, *nodes: Node) -> Graph:
    return Graph((Input("input", shape), *nodes))


def random_images_of(graph: Graph, n: int = 3) -> Array:
    return random_weights(n, *graph.input.shape, seed=9)


def rate_error(graph: Graph, lowering: Lowering) -> float:
    x = random_images_of(graph)
    reference = forward(graph, x)
    return float(np.abs(rate_forward(lowering.network, x) - reference).max() / max(np.abs(reference).max(), 1e-3))


def nodes_on_a_map(*nodes: Node) -> Graph:
    return Graph((Input("x", (6, 7, 2)), *nodes))


def mixing(name: str, source: str, inputs: int, outputs: int) -> Linear:
    rng = np.random.default_rng(len(name))
    return Linear(name, source, Conv(rng.normal(size=(3, 3, inputs, outputs)), padding=(1, 1, 1, 1)), rng.normal(size=outputs))
