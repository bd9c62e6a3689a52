"""Layers of QKeras: the weights as their quantisers round them, and quantised ReLUs."""

from __future__ import annotations

from typing import Any, Final

import numpy as np

from ecc_lava.common import Array
from ecc_lava.geometry import WeightGrid
from ecc_lava.importers.keras.call import Call, Refused, laid_for
from ecc_lava.importers.keras.handlers import activations
from ecc_lava.importers.keras.handlers.convolutions import laid_conv, on_last_axis
from ecc_lava.importers.keras.handlers.rounded import on_steps
from ecc_lava.importers.keras.tensors import Tensor

__all__ = ["activation", "conv", "dense", "depthwise_conv"]

SUPPORT: Final = ("QKeras", "quantized_bits, binary and ternary weights; quantized_relu and binary activations")
"""Title and limits of these layers in the table of supported layers."""


_ROUNDS: Final = ("quantized_bits", "binary", "ternary")
"""Quantisers of weights that make whole multiples of a step."""


def _declared(quantiser: Any) -> tuple[Array, int]:
    """Return the steps of a quantiser that has just been called, and its width."""
    if float(np.asarray(getattr(quantiser, "qnoise_factor", 1.0))) != 1.0:
        raise Refused("its quantiser mixes rounded and float weights; set qnoise_factor to 1")
    scale = np.asarray(quantiser.scale, np.float64)
    if type(quantiser).__name__ != "quantized_bits" or quantiser.bits == int(quantiser.keep_negative):
        return scale, 2  # plus or minus the scale, or 0
    fraction = quantiser.bits - int(quantiser.keep_negative)
    return scale * 2.0 ** (float(np.asarray(quantiser.integer)) - fraction), fraction + 1


def _weights(layer: Any, variable: Any, quantiser: Any, shape: tuple[int, ...] | None = None) -> tuple[Array, WeightGrid | None]:
    """Return the weights (..., C) as the layer uses them, and their grid if they are rounded; both in another shape if one is given."""
    shape = tuple(variable.shape) if shape is None else shape
    if quantiser is None:
        return np.asarray(variable, np.float32).reshape(shape), None
    if type(quantiser).__name__ not in _ROUNDS:
        raise Refused(f"its quantiser {type(quantiser).__name__} makes no whole multiples of a step; train with {', '.join(_ROUNDS)}")
    rounded = np.asarray(quantiser(variable))  # which also sets its scale
    step, bits = _declared(quantiser)
    mask = getattr(layer, "_mask", None)
    masked = rounded if mask is None else rounded * np.asarray(mask)
    return on_steps(masked.reshape(shape), np.broadcast_to(step, rounded.shape).reshape(shape), bits)


def _bias(layer: Any) -> Array | None:
    if not layer.use_bias:
        return None
    quantiser = layer.bias_quantizer_internal
    return np.asarray(layer.bias if quantiser is None else quantiser(layer.bias), np.float32)


def dense(call: Call) -> Tensor:
    """Convert QDense."""
    layer = call.layer
    kernel, grid = _weights(layer, layer.kernel, layer.kernel_quantizer_internal)
    return _activated(call, on_last_axis(call, call.input, kernel, _bias(layer), grid), layer.activation)


def conv(call: Call) -> Tensor:
    """Convert QConv2D and QConv1D."""
    layer, x = call.layer, laid_for(call)
    kernel, grid = _weights(layer, layer.kernel, layer.kernel_quantizer_internal)
    kernel = kernel[None] if kernel.ndim == 3 else kernel
    return _activated(call, call.linear(x, laid_conv(layer, x, kernel, layer.groups), _bias(layer), grid), layer.activation)


def depthwise_conv(call: Call) -> Tensor:
    """Convert QDepthwiseConv2D."""
    layer, x = call.layer, laid_for(call)
    height, width, channels, multiplier = layer.depthwise_kernel.shape
    shape = (height, width, 1, channels * multiplier)
    kernel, grid = _weights(layer, layer.depthwise_kernel, layer.depthwise_quantizer_internal, shape)
    return _activated(call, call.linear(x, laid_conv(layer, x, kernel, channels), _bias(layer), grid), layer.activation)


def activation(call: Call) -> Tensor:
    """Convert QActivation."""
    return _activated(call, call.input, call.layer.activation)


def _activated(call: Call, x: Tensor, function: Any) -> Tensor:
    """Return x after an activation, which may be a quantiser."""
    if not (type(function).__module__ or "").startswith("qkeras."):
        return x if function is None else activations.activated(call, x, function)
    match type(function).__name__:
        case "quantized_relu":
            return _quantized_relu(call, x, function)
        case "binary" if not function.use_stochastic_rounding and function.alpha in (None, 1, 1.0):
            step = call.step(x)
            return step if function.use_01 else call.scale(step, 2.0, -1.0)
        case kind:
            raise Refused(f"its activation {kind} is no clip and round of positive numbers; train with quantized_relu")


def _quantized_relu(call: Call, x: Tensor, quantiser: Any) -> Tensor:
    """Return ``clip(round(x / step), 0, 2**bits - 1) * step``, step = 2**(integer - bits)."""
    plain = not (quantiser.use_sigmoid or quantiser.negative_slope or quantiser.use_stochastic_rounding)
    if not plain or not quantiser.is_quantized_clip or float(np.asarray(quantiser.qnoise_factor)) != 1.0:
        raise Refused(
            "its quantized_relu takes a sigmoid, a slope, random rounding, noise or a bound of its own; give it bits and integer alone"
        )
    bits = int(quantiser.bits)
    return call.relu(x, (2.0**bits - 1) * 2.0 ** (float(np.asarray(quantiser.integer)) - bits), bits)
