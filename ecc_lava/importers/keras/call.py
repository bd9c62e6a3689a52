"""What a handler sees of one call of a Keras layer, and how it writes graph nodes.

A graph's maps are (H, W, C); a Keras tensor's axes may lie on them in any order, so channels-first models and transpositions cost nothing
until a layer needs another order: `Call.laid` then moves the numbers.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from math import inf, prod
from typing import Any, TypeAlias

import numpy as np

from ecc_lava.common import Array, Shape
from ecc_lava.geometry import Conv, Geometry, Sparse, target_shape
from ecc_lava.graph import Add, Final, Linear, Maximum, MaxPool, Node, Relu, Reshape, Scale, Step

__all__ = ["Call", "Handler", "Refused", "Tensor", "laid_for", "natural"]


class Refused(Exception):
    """A layer setting that cannot be converted; the importer collects them all."""


_FIRST = {1: (2,), 2: (2, 1), 3: (2, 0, 1)}
"""Number of axes -> where a channels-first tensor's axes lie on (H, W, C)."""


@dataclass(frozen=True)
class Tensor:
    """A tensor of the graph, seen as Keras's.

    Attributes
    ----------
    name : str
    shape : (H, W, C)
        Of the graph's map.
    sizes : tuple of int
        Keras's axes without the batch: three for images, two for signals, one for vectors.
    axes : tuple of int, or None
        Which of H, W, C (0, 1, 2) each of Keras's axes lies on; None for tensors of more than three, which are kept as vectors in C order.
    """

    name: str
    shape: Shape
    sizes: tuple[int, ...]
    axes: tuple[int, ...] | None

    @property
    def channels(self) -> int:
        """Length of the map's last axis."""
        return self.shape[2]

    def in_map_order(self, values: Array) -> Array:
        """Return values given for Keras's axes as a map (H, W, C)."""
        return (values if self.axes is None else values.transpose(np.argsort(self.axes))).reshape(self.shape)

    def places(self, batch: int) -> Array:
        """Return the position of every number in a batch of flat maps, (batch, *sizes)."""
        flat = np.arange(batch * prod(self.shape))
        if self.axes is None:
            return flat.reshape(batch, *self.sizes)
        order = np.argsort(self.axes)
        return flat.reshape(batch, *(self.sizes[k] for k in order)).transpose(0, *(1 + np.argsort(order)))


def natural(name: str, sizes: Sequence[int], channels_first: bool = False) -> Tensor:
    """Return a tensor whose axes lie on (H, W, C) in their own order, or with the first of them on C."""
    sizes = tuple(sizes)
    if len(sizes) > 3:
        return Tensor(name, (1, 1, prod(sizes)), sizes, None)
    axes = _FIRST[len(sizes)] if channels_first else (0, 1, 2)[3 - len(sizes) :]
    return Tensor(name, _map_of(sizes, axes), sizes, axes)


