"""What a handler sees of one call of a Keras layer, and how it writes graph nodes."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from math import inf, prod
from typing import Any, TypeAlias

import numpy as np

from ecc_lava.common import Array, Shape
from ecc_lava.geometry import Conv, Geometry, Sparse, WeightGrid, target_shape
from ecc_lava.graph import Add, Final, Linear, Maximum, MaxPool, Node, Relu, Reshape, Scale, Statistics, Step
from ecc_lava.importers.keras.framework import as_numpy
from ecc_lava.importers.keras.tensors import Tensor, map_shape, natural

__all__ = ["Call", "Handler", "Refused", "laid_for", "wrong_axes"]


class Refused(Exception):
    """A layer setting that cannot be converted; the importer collects all refusals of a model."""


def wrong_axes(count: int) -> Refused:
    """Return the refusal of a tensor by its number of axes, without the batch."""
    return Refused(f"its tensor has {count + 1} axes; images (N, H, W, C), signals (N, L, C) and vectors (N, C) are supported")


def _unknown(layer: Any) -> Handler:
    raise Refused(f"its layer {type(layer).__name__} is not known here")


@dataclass
class Call:
    """One call of a layer or an operation: what it reads, and the nodes written for it.

    Every method that writes a node returns the node's tensor, so handlers compose these methods like functions. A node has the layer's name
    with its purpose as a suffix; the importer gives the last node the layer's own name.

    Attributes
    ----------
    layer : keras layer or operation
    name : str
    inputs : tuple of Tensor
    arguments : tuple
        Positional and keyword arguments of the call in order; every Keras tensor among them is replaced by its `Tensor`.
    dtype : str
        Of the first Keras tensor; comparisons are "bool".
    taken : set of str
        Names of nodes of other calls.
    weights : dict
        Variables read so far and their arrays, by the variable's id; the calls of one layer share them.
    handler_of : callable (layer) -> Handler
        For layers around a layer.
    """

    layer: Any
    name: str
    inputs: tuple[Tensor, ...]
    arguments: tuple[Any, ...] = ()
    dtype: str = "float32"
    taken: set[str] = field(default_factory=set)
    weights: dict[int, tuple[Any, Array]] = field(default_factory=dict)
    handler_of: Callable[[Any], Handler] = field(default=_unknown)
    nodes: list[Node] = field(default_factory=list)

    @property
    def input(self) -> Tensor:
        """The first input."""
        return self.inputs[0]

    def numbers(self, variable: Any) -> Array:
        """Return a Keras variable as a float32 array."""
        if id(variable) not in self.weights:
            self.weights[id(variable)] = variable, as_numpy(variable, np.float32)
        return self.weights[id(variable)][1]

    def linear(self, x: Tensor, geometry: Geometry, bias: Array | None = None, grid: WeightGrid | None = None) -> Tensor:
        """Write ``geometry(x) + bias``; `grid` says how the model has rounded the weights, if it has."""
        shape = target_shape(geometry, x.shape)
        offset = np.zeros(shape[2], np.float32) if bias is None else bias
        return self._put("linear", lambda name: Linear(name, x.name, geometry, offset, grid), x, shape)

    def per_channel(self, x: Tensor, kernel: tuple[int, int], value: float = 1.0, **layout: Any) -> Tensor:
        """Write a depthwise convolution whose weights are all `value`, for padding, cropping and means."""
        return self.linear(x, Conv(np.full((*kernel, 1, x.channels), value), groups=x.channels, **layout))

    def scale(self, x: Tensor, scale: Array | float, shift: Array | float = 0.0, seen: tuple[Array, Array] | tuple[()] = ()) -> Tensor:
        """Write ``scale * x + shift``; scale and shift broadcast against Keras's tensor.

        `seen` is the mean and the variance of x in training, if the layer keeps them; they broadcast too.

        Raises
        ------
        Refused
            If one of them does not broadcast, or would enlarge the tensor.
        """
        constants = [_broadcast(values, x) for values in (scale, shift, *seen)]
        varies = {k for values in constants for k, size in enumerate(values.shape) if size > 1}
        if x.axes is not None and all(x.axes[k] == 2 for k in varies):
            per_channel = [np.broadcast_to(values.ravel(), x.channels) for values in constants]
            return self._put("scale", lambda name: _scale(name, x, per_channel), x, x.shape)
        per_place = [x.in_map_order(np.broadcast_to(values, x.sizes)).ravel() for values in constants]
        flat = self._reshaped(x, (1, 1, prod(x.shape)))
        scaled = self._put("scale", lambda name: _scale(name, flat, per_place), flat, flat.shape)
        return replace(self._reshaped(scaled, x.shape), sizes=x.sizes, axes=x.axes)

    def relu(self, x: Tensor, ceiling: float = inf, bits: int | None = None, halves_up: bool = False) -> Tensor:
        """Write ``min(max(x, 0), ceiling)``, rounded to ``2**bits - 1`` equal steps of the ceiling if bits are given."""
        return self._put("relu", lambda name: Relu(name, x.name, ceiling, bits, halves_up), x, x.shape)

    def step(self, x: Tensor) -> Tensor:
        """Write ``1 if x >= 0 else 0``."""
        return self._put("step", lambda name: Step(name, x.name), x, x.shape)

    def max_pool(self, x: Tensor, size: tuple[int, int], strides: tuple[int, int], padding: tuple[int, int, int, int]) -> Tensor:
        """Write the maximum of every window."""
        probe = MaxPool(self.name, x.name, size, strides, padding)
        shape = target_shape(probe.tap(0, 0, x.shape), x.shape)
        return self._put("max", lambda name: replace(probe, name=name), x, shape)

    def maximum(self, tensors: Sequence[Tensor]) -> Tensor:
        """Write the elementwise maximum of several tensors of one layout."""
        return self._put("max", lambda name: Maximum(name, tuple(t.name for t in tensors)), tensors[0], tensors[0].shape)

    def add(self, tensors: Sequence[Tensor]) -> Tensor:
        """Write the sum of tensors of one layout."""
        return self._put("sum", lambda name: Add(name, tuple(t.name for t in tensors)), tensors[0], tensors[0].shape)

    def final(self, x: Tensor, function: type[Final]) -> Tensor:
        """Write a final softmax or sigmoid."""
        if self.nodes and self.nodes[-1].name == x.name:  # the activation is fused into a layer that has just written x
            x = replace(x, name=f"{self.name}.logits")
            self.nodes[-1] = replace(self.nodes[-1], name=x.name)
        return self._put(function.__name__.lower(), lambda name: function(name, x.name), x, x.shape)

    def moved(self, x: Tensor, function: Callable[[Array], Array]) -> Tensor:
        """Write what a function does that only moves and copies numbers, as a tensor in its own order.

        Parameters
        ----------
        x : Tensor
        function : callable (array (N, ...)) -> array (N, ...)

        Raises
        ------
        Refused
            If the function does not fit the tensor, leaves nothing of it, or treats samples differently.
        """
        per_sample = prod(x.shape)
        try:
            first, *others = function(x.places(2))
        except (ValueError, IndexError, np.exceptions.AxisError) as error:
            raise Refused(f"it does not fit a tensor of {x.sizes}: {error}") from error
        if not first.size:
            raise Refused("its result is empty; leave it out")
        if len(others) != 1 or first.max(initial=0) >= per_sample or not np.array_equal(others[0], first + per_sample):
            raise Refused("it moves numbers between samples, or moves the batch axis")
        result = natural(x.name, first.shape)
        return replace(result, name=self._gathered(x, first.reshape(result.shape)))

    def laid(self, x: Tensor, axes: tuple[int, ...]) -> Tensor:
        """Return a tensor whose Keras axes lie on the given axes of (H, W, C); move its numbers if they lie otherwise.

        Raises
        ------
        Refused
            If the tensor has another number of axes.
        """
        if len(x.sizes) != len(axes) or x.axes is None:
            raise wrong_axes(len(x.sizes))
        if x.axes == axes:
            return x
        laid = Tensor(x.name, map_shape(x.sizes, axes), x.sizes, axes)
        return replace(laid, name=self._gathered(x, laid.in_map_order(x.places(1)[0])))

    def finish(self, result: Tensor, name: str) -> Tensor:
        """Give the layer's name to the node that makes a result."""
        if all(node.name != result.name for node in self.nodes) or any(result.name in node.sources for node in self.nodes):
            result = replace(result, name=self._reshaped(result, result.shape).name)  # the layer does nothing
        self.nodes = [replace(node, name=name) if node.name == result.name else node for node in self.nodes]
        return replace(result, name=name)

    def _gathered(self, x: Tensor, places: Array) -> str:
        """Write a map (H, W, C) of numbers picked from x, and return the map's name."""
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
"""Writes the nodes of a call and returns the tensors that it makes; raises `Refused` with a reason and a remedy."""


