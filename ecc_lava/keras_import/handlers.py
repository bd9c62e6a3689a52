"""One handler per Keras layer class: a layer and its inputs in, graph nodes out.

A handler reads every hyper-parameter from the layer and raises `Refused` with reason and remedy for settings it cannot convert.
To add a layer, write its handler and give it a line in `HANDLERS`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeAlias

import numpy as np

from ecc_lava.arrays import Array, Shape
from ecc_lava.geometry import Conv, Dense, apply
from ecc_lava.graph import Add, Linear, Node, Relu, Reshape, Scale, Softmax

__all__ = ["HANDLERS", "Handler", "Refused"]

Handler: TypeAlias = Callable[[Any, str, tuple[str, ...], tuple[Shape, ...]], list[Node]]
"""(Keras layer, name of the tensor to make, names and shapes of its inputs) -> nodes, the last making that tensor."""


class Refused(Exception):
    """A layer setting that cannot be converted; the importer collects them all."""


def _numbers(variable: Any) -> Array:
    return np.asarray(variable, np.float32)


def _bias(layer: Any, channels: int) -> Array:
    return _numbers(layer.bias) if layer.use_bias else np.zeros(channels, np.float32)


def _channels_last(layer: Any) -> None:
    if getattr(layer, "data_format", "channels_last") != "channels_last":
        raise Refused("data_format is 'channels_first'; build the model with channels_last")


def _same_padding(size: int, kernel: int, stride: int, dilation: int = 1) -> tuple[int, int]:
    """Return Keras's `same` padding of one axis: ceil(size/stride) outputs, the odd zero after."""
    reach = (kernel - 1) * dilation + 1
    total = max((-(-size // stride) - 1) * stride + reach - size, 0)
    return total // 2, total - total // 2


def _padding(layer: Any, shape: Shape, size: tuple[int, int], dilation: tuple[int, int] = (1, 1)) -> tuple[int, int, int, int]:
    if layer.padding == "valid":
        return 0, 0, 0, 0
    if layer.padding != "same":
        raise Refused(f"padding is {layer.padding!r}; use 'valid' or 'same'")
    strides = tuple(layer.strides)
    top, bottom = _same_padding(shape[0], size[0], strides[0], dilation[0])
    left, right = _same_padding(shape[1], size[1], strides[1], dilation[1])
    return top, bottom, left, right


def _with_activation(activation: Any, name: str, make: Callable[[str], Node]) -> list[Node]:
    """Return the node `make` makes, with a fused activation after it."""
    kind = getattr(activation, "__name__", str(activation))
    module = getattr(activation, "__module__", "")
    if not module.startswith(("keras.", "tensorflow.")):  # any function may be called relu
        raise Refused(f"its activation {kind!r} is a function of {module or 'unknown origin'}, not Keras's own; train with 'relu' instead")
    match kind:
        case "linear":
            return [make(name)]
        case "relu":
            return [make(f"{name}.linear"), Relu(name, f"{name}.linear")]
        case "softmax" | "sigmoid":
            return [make(f"{name}.logits"), Softmax(name, f"{name}.logits")]
        case _:
            raise Refused(f"its activation {kind!r} is not piecewise linear; train with relu instead")


def _conv2d(layer: Any, name: str, sources: tuple[str, ...], shapes: tuple[Shape, ...]) -> list[Node]:
    _channels_last(layer)
    kernel = _numbers(layer.kernel)
    dilation = (int(layer.dilation_rate[0]), int(layer.dilation_rate[1]))
    padding = _padding(layer, shapes[0], (kernel.shape[0], kernel.shape[1]), dilation)
    geometry = Conv(kernel, tuple(layer.strides), padding, dilation, layer.groups)
    return _with_activation(layer.activation, name, lambda n: Linear(n, sources[0], geometry, _bias(layer, kernel.shape[3])))


def _depthwise_conv2d(layer: Any, name: str, sources: tuple[str, ...], shapes: tuple[Shape, ...]) -> list[Node]:
    _channels_last(layer)
    kernel = _numbers(layer.kernel)  # (kh, kw, Cin, multiplier), channel order c*multiplier + m
    dilation = (int(layer.dilation_rate[0]), int(layer.dilation_rate[1]))
    padding = _padding(layer, shapes[0], (kernel.shape[0], kernel.shape[1]), dilation)
    flat = kernel.reshape(kernel.shape[0], kernel.shape[1], 1, -1)
    geometry = Conv(flat, tuple(layer.strides), padding, dilation, kernel.shape[2])
    return _with_activation(layer.activation, name, lambda n: Linear(n, sources[0], geometry, _bias(layer, flat.shape[3])))


def _dense(layer: Any, name: str, sources: tuple[str, ...], shapes: tuple[Shape, ...]) -> list[Node]:
    kernel = _numbers(layer.kernel)
    if shapes[0][:2] != (1, 1):  # Keras applies Dense to the last axis: a 1x1 convolution
        geometry: Conv | Dense = Conv(kernel[None, None])
    else:
        geometry = Dense(kernel)
    return _with_activation(layer.activation, name, lambda n: Linear(n, sources[0], geometry, _bias(layer, kernel.shape[1])))


def _batch_normalization(layer: Any, name: str, sources: tuple[str, ...], shapes: tuple[Shape, ...]) -> list[Node]:
    channels = shapes[0][2]
    axis = layer.axis if isinstance(layer.axis, int | np.integer) else next(iter(layer.axis))
    if int(axis) not in (-1, layer.input_spec.ndim - 1):
        raise Refused(f"it normalises axis {layer.axis}; only the channel axis (the last) is supported")
    gamma = _numbers(layer.gamma).astype(np.float64) if layer.scale else np.ones(channels)
    beta = _numbers(layer.beta).astype(np.float64) if layer.center else np.zeros(channels)
    mean, variance = _numbers(layer.moving_mean).astype(np.float64), _numbers(layer.moving_variance).astype(np.float64)
    scale = gamma / np.sqrt(variance + layer.epsilon)
    return [Scale(name, sources[0], scale, beta - mean * scale)]


def _one_per_channel(values: Array, channels: int) -> bool:
    """Whether values broadcast against (N, H, W, C) are one number or one per channel."""
    return values.size == 1 or values.shape[-1] == values.size == channels


KERAS_EPSILON = 1e-7
"""keras.config.epsilon(), the least standard deviation a Normalization layer divides by."""


def _normalization(layer: Any, name: str, sources: tuple[str, ...], shapes: tuple[Shape, ...]) -> list[Node]:
    channels = shapes[0][2]
    mean, variance = np.asarray(layer.mean, np.float64), np.asarray(layer.variance, np.float64)
    for what in (mean, variance):
        if not _one_per_channel(what, channels):
            raise Refused(f"its statistics have shape {what.shape}; only one number or one per channel is supported")
    deviation = np.maximum(np.sqrt(variance.ravel()), KERAS_EPSILON)
    if layer.invert:
        scale, shift = deviation, mean.ravel()
    else:
        scale, shift = 1.0 / deviation, -mean.ravel() / deviation
    return [Scale(name, sources[0], np.broadcast_to(scale, channels), np.broadcast_to(shift, channels))]


def _rescaling(layer: Any, name: str, sources: tuple[str, ...], shapes: tuple[Shape, ...]) -> list[Node]:
    channels = shapes[0][2]
    scale, offset = np.asarray(layer.scale, np.float64), np.asarray(layer.offset, np.float64)
    if not (_one_per_channel(scale, channels) and _one_per_channel(offset, channels)):
        raise Refused(f"scale and offset have shapes {scale.shape} and {offset.shape}; only one number or one per channel is supported")
    return [Scale(name, sources[0], np.broadcast_to(scale.ravel(), channels), np.broadcast_to(offset.ravel(), channels))]


def _average_pooling2d(layer: Any, name: str, sources: tuple[str, ...], shapes: tuple[Shape, ...]) -> list[Node]:
    _channels_last(layer)
    height, width, channels = shapes[0]
    size = (int(layer.pool_size[0]), int(layer.pool_size[1]))
    padding = _padding(layer, shapes[0], size)
    pool = Conv(np.full((*size, 1, channels), 1.0 / (size[0] * size[1])), tuple(layer.strides), padding, groups=channels)
    if any(padding):  # Keras averages over valid pixels only
        ones = Conv(np.ones((*size, 1, 1)), pool.strides, padding)
        valid = apply(ones, np.ones((1, height, width, 1)))[0, :, :, 0]
        gain = size[0] * size[1] / valid
        if (gain != 1).any():
            pool = Conv(pool.kernel, pool.strides, padding, groups=channels, gain=gain)
    return [Linear(name, sources[0], pool, np.zeros(channels))]


def _global_average_pooling2d(layer: Any, name: str, sources: tuple[str, ...], shapes: tuple[Shape, ...]) -> list[Node]:
    _channels_last(layer)
    height, width, channels = shapes[0]
    pool = Conv(np.full((height, width, 1, channels), 1.0 / (height * width)), groups=channels)
    return [Linear(name, sources[0], pool, np.zeros(channels))]


def _zero_padding2d(layer: Any, name: str, sources: tuple[str, ...], shapes: tuple[Shape, ...]) -> list[Node]:
    _channels_last(layer)
    channels = shapes[0][2]
    (top, bottom), (left, right) = layer.padding
    pad = Conv(np.ones((1, 1, 1, channels)), padding=(int(top), int(bottom), int(left), int(right)), groups=channels)
    return [Linear(name, sources[0], pad, np.zeros(channels))]


def _flatten(layer: Any, name: str, sources: tuple[str, ...], shapes: tuple[Shape, ...]) -> list[Node]:
    _channels_last(layer)
    return [Reshape(name, sources[0], (1, 1, int(np.prod(shapes[0]))))]


def _relu(layer: Any, name: str, sources: tuple[str, ...], shapes: tuple[Shape, ...]) -> list[Node]:
    if layer.max_value is not None or float(layer.negative_slope) or float(layer.threshold):
        raise Refused("its max_value, negative_slope or threshold is set; only the plain ReLU is supported")
    return [Relu(name, sources[0])]


def _activation(layer: Any, name: str, sources: tuple[str, ...], shapes: tuple[Shape, ...]) -> list[Node]:
    nodes = _with_activation(layer.activation, name, lambda n: Reshape(n, sources[0], shapes[0]))
    match nodes:
        case [_, Relu()]:
            return [Relu(name, sources[0])]
        case [_, Softmax()]:
            return [Softmax(name, sources[0])]
        case _:
            return nodes


def _softmax(layer: Any, name: str, sources: tuple[str, ...], shapes: tuple[Shape, ...]) -> list[Node]:
    return [Softmax(name, sources[0])]


def _add(layer: Any, name: str, sources: tuple[str, ...], shapes: tuple[Shape, ...]) -> list[Node]:
    if len(set(shapes)) != 1:
        raise Refused(f"it adds maps of different shapes {shapes}; broadcasting is not supported")
    return [Add(name, sources)]


def _nothing(layer: Any, name: str, sources: tuple[str, ...], shapes: tuple[Shape, ...]) -> list[Node]:
    return [Reshape(name, sources[0], shapes[0])]


HANDLERS: dict[str, Handler] = {
    "Activation": _activation,
    "Add": _add,
    "AveragePooling2D": _average_pooling2d,
    "BatchNormalization": _batch_normalization,
    "Conv2D": _conv2d,
    "Dense": _dense,
    "DepthwiseConv2D": _depthwise_conv2d,
    "Dropout": _nothing,
    "Flatten": _flatten,
    "GlobalAveragePooling2D": _global_average_pooling2d,
    "Normalization": _normalization,
    "ReLU": _relu,
    "Rescaling": _rescaling,
    "Softmax": _softmax,
    "ZeroPadding2D": _zero_padding2d,
}
"""Keras class name -> handler."""
