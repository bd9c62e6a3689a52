"""Scales and shifts by constants: batch normalisation, normalisation, rescaling."""

from __future__ import annotations

from typing import Any, Final

import numpy as np

from ecc_lava.common import Array
from ecc_lava.importers.keras.call import Call
from ecc_lava.importers.keras.framework import as_numpy, keras_package
from ecc_lava.importers.keras.tensors import Tensor

__all__ = ["batch_normalization", "normalization", "rescaling"]

SUPPORT: Final = ("Scales and shifts", "by stored numbers, over any axis")
"""Title and limits of these layers in the table of supported layers."""

KERAS_EPSILON = 1e-7
"""`keras.config.epsilon()`: the least standard deviation that a Normalization layer divides by."""


def batch_normalization(call: Call) -> Tensor:
    """Convert BatchNormalization, with its own epsilon."""
    layer, rank = call.layer, len(call.input.sizes) + 1
    axis = layer.axis if isinstance(layer.axis, int | np.integer) else next(iter(layer.axis))
    along = [1] * rank
    along[int(axis)] = -1

    def values(variable: Any) -> Array:
        return call.numbers(variable).astype(np.float64).reshape(along)

    scale = 1.0 / np.sqrt(values(layer.moving_variance) + layer.epsilon)
    if layer.scale:
        scale = scale * values(layer.gamma)
    shift = -values(layer.moving_mean) * scale
    shift = shift + values(layer.beta) if layer.center else shift
    return call.scale(call.input, scale, shift, (values(layer.moving_mean), values(layer.moving_variance)))


def normalization(call: Call) -> Tensor:
    """Convert Normalization by stored statistics."""
    layer = call.layer
    mean, variance = as_numpy(layer.mean, np.float64), as_numpy(layer.variance, np.float64)
    deviation = np.maximum(np.sqrt(variance), KERAS_EPSILON)
    if layer.invert:
        return call.scale(call.input, deviation, mean)
    return call.scale(call.input, 1.0 / deviation, -mean / deviation, (mean, variance))


def rescaling(call: Call) -> Tensor:
    """Convert Rescaling."""
    keras = keras_package()

    scale, offset = np.asarray(call.layer.scale, np.float64), np.asarray(call.layer.offset, np.float64)
    if scale.ndim and keras.config.image_data_format() == "channels_first":
        scale = scale.reshape(*scale.shape, *(1,) * (3 - scale.ndim))  # Keras does so with the scale alone
    return call.scale(call.input, scale, offset)
