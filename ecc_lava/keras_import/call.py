"""What a handler sees of one call of a Keras layer, and how it writes graph nodes."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from math import inf, prod
from typing import Any, TypeAlias

import numpy as np

from ecc_lava.arrays import Array, Shape
from ecc_lava.errors import InvalidNetwork
from ecc_lava.geometry import Conv, Geometry, target_shape
from ecc_lava.graph import Add, Linear, Maximum, MaxPool, Node, Relu, Reshape, Scale, Softmax

__all__ = ["Call", "Handler", "Refused", "Tensor", "channels_last", "numbers"]


class Refused(Exception):
    """A layer setting that cannot be converted; the importer collects them all."""


@dataclass(frozen=True)
class Tensor:
    """A tensor of the graph.

    Attributes
    ----------
    name : str
    shape : (H, W, C)
    rank : int
        Axes of the Keras tensor, the batch among them: 4 for images, 3 for signals (N, L, C) with H = 1, 2 for vectors.
    """

    name: str
    shape: Shape
    rank: int

    @property
    def channels(self) -> int:
        """Length of the last axis."""
        return self.shape[2]


@dataclass
class Call:
    """One call of a layer or an operation: what it reads, and the nodes written for it.

    Every method that writes a node returns its tensor, so handlers compose them like functions. Nodes are named after the layer, with
    what they do as a suffix; the importer gives the last of them the layer's own name.

    Attributes
    ----------
    layer : keras layer or operation
    name : str
    inputs : tuple of Tensor
    arguments : tuple
        Positional and keyword arguments of the call, in order, without those that are None; lists are flattened, tensors are `Tensor`.
    rank : int
        Of the Keras tensor to make.
    """

    layer: Any
    name: str
    inputs: tuple[Tensor, ...]
    arguments: tuple[Any, ...]
    rank: int
    nodes: list[Node] = field(default_factory=list)

    @property
    def input(self) -> Tensor:
        """The first input."""
        return self.inputs[0]

    def linear(self, x: Tensor, geometry: Geometry, bias: Array | None = None) -> Tensor:
        """Write ``geometry(x) + bias``."""
        shape = target_shape(geometry, x.shape)
        offset = np.zeros(shape[2], np.float32) if bias is None else bias
        return self._put("linear", lambda name: Linear(name, x.name, geometry, offset), shape)

    def per_channel(self, x: Tensor, kernel: tuple[int, int], value: float = 1.0, **layout: Any) -> Tensor:
        """Write a depthwise convolution whose weights all are `value`: padding, cropping, means."""
        return self.linear(x, Conv(np.full((*kernel, 1, x.channels), value), groups=x.channels, **layout))

    def scale(self, x: Tensor, scale: Array | float, shift: Array | float = 0.0) -> Tensor:
        """Write ``scale * x + shift``, each one number or one per channel."""
        factors, shifts = (np.broadcast_to(np.asarray(v, np.float64).ravel(), x.channels) for v in (scale, shift))
        return self._put("scale", lambda name: Scale(name, x.name, factors, shifts), x.shape)

    def relu(self, x: Tensor, ceiling: float = inf) -> Tensor:
        """Write ``min(max(x, 0), ceiling)``."""
        return self._put("relu", lambda name: Relu(name, x.name, ceiling), x.shape)

    def max_pool(self, x: Tensor, size: tuple[int, int], strides: tuple[int, int], padding: tuple[int, int, int, int]) -> Tensor:
        """Write the largest of every window."""
        probe = MaxPool(self.name, x.name, size, strides, padding)
        shape = target_shape(probe.tap(0, 0, x.shape), x.shape)
        return self._put("max", lambda name: replace(probe, name=name), shape)

    def maximum(self, tensors: Sequence[Tensor]) -> Tensor:
        """Write the largest of several tensors of one shape."""
        return self._put("max", lambda name: Maximum(name, tuple(t.name for t in tensors)), tensors[0].shape)

    def add(self, tensors: Sequence[Tensor]) -> Tensor:
        """Write the sum of tensors of one shape."""
        return self._put("sum", lambda name: Add(name, tuple(t.name for t in tensors)), tensors[0].shape)

    def reshape(self, x: Tensor, shape: Shape) -> Tensor:
        """Write the same numbers in C order as another map."""
        if prod(shape) != prod(x.shape):
            raise InvalidNetwork(f"{x.shape} does not become {shape}")
        return self._put("reshape", lambda name: Reshape(name, x.name, shape), shape)

    def softmax(self, x: Tensor) -> Tensor:
        """Write a final softmax or sigmoid."""
        if self.nodes and self.nodes[-1].name == x.name:  # the reported output of a layer with a fused softmax
            x = replace(x, name=f"{self.name}.logits")
            self.nodes[-1] = replace(self.nodes[-1], name=x.name)
        return self._put("softmax", lambda name: Softmax(name, x.name), x.shape)

    def finish(self, result: Tensor) -> Tensor:
        """Give the last node the layer's name and return its tensor, which is `result`."""
        if not self.nodes or self.nodes[-1].name != result.name:  # a layer that does nothing
            result = self.reshape(result, result.shape)
        self.nodes[-1] = replace(self.nodes[-1], name=self.name)
        return Tensor(self.name, result.shape, self.rank)

    def _put(self, kind: str, make: Callable[[str], Node], shape: Shape) -> Tensor:
        name = f"{self.name}.{kind}"
        made = sum(node.name.startswith(name) for node in self.nodes)
        if made:
            name += str(made + 1)
        self.nodes.append(make(name))
        return Tensor(name, shape, self.rank)


Handler: TypeAlias = Callable[[Call], Tensor]
"""Writes the nodes of a call and returns the tensor it makes; raises `Refused` with reason and remedy."""


def numbers(variable: Any) -> Array:
    """Return a Keras variable as a float32 array."""
    return np.asarray(variable, np.float32)


def channels_last(call: Call) -> None:
    """Refuse layers with data_format 'channels_first'."""
    if getattr(call.layer, "data_format", "channels_last") != "channels_last":
        raise Refused("data_format is 'channels_first'; build the model with channels_last")
