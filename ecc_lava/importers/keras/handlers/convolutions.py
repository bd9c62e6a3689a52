"""Convolutions on images and on signals, and dense layers."""

from __future__ import annotations

from math import prod
from typing import Any, Final

import numpy as np

from ecc_lava.common import Array
from ecc_lava.geometry import Conv, Dense, WeightGrid, grid_of
from ecc_lava.importers.keras.call import Call, Refused, laid_for
from ecc_lava.importers.keras.handlers.activations import activated
from ecc_lava.importers.keras.handlers.windows import padding_of, pair
from ecc_lava.importers.keras.tensors import Tensor, natural

__all__ = [
    "bias_of",
    "conv",
    "conv_transpose",
    "dense",
    "depthwise_conv",
    "einsum_as_dense",
    "einsum_dense",
    "laid_conv",
    "on_last_axis",
    "separable_conv",
]

SUPPORT: Final = ("Weights", "any strides, dilation, groups, `valid`, `same` or `causal`")
"""Title and limits of these layers in the table of supported layers."""


def _kernel(call: Call, variable: Any) -> Array:
    """Return a kernel (kh, kw, in, out); a layer on signals has kh = 1."""
    kernel = call.numbers(variable)
    return kernel[None] if kernel.ndim == 3 else kernel


def bias_of(call: Call) -> Array | None:
    """Return a layer's bias, if it has one."""
    return call.numbers(call.layer.bias) if call.layer.use_bias else None


def laid_conv(layer: Any, x: Tensor, kernel: Array, groups: int) -> Conv:
    """Return the operator of a kernel with the layer's strides, padding and dilation."""
    strides, dilation = pair(layer.strides), pair(layer.dilation_rate)
    padding = padding_of(layer.padding, x.shape, (kernel.shape[0], kernel.shape[1]), strides, dilation)
    return Conv(kernel, strides, padding, dilation, groups)


def _depthwise(call: Call, x: Tensor, variable: Any) -> Conv:
    kernel = _kernel(call, variable)  # (kh, kw, Cin, multiplier), channel order c*multiplier + m
    return laid_conv(call.layer, x, kernel.reshape(*kernel.shape[:2], 1, -1), kernel.shape[2])


def conv(call: Call) -> Tensor:
    """Convert Conv2D and Conv1D."""
    layer, x = call.layer, laid_for(call)
    y = call.linear(x, laid_conv(layer, x, _kernel(call, layer.kernel), layer.groups), bias_of(call))
    return activated(call, y, layer.activation)


def depthwise_conv(call: Call) -> Tensor:
    """Convert DepthwiseConv2D and DepthwiseConv1D."""
    layer, x = call.layer, laid_for(call)
    return activated(call, call.linear(x, _depthwise(call, x, layer.kernel), bias_of(call)), layer.activation)


def separable_conv(call: Call) -> Tensor:
    """Convert SeparableConv2D and SeparableConv1D: a depthwise and then a 1x1 convolution."""
    layer, x = call.layer, laid_for(call)
    between = call.linear(x, _depthwise(call, x, layer.depthwise_kernel))
    y = call.linear(between, Conv(_kernel(call, layer.pointwise_kernel)), bias_of(call))
    return activated(call, y, layer.activation)


def conv_transpose(call: Call) -> Tensor:
    """Convert Conv2DTranspose and Conv1DTranspose: the flipped kernel over the map, which has zeros between its positions."""
    layer, x = call.layer, laid_for(call)
    kernel = _kernel(call, layer.kernel).transpose(0, 1, 3, 2)[::-1, ::-1]  # from (kh, kw, out, in)
    strides, dilation = pair(layer.strides), pair(layer.dilation_rate)
    sizes = layer.compute_output_shape((1, *x.sizes))[1:]
    target = natural("", sizes, layer.data_format == "channels_first").shape
    padding: list[int] = []
    for axis in (0, 1):
        reach = (kernel.shape[axis] - 1) * dilation[axis]
        last = (x.shape[axis] - 1) * strides[axis]
        cut = max(last + reach + 1 - target[axis], 0) // 2 if layer.padding == "same" else 0
        padding += [reach - cut, target[axis] - 1 - last + cut]
    whole = (padding[0], padding[1], padding[2], padding[3])
    geometry = Conv(np.ascontiguousarray(kernel), padding=whole, dilation=dilation, input_dilation=strides)
    return activated(call, call.linear(x, geometry, bias_of(call)), layer.activation)


def on_last_axis(call: Call, x: Tensor, kernel: Array, bias: Array | None = None, grid: WeightGrid | None = None) -> Tensor:
    """Return ``x @ kernel + bias``; on a map, this is a 1x1 convolution of the last axis."""
    x = call.laid(x, natural("", x.sizes).axes or ())
    return call.linear(x, Dense(kernel) if x.shape[:2] == (1, 1) else Conv(kernel[None, None]), bias, grid)


def dense(call: Call) -> Tensor:
    """Convert Dense."""
    layer = call.layer
    return activated(call, on_last_axis(call, call.input, call.numbers(layer.kernel), bias_of(call)), layer.activation)


_MATRIX_ENTRIES_MAX = 2**24
"""Most entries of the matrix of an EinsumDense."""


def einsum_dense(call: Call) -> Tensor:
    """Convert EinsumDense as a matrix."""
    return einsum_as_dense(call, call.numbers(call.layer.kernel))


def einsum_as_dense(call: Call, weights: Array, mantissas: Array | None = None, bits: int = 0) -> Tensor:
    """Return the result of an EinsumDense with given weights as that of a matrix, whose rows are its results for the unit vectors.

    `mantissas` of so many bits are the whole numbers that the weights stand for, if the model has rounded them.
    """
    layer, sizes = call.layer, call.input.sizes
    target = np.einsum(layer.equation, np.zeros((1, *sizes), np.float32), weights).shape[1:]
    inputs, outputs = prod(sizes), prod(target)
    if inputs * outputs > _MATRIX_ENTRIES_MAX:
        raise Refused(f"its matrix has {inputs} x {outputs} entries; at most {_MATRIX_ENTRIES_MAX} are supported; use Dense instead")
    units = np.eye(inputs, dtype=np.float32).reshape(inputs, *sizes)
    kernel = np.einsum(layer.equation, units, weights).reshape(inputs, outputs)
    grid = None if mantissas is None else grid_of(np.einsum(layer.equation, units, mantissas).reshape(inputs, outputs), bits)
    bias = None if layer.bias is None else np.broadcast_to(call.numbers(layer.bias), target).ravel()
    y = call.linear(call.moved(call.input, lambda places: places.reshape(len(places), -1)), Dense(kernel), bias, grid)
    return activated(call, call.moved(y, lambda places: places.reshape(len(places), *target)), layer.activation)
