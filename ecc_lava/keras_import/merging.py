"""Layers and operations that join tensors, or a tensor and constants: sums, differences, means, maxima, concatenation."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from ecc_lava.arrays import Array
from ecc_lava.geometry import Conv
from ecc_lava.keras_import.call import Call, Refused, Tensor
from ecc_lava.keras_import.normalisation import one_per_channel

__all__ = ["add", "average", "concatenate", "constant", "custom_scale", "maximum", "minimum", "operands", "subtract"]


def _leaves(value: Any) -> Iterator[Any]:
    if isinstance(value, list | tuple):
        for item in value:
            yield from _leaves(item)
    elif value is not None:
        yield value


def operands(call: Call) -> list[Any]:
    """Return a call's tensors and constants in order; the tensors have one shape.

    Raises
    ------
    Refused
        If the tensors' shapes differ.
    """
    values = list(_leaves(call.arguments))
    shapes = {(value.rank, value.shape) for value in values if isinstance(value, Tensor)}
    if len(shapes) != 1:
        maps = " and ".join(str(value.shape) for value in values if isinstance(value, Tensor))
        raise Refused(f"it joins maps of different shapes, {maps}; broadcasting is not supported")
    return values


def constant(value: Any, x: Tensor) -> Array:
    """Return a constant operand of x as one number, or one per channel.

    Raises
    ------
    Refused
        If it is neither.
    """
    numbers = np.asarray(value, np.float64)
    if numbers.ndim > x.rank or not one_per_channel(numbers, x.channels):
        raise Refused(f"its constant has shape {numbers.shape}; only one number or one per channel is supported")
    return numbers.ravel()


def _split(call: Call) -> tuple[list[Tensor], list[Array]]:
    values = operands(call)
    tensors = [value for value in values if isinstance(value, Tensor)]
    return tensors, [constant(value, tensors[0]) for value in values if not isinstance(value, Tensor)]


def _sum(call: Call, tensors: list[Tensor]) -> Tensor:
    return call.add(tensors) if len(tensors) > 1 else tensors[0]


def add(call: Call) -> Tensor:
    """Convert Add, and ``x + y``."""
    tensors, constants = _split(call)
    total = _sum(call, tensors)
    return call.scale(total, 1.0, np.asarray(sum(constants))) if constants else total


def subtract(call: Call) -> Tensor:
    """Convert Subtract, and ``x - y``."""
    a, b = operands(call)
    if not isinstance(a, Tensor):
        return call.scale(b, -1.0, constant(a, b))
    if not isinstance(b, Tensor):
        return call.scale(a, 1.0, -constant(b, a))
    return call.add([a, call.scale(b, -1.0)])


def average(call: Call) -> Tensor:
    """Convert Average."""
    tensors, _ = _split(call)
    return call.scale(_sum(call, tensors), 1.0 / len(tensors))


def _largest(call: Call, tensors: list[Tensor], constants: list[Array]) -> Tensor:
    """Return the largest of tensors and constants: ``max(x, c) = c + relu(x - c)``."""
    result = call.maximum(tensors) if len(tensors) > 1 else tensors[0]
    if constants:
        floor = np.maximum.reduce(np.broadcast_arrays(*constants))
        result = call.scale(call.relu(call.scale(result, 1.0, -floor)), 1.0, floor)
    return result


def maximum(call: Call) -> Tensor:
    """Convert Maximum, of constants too."""
    return _largest(call, *_split(call))


def minimum(call: Call) -> Tensor:
    """Convert Minimum, of constants too: the largest of the negatives, negated."""
    tensors, constants = _split(call)
    return call.scale(_largest(call, [call.scale(x, -1.0) for x in tensors], [-c for c in constants]), -1.0)


def concatenate(call: Call) -> Tensor:
    """Convert Concatenate along channels, rows or columns: every tensor in its place of an empty map, added up."""
    tensors = [value for value in _leaves(call.arguments) if isinstance(value, Tensor)]
    rank = tensors[0].rank
    axis = int(call.layer.axis) % rank - rank + 3  # of (H, W, C)
    if axis < 4 - rank:
        raise Refused("it joins along the batch axis")
    if len({(x.rank, *x.shape[:axis], *x.shape[axis + 1 :]) for x in tensors}) != 1:
        raise Refused("it joins maps that differ in other axes too")
    if len(tensors) == 1:
        return tensors[0]
    total, before, placed = sum(x.shape[axis] for x in tensors), 0, []
    for x in tensors:
        after = total - before - x.shape[axis]
        kernel = np.ones((1, 1, 1, x.channels))
        if axis == 2:
            geometry = Conv(kernel, groups=x.channels, writes=(before, total))
        else:
            geometry = Conv(kernel, padding=(before, after, 0, 0) if axis == 0 else (0, 0, before, after), groups=x.channels)
        placed.append(call.linear(x, geometry))
        before += x.shape[axis]
    return call.add(placed)


def custom_scale(call: Call) -> Tensor:
    """Convert CustomScaleLayer of Keras's InceptionResNetV2: ``a + scale * b``."""
    a, b = operands(call)
    return call.add([a, call.scale(b, float(call.layer.scale))])
