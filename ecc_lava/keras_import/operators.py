"""Operations of `keras.ops` and Python operators in functional models."""

from __future__ import annotations

from typing import Any

import numpy as np

from ecc_lava.arrays import Array
from ecc_lava.geometry import Conv
from ecc_lava.keras_import.activations import squashed
from ecc_lava.keras_import.call import Call, Refused, Tensor
from ecc_lava.keras_import.merging import constant, operands

__all__ = ["absolute", "clip", "divide", "get_item", "multiply", "negative"]

_PRODUCT = "a product of two tensors is not piecewise linear; build the model without it"


def multiply(call: Call) -> Tensor:
    """Convert ``x * c`` and ``c * x``."""
    a, b = operands(call)
    if isinstance(a, Tensor) and isinstance(b, Tensor):
        raise Refused(_PRODUCT)
    return call.scale(a, constant(b, a)) if isinstance(a, Tensor) else call.scale(b, constant(a, b))


def divide(call: Call) -> Tensor:
    """Convert ``x / c``."""
    a, b = operands(call)
    if isinstance(b, Tensor):
        raise Refused("it divides by a tensor, which is not piecewise linear; build the model without it")
    divisor: Array = constant(b, a)
    if (divisor == 0).any():
        raise Refused("it divides by zero")
    return call.scale(a, 1.0 / divisor)


def negative(call: Call) -> Tensor:
    """Convert ``-x``."""
    return call.scale(call.input, -1.0)


def absolute(call: Call) -> Tensor:
    """Convert ``abs(x) = relu(x) + relu(-x)``."""
    return call.add([call.relu(call.input), call.relu(call.scale(call.input, -1.0))])


def clip(call: Call) -> Tensor:
    """Convert ``clip(x, low, high)`` of two numbers."""
    return squashed(call, call.input, float(call.layer.x_min), float(call.layer.x_max))


def _whole_key(key: Any, rank: int) -> list[slice]:
    """Return one slice per axis of (N, ...), or refuse anything else."""
    parts = list(key) if isinstance(key, tuple | list) else [key]
    if any(part is not Ellipsis and not isinstance(part, slice) for part in parts):
        raise Refused("it picks single entries or adds axes; only slices such as x[:, 1:, ::2, :3] are supported")
    if Ellipsis not in parts:
        parts.append(Ellipsis)
    at = parts.index(Ellipsis)
    return parts[:at] + [slice(None)] * (rank + 1 - len(parts)) + parts[at + 1 :]


def get_item(call: Call) -> Tensor:
    """Convert ``x[:, 1:, ::2, :3]``: cropping, strides, and a range of channels."""
    x = call.input
    batch, *slices = _whole_key(call.arguments[1], x.rank)
    if batch != slice(None):
        raise Refused("it picks some of the batch")
    picked = [range(n)[s] for n, s in zip(x.shape, [slice(None)] * (4 - x.rank) + slices, strict=True)]
    rows, columns, channels = picked
    if not all(picked) or rows.step < 1 or columns.step < 1 or channels.step != 1:
        raise Refused("it picks nothing, goes backwards, or skips channels; only forward slices are supported, and ranges of channels")
    y = call.per_channel(
        x,
        (1, 1),
        strides=(rows.step, columns.step),
        padding=(-rows[0], rows[-1] + 1 - x.shape[0], -columns[0], columns[-1] + 1 - x.shape[1]),
    )
    if len(channels) == x.channels:
        return y
    reads = (channels[0], channels[-1] + 1)
    return call.linear(y, Conv(np.ones((1, 1, 1, len(channels))), groups=len(channels), reads=reads))
