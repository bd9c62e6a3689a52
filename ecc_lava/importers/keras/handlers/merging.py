"""Layers and operations that join tensors, or a tensor with constants: sums, differences, means, maxima, concatenation."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

import numpy as np

from ecc_lava.common import Array
from ecc_lava.geometry import Conv
from ecc_lava.importers.keras.call import Call, Refused, wrong_axes
from ecc_lava.importers.keras.tensors import Tensor

__all__ = [
    "add",
    "average",
    "concatenate",
    "custom_scale",
    "joined",
    "maximum",
    "minimum",
    "operands",
    "put",
    "stack",
    "subtract",
    "summed",
]

SUPPORT: Final = ("Joins", "tensors and constants that broadcast to one of the tensors")
"""Title and limits of these layers in the table of supported layers."""


def _leaves(value: Any) -> Iterator[Any]:
    if isinstance(value, list | tuple):
        for item in value:
            yield from _leaves(item)
    elif value is not None:
        yield value


def operands(call: Call) -> list[Any]:
    """Return a call's tensors and constants in order, with all tensors broadcast to one shape and laid on the same axes.

    Raises
    ------
    Refused
        If the tensors do not broadcast to one shape.
    """
    values = list(_leaves(call.arguments))
    tensors = [value for value in values if isinstance(value, Tensor)]
    try:
        if len({len(x.sizes) for x in tensors}) != 1:
            raise ValueError("different numbers of axes")
        sizes = np.broadcast_shapes(*(x.sizes for x in tensors))
    except ValueError as error:
        raise Refused(f"it joins tensors of {' and '.join(str(x.sizes) for x in tensors)}, which do not broadcast to one shape") from error
    axes = next((x.axes for x in tensors if x.sizes == sizes), tensors[0].axes)
    return [
        _spread(call, value if axes is None else call.laid(value, axes), sizes) if isinstance(value, Tensor) else value for value in values
    ]


def _spread(call: Call, x: Tensor, sizes: tuple[int, ...]) -> Tensor:
    """Return a tensor repeated along axes of length 1."""
    if x.sizes == sizes:
        return x
    if x.axes is None:
        return call.moved(x, lambda places: np.broadcast_to(places, (len(places), *sizes)))
    times = [1, 1, 1]
    for axis, size, given in zip(x.axes, sizes, x.sizes, strict=True):
        times[axis] = size // given
    if times[2] > 1:
        x = call.linear(x, Conv(np.ones((1, 1, 1, times[2]))))
    rows, columns = times[0], times[1]
    return x if rows == columns == 1 else call.per_channel(x, (rows, columns), padding=(rows - 1, rows - 1, columns - 1, columns - 1))


def _split(call: Call) -> tuple[list[Tensor], list[Array]]:
    values = operands(call)
    tensors = [value for value in values if isinstance(value, Tensor)]
    return tensors, [np.asarray(value, np.float64) for value in values if not isinstance(value, Tensor)]


def summed(call: Call, tensors: list[Tensor]) -> Tensor:
    """Return the sum of one or more tensors of one layout."""
    return call.add(tensors) if len(tensors) > 1 else tensors[0]


def add(call: Call) -> Tensor:
    """Convert Add, and ``x + y``."""
    tensors, constants = _split(call)
    total = summed(call, tensors)
    return call.scale(total, 1.0, np.asarray(sum(constants))) if constants else total


def subtract(call: Call) -> Tensor:
    """Convert Subtract, and ``x - y``."""
    a, b = operands(call)
    if not isinstance(a, Tensor):
        return call.scale(b, -1.0, np.asarray(a))
    if not isinstance(b, Tensor):
        return call.scale(a, 1.0, -np.asarray(b))
    return call.add([a, call.scale(b, -1.0)])


def average(call: Call) -> Tensor:
    """Convert Average."""
    tensors, _ = _split(call)
    return call.scale(summed(call, tensors), 1.0 / len(tensors))


def _largest(call: Call, tensors: list[Tensor], constants: list[Array]) -> Tensor:
    """Return the maximum of tensors and constants: ``max(x, c) = c + relu(x - c)``."""
    result = call.maximum(tensors) if len(tensors) > 1 else tensors[0]
    if constants:
        floor = np.maximum.reduce(np.broadcast_arrays(*constants))
        result = call.scale(call.relu(call.scale(result, 1.0, -floor)), 1.0, floor)
    return result


def maximum(call: Call) -> Tensor:
    """Convert Maximum of tensors and constants."""
    return _largest(call, *_split(call))


def minimum(call: Call) -> Tensor:
    """Convert Minimum of tensors and constants: the negative of the maximum of the negatives."""
    tensors, constants = _split(call)
    return call.scale(_largest(call, [call.scale(x, -1.0) for x in tensors], [-c for c in constants]), -1.0)


def concatenate(call: Call) -> Tensor:
    """Convert Concatenate along any axis."""
    return joined(call, [value for value in _leaves(call.arguments) if isinstance(value, Tensor)], int(call.layer.axis))


def stack(call: Call) -> Tensor:
    """Convert the operation stack: tensors joined along a new axis."""
    axis = int(call.layer.axis)
    tensors = [value for value in _leaves(call.arguments) if isinstance(value, Tensor)]
    return joined(call, [call.moved(x, lambda places: np.expand_dims(places, axis)) for x in tensors], axis)


def joined(call: Call, tensors: list[Tensor], axis: int) -> Tensor:
    """Return tensors joined along one of Keras's axes: the sum of the tensors, each padded with zeros to the joined length."""
    rank = len(tensors[0].sizes) + 1
    k, axes = axis % rank - 1, tensors[0].axes
    if k < 0:
        raise Refused("it joins along the batch axis; join along another axis")
    if axes is None:
        raise wrong_axes(rank - 1)
    if len({(*x.sizes[:k], *x.sizes[k + 1 :]) for x in tensors}) != 1:
        raise Refused("it joins tensors that differ along other axes too")
    if len(tensors) == 1:
        return tensors[0]
    total, before, placed = sum(x.sizes[k] for x in tensors), 0, []
    for x in tensors:
        placed.append(put(call, call.laid(x, axes), k, before, total - before - x.sizes[k]))
        before += x.sizes[k]
    return call.add(placed)


def put(call: Call, x: Tensor, k: int, before: int, after: int) -> Tensor:
    """Return a tensor with zeros before and after it along one of Keras's axes."""
    assert x.axes is not None, "tensors of more than three axes are refused earlier"
    match x.axes[k]:
        case 0:
            return call.per_channel(x, (1, 1), padding=(before, after, 0, 0))
        case 1:
            return call.per_channel(x, (1, 1), padding=(0, 0, before, after))
        case _:
            return call.linear(x, Conv(np.ones((1, 1, 1, x.channels)), groups=x.channels, writes=(before, before + x.channels + after)))


def custom_scale(call: Call) -> Tensor:
    """Convert CustomScaleLayer of Keras's InceptionResNetV2: ``a + scale * b``."""
    a, b = operands(call)
    return call.add([a, call.scale(b, float(call.layer.scale))])
