"""Convolutions on images and on signals, and dense layers."""

from __future__ import annotations

from typing import Any

import numpy as np

from ecc_lava.arrays import Array
from ecc_lava.geometry import Conv, Dense
from ecc_lava.keras_import.activations import activated
from ecc_lava.keras_import.call import Call, Tensor, channels_last, numbers
from ecc_lava.keras_import.windows import padding_of, pair

__all__ = ["conv", "conv_transpose", "dense", "depthwise_conv", "separable_conv"]


def _kernel(variable: Any) -> Array:
    """Return a kernel (kh, kw, in, out); that of a signal's layer has kh = 1."""
    kernel = numbers(variable)
    return kernel[None] if kernel.ndim == 3 else kernel


def _bias(layer: Any) -> Array | None:
    return numbers(layer.bias) if layer.use_bias else None


def _laid(call: Call, kernel: Array, groups: int) -> Conv:
    """Return the operator of a kernel with the layer's strides, padding and dilation."""
    dilation = pair(call.layer.dilation_rate)
    padding = padding_of(call.layer, call.input.shape, (kernel.shape[0], kernel.shape[1]), dilation)
    return Conv(kernel, pair(call.layer.strides), padding, dilation, groups)


def _depthwise(call: Call, variable: Any) -> Conv:
    kernel = _kernel(variable)  # (kh, kw, Cin, multiplier), channel order c*multiplier + m
    return _laid(call, kernel.reshape(*kernel.shape[:2], 1, -1), kernel.shape[2])


def conv(call: Call) -> Tensor:
    """Convert Conv2D and Conv1D."""
    channels_last(call)
    geometry = _laid(call, _kernel(call.layer.kernel), call.layer.groups)
    return activated(call, call.linear(call.input, geometry, _bias(call.layer)), call.layer.activation)


def depthwise_conv(call: Call) -> Tensor:
    """Convert DepthwiseConv2D and DepthwiseConv1D."""
    channels_last(call)
    y = call.linear(call.input, _depthwise(call, call.layer.kernel), _bias(call.layer))
    return activated(call, y, call.layer.activation)


def separable_conv(call: Call) -> Tensor:
    """Convert SeparableConv2D and SeparableConv1D: a depthwise and then a 1x1 convolution."""
    channels_last(call)
    between = call.linear(call.input, _depthwise(call, call.layer.depthwise_kernel))
    y = call.linear(between, Conv(_kernel(call.layer.pointwise_kernel)), _bias(call.layer))
    return activated(call, y, call.layer.activation)


def conv_transpose(call: Call) -> Tensor:
    """Convert Conv2DTranspose and Conv1DTranspose: the flipped kernel over the map with zeros between its positions."""
    channels_last(call)
    layer, x = call.layer, call.input
    kernel = _kernel(layer.kernel).transpose(0, 1, 3, 2)[::-1, ::-1]  # from (kh, kw, out, in)
    strides, dilation = pair(layer.strides), pair(layer.dilation_rate)
    target = pair(layer.compute_output_shape((1, *x.shape[4 - x.rank :]))[1:-1])
    padding: list[int] = []
    for axis in (0, 1):
        reach = (kernel.shape[axis] - 1) * dilation[axis]
        last = (x.shape[axis] - 1) * strides[axis]
        cut = max(last + reach + 1 - target[axis], 0) // 2 if layer.padding == "same" else 0
        padding += [reach - cut, target[axis] - 1 - last + cut]
    whole = (padding[0], padding[1], padding[2], padding[3])
    geometry = Conv(np.ascontiguousarray(kernel), padding=whole, dilation=dilation, input_dilation=strides)
    return activated(call, call.linear(x, geometry, _bias(layer)), layer.activation)


def dense(call: Call) -> Tensor:
    """Convert Dense, on the last axis of a map as a 1x1 convolution."""
    kernel = numbers(call.layer.kernel)
    geometry = Dense(kernel) if call.input.shape[:2] == (1, 1) else Conv(kernel[None, None])
    return activated(call, call.linear(call.input, geometry, _bias(call.layer)), call.layer.activation)
