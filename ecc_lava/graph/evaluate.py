"""Evaluation of a float CNN on images, in float64."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import numpy as np

from ecc_lava.common import Array, Float, Images, Outputs, Shape, by_output, in_steps
from ecc_lava.geometry import apply
from ecc_lava.graph.graph import Graph
from ecc_lava.graph.nodes import Add, Input, Linear, Maximum, MaxPool, Node, Relu, Reshape, Scale, Sigmoid, Softmax, Step
from ecc_lava.inputs import model_inputs, parts

__all__ = ["evaluate", "forward"]


def _largest_of_windows(node: MaxPool, size: tuple[int, int], x: Array) -> Array:
    shape: Shape = (x.shape[1], x.shape[2], x.shape[3])
    largest: Array | None = None
    for row, column in np.ndindex(size):
        tap = node.tap(row, column, shape)
        inside = apply(tap, np.ones((1, *shape))) > 0
        value = np.where(inside, apply(tap, x), -np.inf)
        largest = value if largest is None else np.maximum(largest, value)
    assert largest is not None
    return largest


def _value(node: Node, sources: list[Array]) -> Array:
    match node:
        case Linear(geometry=geometry, bias=bias):
            return apply(geometry, sources[0]) + bias
        case Scale(scale=scale, shift=shift):
            return sources[0] * scale + shift
        case Reshape(shape=shape):
            return sources[0].reshape(-1, *shape)
        case Relu(ceiling=ceiling, bits=bits, halves_up=halves_up):
            clipped = np.clip(sources[0], 0.0, ceiling)
            return clipped if bits is None else in_steps(clipped, ceiling, bits, halves_up)
        case Step():
            return (sources[0] >= 0).astype(sources[0].dtype)
        case MaxPool(size=size):
            return _largest_of_windows(node, size, sources[0])
        case Maximum():
            return np.maximum.reduce(sources)
        case Add():
            return np.asarray(sum(sources))
        case Softmax() | Sigmoid():
            return sources[0]
        case Input():
            raise AssertionError("an input is given, not computed")


def evaluate(graph: Graph, x: Mapping[str, Array]) -> Iterator[tuple[str, Float]]:
    """Yield (name, float64 array (N, H, W, C)) of every node in order, forgetting tensors after their last use.

    Parameters
    ----------
    graph : Graph
    x : input name -> float64 array (N, H, W, C)
    """
    last_use = {source: index for index, node in enumerate(graph.nodes) for source in node.sources}
    tensors: dict[str, Array] = {}
    for index, node in enumerate(graph.nodes):
        tensors[node.name] = x[node.name] if isinstance(node, Input) else _value(node, [tensors[source] for source in node.sources])
        yield node.name, tensors[node.name]
        for source in node.sources:
            if last_use[source] == index:
                tensors.pop(source, None)


BATCH = 64
"""Images evaluated at once."""


def forward(graph: Graph, x: Images) -> Outputs:
    """Return the CNN's output before a final softmax or sigmoid, in float64.

    Parameters
    ----------
    graph : Graph
    x : array (N, H, W, C), or arrays by input name
        As the Keras model takes it; uint8 is scaled by `graph.uint8_scale`.

    Returns
    -------
    float64 array (N, K); a dict of them by name if the model has several outputs

    Raises
    ------
    InvalidInput
        If the images do not fit the model's inputs.
    """
    batch = model_inputs(x, graph.input_specs)
    found: dict[str, list[Float]] = {tensor: [] for tensor in graph.logits.values()}
    for part in parts(batch, BATCH):
        for name, value in evaluate(graph, part):
            if name in found:
                found[name].append(value.reshape(len(value), -1))
    return by_output({name: np.concatenate(found[tensor]) for name, tensor in graph.logits.items()})
