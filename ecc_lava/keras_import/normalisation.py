"""Scales and shifts per channel: batch normalisation, normalisation, rescaling."""

from __future__ import annotations

import numpy as np

from ecc_lava.arrays import Array
from ecc_lava.keras_import.call import Call, Refused, Tensor, numbers

__all__ = ["batch_normalization", "normalization", "one_per_channel", "rescaling"]

KERAS_EPSILON = 1e-7
"""keras.config.epsilon(), the least standard deviation a Normalization layer divides by."""


def one_per_channel(values: Array, channels: int) -> bool:
    """Whether values broadcast against (N, H, W, C) are one number or one per channel."""
    return values.size == 1 or values.shape[-1] == values.size == channels


def batch_normalization(call: Call) -> Tensor:
    """Convert BatchNormalization over the channel axis, with its own epsilon."""
    layer, channels = call.layer, call.input.channels
    axis = layer.axis if isinstance(layer.axis, int | np.integer) else next(iter(layer.axis))
    if int(axis) not in (-1, call.input.rank - 1):
        raise Refused(f"it normalises axis {layer.axis}; only the channel axis (the last) is supported")
    gamma = numbers(layer.gamma).astype(np.float64) if layer.scale else np.ones(channels)
    beta = numbers(layer.beta).astype(np.float64) if layer.center else np.zeros(channels)
    mean, variance = numbers(layer.moving_mean).astype(np.float64), numbers(layer.moving_variance).astype(np.float64)
    scale = gamma / np.sqrt(variance + layer.epsilon)
    return call.scale(call.input, scale, beta - mean * scale)


def normalization(call: Call) -> Tensor:
    """Convert Normalization by stored statistics."""
    layer = call.layer
    mean, variance = np.asarray(layer.mean, np.float64), np.asarray(layer.variance, np.float64)
    for what in (mean, variance):
        if not one_per_channel(what, call.input.channels):
            raise Refused(f"its statistics have shape {what.shape}; only one number or one per channel is supported")
    deviation = np.maximum(np.sqrt(variance.ravel()), KERAS_EPSILON)
    if layer.invert:
        return call.scale(call.input, deviation, mean)
    return call.scale(call.input, 1.0 / deviation, -mean.ravel() / deviation)


def rescaling(call: Call) -> Tensor:
    """Convert Rescaling."""
    scale, offset = np.asarray(call.layer.scale, np.float64), np.asarray(call.layer.offset, np.float64)
    if not (one_per_channel(scale, call.input.channels) and one_per_channel(offset, call.input.channels)):
        raise Refused(f"scale and offset have shapes {scale.shape} and {offset.shape}; only one number or one per channel is supported")
    return call.scale(call.input, scale, offset)
