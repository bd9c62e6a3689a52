"""Pooling by means and by maxima, over windows, over whole maps, and over any axes."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any, Final

import numpy as np

from ecc_lava.geometry import Conv, apply
from ecc_lava.importers.keras.call import Call, Refused, laid_for, wrong_axes
from ecc_lava.importers.keras.handlers.windows import padding_of, pair
from ecc_lava.importers.keras.tensors import Tensor

__all__ = [
    "average_pooling",
    "global_average_pooling",
    "global_max_pooling",
    "max_pooling",
    "reduced_max",
    "reduced_mean",
    "reduced_min",
    "reduced_sum",
]

SUPPORT: Final = ("Pooling, reductions", "not over the batch; no initial value, no weights")
"""Title and limits of these layers in the table of supported layers."""


def _windows(layer: Any, x: Tensor) -> tuple[tuple[int, int], tuple[int, int], tuple[int, int, int, int]]:
    """Return size, strides and padding of the windows; an operation may give one number for all axes."""
    axes = len(x.sizes) - 1
    size, strides = (
        pair((values,) * axes if isinstance(values, int) else values) for values in (layer.pool_size, layer.strides or layer.pool_size)
    )
    return size, strides, padding_of(layer.padding, x.shape, size, strides)


def average_pooling(call: Call) -> Tensor:
    """Convert AveragePooling2D and AveragePooling1D; Keras averages over the window's positions on the map alone."""
    x = laid_for(call)
    size, strides, padding = _windows(call.layer, x)
    gain = None
    if any(padding):
        inside = apply(Conv(np.ones((*size, 1, 1)), strides, padding), np.ones((1, *x.shape[:2], 1)))[0, :, :, 0]
        gain = size[0] * size[1] / inside
    if gain is not None and (gain == 1).all():
        gain = None
    return call.per_channel(x, size, 1.0 / (size[0] * size[1]), strides=strides, padding=padding, gain=gain)


def max_pooling(call: Call) -> Tensor:
    """Convert MaxPooling2D and MaxPooling1D; positions beyond the map do not count."""
    x = laid_for(call)
    return call.max_pool(x, *_windows(call.layer, x))


def _without(x: Tensor, dropped: set[int], keepdims: bool) -> Tensor:
    """Return a tensor without some of Keras's axes, all of length 1."""
    if keepdims or x.axes is None:
        return x
    kept = [k for k in range(len(x.sizes)) if k not in dropped]
    return replace(x, sizes=tuple(x.sizes[k] for k in kept), axes=tuple(x.axes[k] for k in kept))


def _mean(call: Call, x: Tensor, along: set[int]) -> Tensor:
    """Return means over rows, columns or channels."""
    window = (x.shape[0] if 0 in along else 1, x.shape[1] if 1 in along else 1)
    if along & {0, 1}:
        x = call.per_channel(x, window, 1.0 / (window[0] * window[1]))
    return call.linear(x, Conv(np.full((1, 1, x.channels, 1), 1.0 / x.channels))) if 2 in along else x


def _maximum(call: Call, x: Tensor, along: set[int]) -> Tensor:
    """Return the maximum over rows, columns or channels; channels become columns first."""
    if along & {0, 1}:
        x = call.max_pool(x, (x.shape[0] if 0 in along else 1, x.shape[1] if 1 in along else 1), (1, 1), (0, 0, 0, 0))
    if 2 not in along:
        return x
    exchanged = {0: 0, 1: 2, 2: 1}
    x = call.laid(x, tuple(exchanged[axis] for axis in x.axes or ()))
    return call.max_pool(x, (1, x.shape[1]), (1, 1), (0, 0, 0, 0))


def _global(call: Call, pooled: Callable[[Call, Tensor, set[int]], Tensor]) -> Tensor:
    x = laid_for(call)
    spatial = {k for k, axis in enumerate(x.axes or ()) if axis != 2}
    return _without(pooled(call, x, {0, 1}), spatial, call.layer.keepdims)


def global_average_pooling(call: Call) -> Tensor:
    """Convert GlobalAveragePooling2D and GlobalAveragePooling1D."""
    return _global(call, _mean)


def global_max_pooling(call: Call) -> Tensor:
    """Convert GlobalMaxPooling2D and GlobalMaxPooling1D."""
    return _global(call, _maximum)


def _reduced(call: Call, x: Tensor, pooled: Callable[[Call, Tensor, set[int]], Tensor]) -> Tensor:
    """Return a tensor reduced over the axes that an operation names."""
    axes: Any = call.layer.axis
    axes = (axes,) if isinstance(axes, int) else axes
    if axes is None or any(axis % (len(x.sizes) + 1) == 0 for axis in axes):
        raise Refused("it reduces over the batch axis too; reduce over the other axes")
    if any(value is not None for value in call.arguments[1:]) or getattr(call.layer, "initial", None) is not None:
        raise Refused("it takes weights or an initial value; only plain reductions are supported")
    if x.axes is None:
        raise wrong_axes(len(x.sizes))
    dropped = {axis % (len(x.sizes) + 1) - 1 for axis in axes}
    return _without(pooled(call, x, {x.axes[k] for k in dropped}), dropped, getattr(call.layer, "keepdims", False))


def reduced_mean(call: Call) -> Tensor:
    """Convert the operations mean and average."""
    return _reduced(call, call.input, _mean)


def reduced_sum(call: Call) -> Tensor:
    """Convert the operation sum: the mean times the count of numbers."""
    y = reduced_mean(call)
    return call.scale(y, float(np.prod(call.input.shape) / np.prod(y.shape)))


def reduced_max(call: Call) -> Tensor:
    """Convert the operations max and amax."""
    return _reduced(call, call.input, _maximum)


def reduced_min(call: Call) -> Tensor:
    """Convert the operations min and amin."""
    return call.scale(_reduced(call, call.scale(call.input, -1.0), _maximum), -1.0)