def _map_of(sizes: Sequence[int], axes: Sequence[int]) -> Shape:
    shape = [1, 1, 1]
    for size, axis in zip(sizes, axes, strict=True):
        shape[axis] = size
    return shape[0], shape[1], shape[2]


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
    dtype : str
        Of the first Keras tensor; comparisons are "bool".
    taken : set of str
        Names of nodes of other calls.
    weights : dict
        Variables read so far and their arrays, by the variable's id: layers called twice share them.
    """

    layer: Any
    name: str
    inputs: tuple[Tensor, ...]
    arguments: tuple[Any, ...] = ()
    dtype: str = "float32"
    taken: set[str] = field(default_factory=set)
    weights: dict[int, tuple[Any, Array]] = field(default_factory=dict)
    nodes: list[Node] = field(default_factory=list)

    @property
    def input(self) -> Tensor:
        """The first input."""
        return self.inputs[0]

    def numbers(self, variable: Any) -> Array:
        """Return a Keras variable as a float32 array."""
        if id(variable) not in self.weights:
            self.weights[id(variable)] = variable, np.asarray(variable, np.float32)
        return self.weights[id(variable)][1]

    def linear(self, x: Tensor, geometry: Geometry, bias: Array | None = None) -> Tensor:
        """Write ``geometry(x) + bias``."""
        shape = target_shape(geometry, x.shape)
        offset = np.zeros(shape[2], np.float32) if bias is None else bias
        return self._put("linear", lambda name: Linear(name, x.name, geometry, offset), x, shape)

    def per_channel(self, x: Tensor, kernel: tuple[int, int], value: float = 1.0, **layout: Any) -> Tensor:
        """Write a depthwise convolution whose weights all are `value`: padding, cropping, means."""
        return self.linear(x, Conv(np.full((*kernel, 1, x.channels), value), groups=x.channels, **layout))

    def scale(self, x: Tensor, scale: Array | float, shift: Array | float = 0.0) -> Tensor:
        """Write ``scale * x + shift``; both broadcast against Keras's tensor.

        Raises
        ------
        Refused
            If they do not, or would enlarge it.
        """
        factors, shifts = (_broadcast(values, x) for values in (scale, shift))
        varies = {k for values in (factors, shifts) for k, size in enumerate(values.shape) if size > 1}
        if x.axes is not None and all(x.axes[k] == 2 for k in varies):
            per_channel = [np.broadcast_to(values.ravel(), x.channels) for values in (factors, shifts)]
            return self._put("scale", lambda name: Scale(name, x.name, *per_channel), x, x.shape)
        per_place = [x.in_map_order(np.broadcast_to(values, x.sizes)).ravel() for values in (factors, shifts)]
        flat = self._reshaped(x, (1, 1, prod(x.shape)))
        scaled = self._put("scale", lambda name: Scale(name, flat.name, *per_place), flat, flat.shape)
        return replace(self._reshaped(scaled, x.shape), sizes=x.sizes, axes=x.axes)

    def relu(self, x: Tensor, ceiling: float = inf) -> Tensor:
        """Write ``min(max(x, 0), ceiling)``."""
        return self._put("relu", lambda name: Relu(name, x.name, ceiling), x, x.shape)

    def step(self, x: Tensor) -> Tensor:
        """Write ``1 if x >= 0 else 0``."""
        return self._put("step", lambda name: Step(name, x.name), x, x.shape)

    def max_pool(self, x: Tensor, size: tuple[int, int], strides: tuple[int, int], padding: tuple[int, int, int, int]) -> Tensor:
        """Write the largest of every window."""
        probe = MaxPool(self.name, x.name, size, strides, padding)
        shape = target_shape(probe.tap(0, 0, x.shape), x.shape)
        return self._put("max", lambda name: replace(probe, name=name), x, shape)

    def maximum(self, tensors: Sequence[Tensor]) -> Tensor:
        """Write the largest of several tensors of one layout."""
        return self._put("max", lambda name: Maximum(name, tuple(t.name for t in tensors)), tensors[0], tensors[0].shape)

    def add(self, tensors: Sequence[Tensor]) -> Tensor:
        """Write the sum of tensors of one layout."""
        return self._put("sum", lambda name: Add(name, tuple(t.name for t in tensors)), tensors[0], tensors[0].shape)

    def final(self, x: Tensor, function: type[Final]) -> Tensor:
        """Write a final softmax or sigmoid."""
        if self.nodes and self.nodes[-1].name == x.name:  # the reported output of a layer that has it fused
            x = replace(x, name=f"{self.name}.logits")
            self.nodes[-1] = replace(self.nodes[-1], name=x.name)
        return self._put(function.__name__.lower(), lambda name: function(name, x.name), x, x.shape)

    def moved(self, x: Tensor, function: Callable[[Array], Array]) -> Tensor:
        """Write what a function of numpy does that only moves and copies numbers, as a tensor in its own order.

        Parameters
        ----------
        x : Tensor
        function : of an array (N, ...)

        Raises
        ------
        Refused
            If the function does not fit the tensor, or does not treat every sample alike.
        """
        per_sample = prod(x.shape)
        try:
            first, *others = function(x.places(2))
        except (ValueError, IndexError, np.exceptions.AxisError) as error:
            raise Refused(f"it does not fit a tensor of {x.sizes}: {error}") from error
        if len(others) != 1 or first.max(initial=0) >= per_sample or not np.array_equal(others[0], first + per_sample):
            raise Refused("it moves numbers between samples, or the batch axis")
        result = natural(x.name, first.shape)
        return replace(result, name=self._gathered(x, first.reshape(result.shape)))

    def laid(self, x: Tensor, axes: tuple[int, ...]) -> Tensor:
        """Return a tensor with Keras's axes on the given ones of (H, W, C), moving its numbers where they lie otherwise.

        Raises
        ------
        Refused
            If the tensor has another number of axes.
        """
        if len(x.sizes) != len(axes) or x.axes is None:
            raise Refused(
                f"its tensor has {len(x.sizes) + 1} axes; images (N, H, W, C), signals (N, L, C) and vectors (N, C) are supported"
            )
        if x.axes == axes:
            return x
        laid = Tensor(x.name, _map_of(x.sizes, axes), x.sizes, axes)
        return replace(laid, name=self._gathered(x, laid.in_map_order(x.places(1)[0])))

    def finish(self, result: Tensor, name: str) -> Tensor:
        """Give the node that makes a result the layer's name."""
        if all(node.name != result.name for node in self.nodes) or any(result.name in node.sources for node in self.nodes):
            result = replace(result, name=self._reshaped(result, result.shape).name)  # of a layer that does nothing
        self.nodes = [replace(node, name=name) if node.name == result.name else node for node in self.nodes]
        return replace(result, name=name)

    def _gathered(self, x: Tensor, places: Array) -> str:
        """Write a map (H, W, C) of numbers picked from x's and return its name."""
        shape: Shape = (places.shape[0], places.shape[1], places.shape[2])
        if places.size == prod(x.shape) and np.array_equal(places.ravel(), np.arange(places.size)):
            return x.name if shape == x.shape else self._reshaped(x, shape).name
        picked = Sparse(np.ones(places.size, np.float32), places.ravel(), np.arange(places.size + 1), x.shape, shape)
        return self.linear(x, picked).name

    def _reshaped(self, x: Tensor, shape: Shape) -> Tensor:
        return self._put("reshape", lambda name: Reshape(name, x.name, shape), natural("", shape), shape)

    def _put(self, kind: str, make: Callable[[str], Node], like: Tensor, shape: Shape) -> Tensor:
        used = {node.name for node in self.nodes} | self.taken
        name, count = f"{self.name}.{kind}", 1
        while name in used:
            count += 1
            name = f"{self.name}.{kind}{count}"
        self.nodes.append(make(name))
        sizes = like.sizes if like.axes is None else tuple(shape[axis] for axis in like.axes)
        return Tensor(name, shape, sizes, like.axes)