def _scale(name: str, x: Tensor, constants: Sequence[Array]) -> Scale:
    """Return the node of a scale, a shift and, if there are more constants, what training saw."""
    scale, shift, *seen = constants
    return Scale(name, x.name, scale, shift, Statistics(*seen) if seen else None)


def _broadcast(values: Array | float, x: Tensor) -> Array:
    """Return a constant with one axis for each of Keras's axes; an axis along which the constant does not vary has length 1."""
    array = np.asarray(values, np.float64)
    while array.ndim > len(x.sizes) and array.shape[0] == 1:
        array = array[0]
    array = array.reshape((1,) * (len(x.sizes) - array.ndim) + array.shape)
    if len(array.shape) != len(x.sizes) or any(n not in (1, size) for n, size in zip(array.shape, x.sizes, strict=True)):
        raise Refused(f"its constant has shape {np.shape(values)} on a tensor of {x.sizes}; the constant must broadcast to that shape")
    for axis in range(array.ndim):
        if (array == array.take([0], axis)).all():
            array = array.take([0], axis)
    return array


def laid_for(call: Call) -> Tensor:
    """Return a call's input with its axes as the layer's `data_format` says."""
    x = call.input
    if len(x.sizes) > 3:
        return call.laid(x, (0, 1, 2))
    first = getattr(call.layer, "data_format", None) == "channels_first"
    return call.laid(x, natural("", x.sizes, first).axes or ())
