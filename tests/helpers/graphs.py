"""Hypothesis strategies: random feature maps, linear operators on them, and float CNNs made of graph nodes."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from math import inf
from typing import Any

import numpy as np
from hypothesis import strategies as st

from ecc_lava.common.arrays import Array, Shape
from ecc_lava.errors import InvalidNetwork
from ecc_lava.geometry import Conv, Dense, Geometry, Sparse, apply, axes_permuted, composition_of, from_synapses, target_shape
from ecc_lava.graph.graph import Graph
from ecc_lava.graph.nodes import Add, Input, Linear, Maximum, MaxPool, Node, Relu, Reshape, Scale

__all__ = ["composed", "convs", "geometries", "graphs", "pool", "same_padding", "shapes", "sparse"]

shapes = st.tuples(st.integers(1, 7), st.integers(1, 7), st.integers(1, 4))
"""(H, W, C) of small feature maps."""


def same_padding(size: int, kernel: int, stride: int) -> tuple[int, int]:
    """Return the zeros before and after one axis for ceil(size / stride) outputs."""
    total = max((-(-size // stride) - 1) * stride + kernel - size, 0)
    return total // 2, total - total // 2


def pool(source: Shape, size: int, stride: int) -> Conv:
    """Return an average over `size` x `size` windows, padded as `same`, over valid pixels only."""
    height, width, channels = source
    padding = (*same_padding(height, size, stride), *same_padding(width, size, stride))
    kernel = np.full((size, size, 1, channels), 1.0 / size**2)
    valid = apply(Conv(np.ones((size, size, 1, 1)), (stride, stride), padding), np.ones((1, height, width, 1)))[0, :, :, 0]
    return Conv(kernel, (stride, stride), padding, groups=channels, gain=size**2 / valid)


def composed(outer: Geometry, inner: Geometry, source: Shape) -> Geometry | None:
    """Return the operator equal to ``outer(inner(x))`` for x of shape `source`, or None if there is none."""
    composition = composition_of(outer, inner, source)
    return None if composition is None else composition.made()


def _fits(geometry: Geometry, source: Shape) -> bool:
    try:
        target_shape(geometry, source)
    except InvalidNetwork:
        return False
    return True


@st.composite
def convs(draw: Callable[[Any], Any], source: Shape, gain: bool = True) -> Conv:
    """Draw a convolution with integer weights that fits on `source`: strides, any padding, dilation, groups, gain, stretch, ranges."""
    reads, channels = None, source[2]
    if channels > 1 and draw(st.integers(0, 3)) == 0:
        reads = draw(st.integers(0, 1)), draw(st.integers(2, channels))
        channels = reads[1] - reads[0]
    groups = draw(st.sampled_from([g for g in range(1, channels + 1) if channels % g == 0]))
    size = draw(st.tuples(st.integers(1, 3), st.integers(1, 3)))
    strides = draw(st.tuples(st.integers(1, 4), st.integers(1, 4)))
    dilation = draw(st.sampled_from([(1, 1), (1, 1), (2, 1), (2, 3)]))
    padding = draw(st.tuples(*[st.integers(-1, 3)] * 4))
    rng = np.random.default_rng(draw(st.integers(0, 2**16)))
    kernel = rng.integers(-3, 4, (*size, channels // groups, groups * draw(st.integers(1, 3))))
    stretch = draw(st.sampled_from([(1, 1), (1, 1), (2, 1), (2, 3)]))
    conv = Conv(kernel, strides, padding, dilation, groups, None, stretch, reads)
    if draw(st.integers(0, 3)) == 0:
        first = draw(st.integers(0, 2))
        conv = replace(conv, writes=(first, first + kernel.shape[3] + draw(st.integers(0, 2))))
    if not _fits(conv, source):
        conv = replace(conv, padding=(6, 6, 6, 6))
    if gain and draw(st.integers(0, 3)) == 0:
        conv = replace(conv, gain=rng.integers(1, 4, target_shape(conv, source)[:2]))
    return conv


@st.composite
def sparse(draw: Callable[[Any], Any], source: Shape) -> Sparse:
    """Draw synapses one by one with integer weights, on a map of any shape: few, many or none."""
    target = draw(shapes)
    rng = np.random.default_rng(draw(st.integers(0, 2**16)))
    size = (int(np.prod(target)), int(np.prod(source)))
    matrix = rng.integers(-3, 4, size) * (rng.random(size) < draw(st.sampled_from([0.0, 0.1, 0.6])))
    targets, sources = np.nonzero(matrix)
    order = rng.permutation(len(targets))
    return from_synapses(matrix[targets, sources][order], sources[order], targets[order], source, target)


@st.composite
def geometries(draw: Callable[[Any], Any], source: Shape) -> Geometry:
    """Draw any operator with integer weights that fits on `source`."""
    kind = draw(st.integers(0, 5))
    if kind > 1:
        return draw(convs(source))
    if kind == 1:
        return draw(sparse(source))
    rng = np.random.default_rng(draw(st.integers(0, 2**16)))
    return Dense(rng.integers(-3, 4, (int(np.prod(source)), draw(st.integers(1, 4)))))


BLOCKS = (
    *("conv", "conv", "depthwise", "pool", "scale", "pad", "relu", "ceiling", "skip", "branches"),
    *("max", "relu and max", "maximum", "concatenate", "stretch", "readers"),
    *("permute", "reshape", "reshaped relu", "scale features"),
)


class _Chain:
    """Graph nodes appended one after the other, with random weights."""

    def __init__(self, draw: Callable[[Any], Any], shape: Shape) -> None:
        self._draw = draw
        self._rng = np.random.default_rng(draw(st.integers(0, 2**16)))
        self.nodes: list[Node] = [Input("input", shape)]
        self.shapes: dict[str, Shape] = {"input": shape}

    def _add(self, node: Node, shape: Shape) -> str:
        self.nodes.append(node)
        self.shapes[node.name] = shape
        return node.name

    def _name(self) -> str:
        return f"n{len(self.nodes)}"

    def weights(self, *shape: int) -> Array:
        return self._rng.normal(0, 1, shape)

    def linear(self, source: str, geometry: Geometry, bias: bool = True) -> str:
        shape = target_shape(geometry, self.shapes[source])
        return self._add(Linear(self._name(), source, geometry, self.weights(shape[2]) * bias), shape)

    def relu(self, source: str, ceiling: float = inf) -> str:
        return self._add(Relu(self._name(), source, ceiling), self.shapes[source])

    def max_pool(self, source: str, size: tuple[int, int], strides: tuple[int, int], same: bool) -> str:
        height, width, _ = self.shapes[source]
        padding = (*same_padding(height, size[0], strides[0]), *same_padding(width, size[1], strides[1])) if same else (0, 0, 0, 0)
        node = MaxPool(self._name(), source, size, strides, padding)
        return self._add(node, target_shape(node.tap(0, 0, self.shapes[source]), self.shapes[source]))

    def maximum(self, *sources: str) -> str:
        return self._add(Maximum(self._name(), sources), self.shapes[sources[0]])

    def concatenate(self, *sources: str) -> str:
        """Append what puts the sources' channels one after the other."""
        total, first, placed = sum(self.shapes[source][2] for source in sources), 0, []
        for source in sources:
            channels = self.shapes[source][2]
            place = Conv(np.ones((1, 1, 1, channels)), groups=channels, writes=(first, total))
            placed.append(self.linear(source, place, bias=False))
            first += channels
        return self.add(*placed)

    def channels(self, source: str, first: int, stop: int) -> str:
        place = Conv(np.ones((1, 1, 1, stop - first)), groups=stop - first, reads=(first, stop))
        return self.linear(source, place, bias=False)

    def scale(self, source: str) -> str:
        channels = self.shapes[source][2]
        return self._add(Scale(self._name(), source, self.weights(channels), self.weights(channels)), self.shapes[source])

    def add(self, *sources: str) -> str:
        return self._add(Add(self._name(), sources), self.shapes[sources[0]])

    def reshape(self, source: str, shape: Shape) -> str:
        return self._add(Reshape(self._name(), source, shape), shape)

    def flatten(self, source: str) -> str:
        return self.reshape(source, (1, 1, int(np.prod(self.shapes[source]))))

    def conv(self, source: str, out: int, size: int, stride: int, same: bool) -> str:
        height, width, channels = self.shapes[source]
        padding = (*same_padding(height, size, stride), *same_padding(width, size, stride)) if same else (0, 0, 0, 0)
        return self.linear(source, Conv(self.weights(size, size, channels, out), (stride, stride), padding))

    def step(self, source: str) -> str:
        """Append one random node that keeps a map."""
        height, width, channels = self.shapes[source]
        small = min(height, width)
        size = self._draw(st.integers(1, min(3, small)))
        stride = self._draw(st.integers(1, 3))
        match self._draw(st.sampled_from(BLOCKS)):
            case "conv":
                return self.conv(source, self._draw(st.integers(1, 4)), size, stride, self._draw(st.booleans()))
            case "depthwise":
                padding = (*same_padding(height, size, 1), *same_padding(width, size, 1))
                return self.linear(source, Conv(self.weights(size, size, 1, channels), padding=padding, groups=channels))
            case "pool":
                return self.linear(source, pool(self.shapes[source], size, stride), bias=False)
            case "scale":
                return self.scale(source)
            case "pad":
                padding = self._draw(st.tuples(*[st.integers(0, 2)] * 4))
                return self.linear(source, Conv(np.ones((1, 1, 1, channels)), padding=padding, groups=channels), bias=False)
            case "relu":
                return self.relu(source)
            case "ceiling":
                return self.relu(source, 0.5)
            case "max":
                sides = self._draw(st.tuples(st.integers(1, min(3, height)), st.integers(1, min(3, width))))
                return self.max_pool(source, sides, (stride, stride), self._draw(st.booleans()))
            case "relu and max":
                return self.max_pool(self.relu(source), (min(2, height), min(2, width)), (2, 2), False)
            case "maximum":
                return self.maximum(source, self.scale(source), self.relu(self.scale(source)))
            case "concatenate":
                both = self.concatenate(source, self.relu(self.conv(source, 2, 3, 1, True)))
                return self.channels(self.relu(self.scale(both)), 0, self._draw(st.integers(1, 2 + channels)))
            case "stretch":
                stretched = Conv(self.weights(2, 2, channels, channels), padding=(1, 1, 1, 1), input_dilation=(2, 2))
                return source if max(height, width) > 6 else self.linear(source, stretched)
            case "readers":
                branch = self.conv(source, channels, 3, 1, True)
                return self.add(*(self.relu(self.scale(self.add(source, branch))) for _ in range(6)))
            case "permute":
                order = self._draw(st.permutations([0, 1, 2]))
                return self.linear(source, axes_permuted((height, width, channels), (order[0], order[1], order[2])), bias=False)
            case "reshape":
                return self.reshape(source, (width, channels, height))
            case "reshaped relu":
                return self.reshape(self.relu(source), (channels * width, height, 1))
            case "scale features":
                return self.reshape(self.scale(self.flatten(source)), (height, width, channels))
            case "skip":
                return self.add(source, self.conv(source, channels, 3, 1, True))
            case _:  # branches of unequal depth
                deep = self.conv(self.relu(self.conv(source, 2, 3, 1, True)), channels, 3, 1, True)
                return self.add(self.scale(source), deep, source)


@st.composite
def graphs(draw: Callable[[Any], Any], steps: int = 5) -> Graph:
    """Draw a float CNN of up to `steps` blocks, ended by its map, by a dense layer, or by flatten, scale and dense."""
    chain = _Chain(draw, draw(st.tuples(st.integers(2, 6), st.integers(2, 6), st.integers(1, 3))))
    tensor = "input"
    for _ in range(draw(st.integers(1, steps))):
        tensor = chain.step(tensor)
    end = draw(st.sampled_from(["map", "dense", "scaled dense"]))
    if end != "map":
        tensor = chain.flatten(tensor)
        if end == "scaled dense":
            tensor = chain.scale(tensor)
        if draw(st.booleans()):
            tensor = chain.relu(tensor)
        tensor = chain.linear(tensor, Dense(chain.weights(chain.shapes[tensor][2], 3)))
    return Graph(tuple(chain.nodes))