Handler: TypeAlias = Callable[[Call], "Tensor | tuple[Tensor, ...]"]
"""Writes the nodes of a call and returns the tensors it makes; raises `Refused` with reason and remedy."""


def _broadcast(values: Array | float, x: Tensor) -> Array:
    """Return a constant with one axis for each of Keras's axes, of length 1 where it does not vary."""
    array = np.asarray(values, np.float64)
    while array.ndim > len(x.sizes) and array.shape[0] == 1:
        array = array[0]
    array = array.reshape((1,) * (len(x.sizes) - array.ndim) + array.shape)
    if len(array.shape) != len(x.sizes) or any(n not in (1, size) for n, size in zip(array.shape, x.sizes, strict=True)):
        raise Refused(f"its constant has shape {np.shape(values)} on a tensor of {x.sizes}; it must be broadcast to that")
    for axis in range(array.ndim):
        if (array == array.take([0], axis)).all():
            array = array.take([0], axis)
    return array


def laid_for(call: Call) -> Tensor:
    """Return a call's input with its axes as the layer's data_format says."""
    x = call.input
    if len(x.sizes) > 3:
        return call.laid(x, (0, 1, 2))
    first = getattr(call.layer, "data_format", None) == "channels_first"
    return call.laid(x, natural("", x.sizes, first).axes or ())
