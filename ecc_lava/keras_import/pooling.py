"""Pooling by means and by maxima, over windows and over whole maps."""

from __future__ import annotations

import numpy as np

from ecc_lava.geometry import Conv, apply
from ecc_lava.keras_import.call import Call, Tensor, channels_last
from ecc_lava.keras_import.windows import padding_of, pair

__all__ = ["average_pooling", "global_average_pooling", "global_max_pooling", "max_pooling"]


def average_pooling(call: Call) -> Tensor:
    """Convert AveragePooling2D and 1D; Keras averages over the window's positions on the map only."""
    channels_last(call)
    x, size, strides = call.input, pair(call.layer.pool_size), pair(call.layer.strides)
    padding = padding_of(call.layer, x.shape, size)
    gain = None
    if any(padding):
        inside = apply(Conv(np.ones((*size, 1, 1)), strides, padding), np.ones((1, *x.shape[:2], 1)))[0, :, :, 0]
        gain = size[0] * size[1] / inside
    if gain is not None and (gain == 1).all():
        gain = None
    return call.per_channel(x, size, 1.0 / (size[0] * size[1]), strides=strides, padding=padding, gain=gain)


def global_average_pooling(call: Call) -> Tensor:
    """Convert GlobalAveragePooling2D and 1D."""
    channels_last(call)
    height, width, _ = call.input.shape
    return call.per_channel(call.input, (height, width), 1.0 / (height * width))


def max_pooling(call: Call) -> Tensor:
    """Convert MaxPooling2D and 1D; positions beyond the map do not count."""
    channels_last(call)
    size = pair(call.layer.pool_size)
    return call.max_pool(call.input, size, pair(call.layer.strides), padding_of(call.layer, call.input.shape, size))


def global_max_pooling(call: Call) -> Tensor:
    """Convert GlobalMaxPooling2D and 1D."""
    channels_last(call)
    height, width, _ = call.input.shape
    return call.max_pool(call.input, (height, width), (1, 1), (0, 0, 0, 0))
