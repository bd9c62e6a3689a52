"""The float CNN: affine and piecewise-linear nodes on feature maps, free of Keras.

Every tensor is named after the node that makes it. Nodes are in topological order. This module evaluates the graph; it converts nothing.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, fields
from functools import cached_property
from math import inf, prod
from typing import Any, TypeAlias

import numpy as np

from ecc_lava.arrays import Array, Float, Images, Outputs, Shape, by_output, only, read_only
from ecc_lava.batches import InputSpec, model_inputs, parts
from ecc_lava.errors import InvalidNetwork
from ecc_lava.geometry import Conv, Dense, Geometry, Sparse, apply, synapses, target_shape
from ecc_lava.geometry_json import arrays, describe

__all__ = [
    "Add",
    "Final",
    "Graph",
    "Input",
    "Linear",
    "MaxPool",
    "Maximum",
    "Node",
    "Relu",
    "Reshape",
    "Scale",
    "Sigmoid",
    "Softmax",
    "Step",
    "evaluate",
    "forward",
]


@dataclass(frozen=True, eq=False)
class Input:
    """An input of the model, (H, W, C); the Keras model may take its channels first."""

    name: str
    shape: Shape
    channels_first: bool = False

    @property
    def sources(self) -> tuple[str, ...]:
        """No tensor comes before an input."""
        return ()


@dataclass(frozen=True, eq=False)
class _OneSource:
    name: str
    source: str

    @property
    def sources(self) -> tuple[str, ...]:
        """Names of the tensors this node reads."""
        return (self.source,)


@dataclass(frozen=True, eq=False)
class Linear(_OneSource):
    """Convolution, pooling by averages, padding or a dense layer: ``y = geometry(x) + bias``, bias (C,)."""

    geometry: Geometry
    bias: Array

    def __post_init__(self) -> None:
        object.__setattr__(self, "bias", read_only(self.bias))
        _finite(self.name, self.geometry.kernel, self.bias)


@dataclass(frozen=True, eq=False)
class Scale(_OneSource):
    """``y = scale * x + shift`` per channel, both (C,): batch normalisation, normalisation, rescaling."""

    scale: Array
    shift: Array

    def __post_init__(self) -> None:
        for field in ("scale", "shift"):
            object.__setattr__(self, field, read_only(getattr(self, field)))
        _finite(self.name, self.scale, self.shift)


@dataclass(frozen=True, eq=False)
class Reshape(_OneSource):
    """The same numbers in C order as a map of another shape."""

    shape: Shape


@dataclass(frozen=True, eq=False)
class Relu(_OneSource):
    """``y = min(max(x, 0), ceiling)``."""

    ceiling: float = inf

    def __post_init__(self) -> None:
        if not self.ceiling > 0:
            raise InvalidNetwork(f"the ceiling of node {self.name!r} is {self.ceiling}; it must be positive")


@dataclass(frozen=True, eq=False)
class Step(_OneSource):
    """``y = 1 if x >= 0 else 0``: the Heaviside function of binarised networks, H(0) = 1."""


@dataclass(frozen=True, eq=False)
class MaxPool(_OneSource):
    """The largest value of every window, per channel; positions outside the map do not count.

    Attributes
    ----------
    size, strides : (vertical, horizontal)
    padding : (top, bottom, left, right)
        At least 0 and less than the window's size, so that every window holds a position of the map.
    """

    size: tuple[int, int]
    strides: tuple[int, int]
    padding: tuple[int, int, int, int] = (0, 0, 0, 0)

    def __post_init__(self) -> None:
        widest = (self.size[0], self.size[0], self.size[1], self.size[1])
        if min(*self.size, *self.strides) < 1 or any(not 0 <= p < s for p, s in zip(self.padding, widest, strict=True)):
            raise InvalidNetwork(f"node {self.name!r} pools windows {self.size} at strides {self.strides} with padding {self.padding}")

    def tap(self, row: int, column: int, source: Shape) -> Conv:
        """Return the operator that picks one position of every window, 0 where it lies outside the map."""
        height, width, channels = target_shape(
            Conv(np.ones((*self.size, 1, source[2])), self.strides, self.padding, groups=source[2]), source
        )
        top, left = self.padding[0] - row, self.padding[2] - column
        bottom = (height - 1) * self.strides[0] + 1 - source[0] - top
        right = (width - 1) * self.strides[1] + 1 - source[1] - left
        return Conv(np.ones((1, 1, 1, channels)), self.strides, (top, bottom, left, right), groups=channels)


@dataclass(frozen=True, eq=False)
class Maximum:
    """``y = the largest of the sources``, position by position."""

    name: str
    sources: tuple[str, ...]


@dataclass(frozen=True, eq=False)
class Softmax(_OneSource):
    """A final softmax: the output is reported before it."""


@dataclass(frozen=True, eq=False)
class Sigmoid(_OneSource):
    """A final sigmoid: the output is reported before it."""


@dataclass(frozen=True, eq=False)
class Add:
    """``y = sum of the sources``."""

    name: str
    sources: tuple[str, ...]


Final: TypeAlias = Softmax | Sigmoid
Node: TypeAlias = Input | Linear | Scale | Reshape | Relu | Step | MaxPool | Maximum | Softmax | Sigmoid | Add


def _finite(name: str, *arrays: Array) -> None:
    for array in arrays:
        if not np.isfinite(array).all():
            raise InvalidNetwork(f"layer {name!r} has weights that are NaN or infinite; train or export the model again")


@dataclass(frozen=True, eq=False)
class Graph:
    """A float CNN.

    Attributes
    ----------
    nodes : tuple of Node
        In topological order, the inputs first.
    uint8_scale : float
        What a stored uint8 pixel is multiplied by to become what the model takes (1 if the model rescales itself).
    outputs : tuple of str
        Names of the nodes that make the outputs; by default the last one.
    """

    nodes: tuple[Node, ...]
    uint8_scale: float = 1.0 / 255.0
    outputs: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if not self.nodes or not 0 < self.uint8_scale < inf:
            raise InvalidNetwork(f"a graph of {len(self.nodes)} nodes whose uint8 images are scaled by {self.uint8_scale}")
        object.__setattr__(self, "outputs", self.outputs or (self.nodes[-1].name,))
        known: dict[str, Node] = {}
        for index, node in enumerate(self.nodes):
            if isinstance(node, Input) != (index < len(self.inputs)) or not self.inputs:
                raise InvalidNetwork("the first nodes, and no others, must be the inputs")
            missing = [source for source in node.sources if source not in known or isinstance(known[source], Final)]
            if missing or node.name in known:
                raise InvalidNetwork(f"node {node.name!r} is named twice or reads {missing}, which are not made before it")
            if isinstance(node, Final) and node.name not in self.outputs:
                raise InvalidNetwork(f"the {type(node).__name__.lower()} {node.name!r} is not an output")
            known[node.name] = node
        if len(set(self.outputs)) != len(self.outputs) or not known.keys() >= set(self.outputs):
            raise InvalidNetwork(f"the outputs {', '.join(self.outputs)} are not nodes of the graph, each named once")
        _ = self.shapes

    @cached_property
    def shapes(self) -> dict[str, Shape]:
        """Shape of every tensor."""
        shapes: dict[str, Shape] = {}
        for node in self.nodes:
            shapes[node.name] = _shape(node, [shapes[source] for source in node.sources])
        return shapes

    @cached_property
    def inputs(self) -> tuple[Input, ...]:
        """The input nodes, in the model's order."""
        return tuple(node for node in self.nodes if isinstance(node, Input))

    @property
    def input(self) -> Input:
        """The input node of a model that has one input."""
        return only(self.inputs, "input")

    @property
    def input_specs(self) -> tuple[InputSpec, ...]:
        """What the model takes."""
        return tuple(InputSpec(node.name, node.shape, self.uint8_scale, node.channels_first) for node in self.inputs)

    @cached_property
    def digest(self) -> str:
        """SHA-256 over everything that the nodes say, numbers and arrays."""
        sha = hashlib.sha256(json.dumps([self.uint8_scale, self.outputs]).encode())
        for node in self.nodes:
            described: list[Any] = [type(node).__name__]
            stored: list[Array] = []
            for value in (getattr(node, field.name) for field in fields(node)):
                match value:
                    case np.ndarray():
                        stored.append(value)
                    case Conv() | Dense() | Sparse():
                        described.append(describe(value))
                        stored += [value.kernel, *arrays(value).values()]
                    case _:
                        described.append(value)
            sha.update(json.dumps([described, [[str(array.dtype), array.shape] for array in stored]]).encode() + b"\n")
            for array in stored:
                sha.update(np.ascontiguousarray(array).tobytes())
        return sha.hexdigest()

    @cached_property
    def logits(self) -> dict[str, str]:
        """Output name -> the tensor that is this output before a final softmax or sigmoid."""
        made = {node.name: node for node in self.nodes}
        tensors = {}
        for name in self.outputs:
            node = made[name]
            tensors[name] = node.source if isinstance(node, Final) else name
        return tensors

    @cached_property
    def classifiers(self) -> tuple[str, ...]:
        """Names of the outputs that are one distribution over classes: a vector under a softmax."""
        made = {node.name: node for node in self.nodes}
        return tuple(name for name in self.outputs if isinstance(made[name], Softmax) and self.shapes[name][:2] == (1, 1))

    @property
    def macs(self) -> int:
        """Multiply-accumulate operations of one forward pass, at existing synapses."""
        return sum(synapses(n.geometry, self.shapes[n.source]) for n in self.nodes if isinstance(n, Linear))


