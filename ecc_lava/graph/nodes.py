"""The nodes of a float CNN: what each computes, and the map it makes."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from math import inf, prod
from typing import TypeAlias

import numpy as np

from ecc_lava.common import Array, Shape, read_only
from ecc_lava.errors import InvalidNetwork
from ecc_lava.geometry import Conv, Geometry, WeightGrid, on_grid, target_shape
from ecc_lava.graph.training import Statistics

__all__ = [
    "Add",
    "Final",
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
    "nodes_for_outputs",
    "shape_of",
]

WINDOW_MAX = 2**22
"""Most positions under a window of a pool over maxima."""


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
    """Convolution, pooling by averages, padding or a dense layer: ``y = geometry(x) + bias``, bias (C,).

    `grid` says on which grid the weights lie, if the model has quantised them.
    """

    geometry: Geometry
    bias: Array
    grid: WeightGrid | None = None

    def __post_init__(self) -> None:
        object.__setattr__(self, "bias", read_only(self.bias))
        _finite(self.name, self.geometry.kernel, self.bias)
        if self.grid is not None and not on_grid(self.geometry, self.grid):
            raise InvalidNetwork(f"the weights of node {self.name!r} are no whole multiples of the steps that its grid gives")


@dataclass(frozen=True, eq=False)
class Scale(_OneSource):
    """``y = scale * x + shift`` per channel, both (C,): batch normalisation, normalisation, rescaling.

    `seen` says what training saw of x, if the layer keeps it.
    """

    scale: Array
    shift: Array
    seen: Statistics | None = None

    def __post_init__(self) -> None:
        for field in ("scale", "shift"):
            object.__setattr__(self, field, read_only(getattr(self, field)))
        _finite(self.name, self.scale, self.shift)
        if self.seen is not None and self.seen.mean.shape != self.scale.shape:
            raise InvalidNetwork(f"node {self.name!r} has statistics of {self.seen.mean.shape} on {self.scale.shape} channels")


@dataclass(frozen=True, eq=False)
class Reshape(_OneSource):
    """The same numbers in C order as a map of another shape."""

    shape: Shape


@dataclass(frozen=True, eq=False)
class Relu(_OneSource):
    """``y = min(max(x, 0), ceiling)``; with `bits`, rounded to the nearest of ``2**bits - 1`` equal steps of the ceiling.

    Halves of a step go up, or else to the even step.
    """

    ceiling: float = inf
    bits: int | None = None
    halves_up: bool = False

    def __post_init__(self) -> None:
        if not self.ceiling > 0:
            raise InvalidNetwork(f"the ceiling of node {self.name!r} is {self.ceiling}; it must be positive")
        if self.bits is not None and not (self.bits >= 1 and self.ceiling < inf):
            raise InvalidNetwork(
                f"node {self.name!r} rounds to {self.bits} bits of {self.ceiling}; at least 1 bit of a finite ceiling is needed"
            )


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
        if self.size[0] * self.size[1] > WINDOW_MAX:
            raise InvalidNetwork(f"node {self.name!r} pools windows of {self.size}; at most {WINDOW_MAX} positions are possible")
        if min(*self.size, *self.strides) < 1 or any(not 0 <= p < s for p, s in zip(self.padding, widest, strict=True)):
            raise InvalidNetwork(
                f"node {self.name!r} pools windows of {self.size} at strides {self.strides} with padding {self.padding}; "
                "sizes and strides must be at least 1, padding less than the window"
            )

    def tap(self, row: int, column: int, source: Shape) -> Conv:
        """Return the operator that picks one position of every window, 0 where it lies outside the map."""
        channels = source[2]
        height, width, _ = target_shape(Conv(np.ones((*self.size, 1, 1)), self.strides, self.padding), (*source[:2], 1))
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


def shape_of(node: Node, sources: list[Shape]) -> Shape:
    """Return the shape of a node's tensor from those of its sources; `InvalidNetwork` if they do not fit."""
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
                raise InvalidNetwork(f"node {node.name!r} scales {scale.shape} and shifts {shift.shape} of {sources[0][2]} channels")
            return sources[0]
        case Reshape(shape=shape):
            if prod(shape) != prod(sources[0]):
                raise InvalidNetwork(f"node {node.name!r} cannot reshape {sources[0]} to {shape}; the numbers of neurons differ")
            return shape
        case Add() | Maximum():
            if len(set(sources)) != 1:
                raise InvalidNetwork(f"node {node.name!r} joins maps of different shapes: {sources}")
            return sources[0]
        case MaxPool():
            return target_shape(node.tap(0, 0, sources[0]), sources[0])
        case Relu() | Step() | Softmax() | Sigmoid():
            return sources[0]


def nodes_for_outputs(nodes: Sequence[Node], outputs: Iterable[str]) -> list[Node]:
    """Return the inputs and the nodes that the outputs depend on, in order."""
    wanted = set(outputs)
    for node in reversed(nodes):
        if node.name in wanted:
            wanted.update(node.sources)
    return [node for node in nodes if node.name in wanted or isinstance(node, Input)]