def _shape(node: Node, sources: list[Shape]) -> Shape:
    match node:
        case Input(shape=shape):
            if len(shape) != 3 or min(shape) < 1:
                raise InvalidNetwork(f"the input has shape {shape}; (height, width, channels) must all be at least 1")
            return shape
        case Linear(geometry=geometry):
            shape = target_shape(geometry, sources[0])
            if node.bias.shape != (shape[2],):
                raise InvalidNetwork(f"node {node.name!r} has a bias of shape {node.bias.shape} on {shape[2]} channels")
            return shape
        case Scale(scale=scale, shift=shift):
            if scale.shape != (sources[0][2],) or shift.shape != scale.shape:
                raise InvalidNetwork(f"node {node.name!r} scales {scale.shape} channels of a map of {sources[0]}")
            return sources[0]
        case Reshape(shape=shape):
            if prod(shape) != prod(sources[0]):
                raise InvalidNetwork(f"node {node.name!r} reshapes {sources[0]} to {shape}")
            return shape
        case Add() | Maximum():
            if len(set(sources)) != 1:
                raise InvalidNetwork(f"node {node.name!r} joins maps of different shapes: {sources}")
            return sources[0]
        case MaxPool():
            return target_shape(node.tap(0, 0, sources[0]), sources[0])
        case Relu() | Step() | Softmax() | Sigmoid():
            return sources[0]


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
        case Relu(ceiling=ceiling):
            return np.clip(sources[0], 0.0, ceiling)
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
