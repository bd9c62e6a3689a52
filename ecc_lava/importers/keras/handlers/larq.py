"""Layers of Larq: a quantiser on the input, weights as their quantisers round them, padding by a value."""

from __future__ import annotations

from typing import Any, Final

import numpy as np

from ecc_lava.common import Array
from ecc_lava.geometry import Conv, WeightGrid
from ecc_lava.importers.keras.call import Call, Refused, laid_for
from ecc_lava.importers.keras.framework import as_numpy
from ecc_lava.importers.keras.handlers.activations import above, activated
from ecc_lava.importers.keras.handlers.convolutions import bias_of, laid_conv, on_last_axis
from ecc_lava.importers.keras.handlers.rounded import on_steps
from ecc_lava.importers.keras.stand_ins import Quantiser
from ecc_lava.importers.keras.tensors import Tensor

__all__ = ["conv", "dense", "depthwise_conv", "quantiser", "separable_conv"]

SUPPORT: Final = ("Larq", "files of Larq, without its package: signs, ste_heaviside, ste_tern, DoReFa; pad_values")
"""Title and limits of these layers in the table of supported layers."""

BITS_MAX: Final = 8
"""Widest weights and activations of DoReFa that are converted."""

_SIGNS: Final = ("ApproxSign", "SteSign", "SwishSign")
"""Quantisers that differ in training alone: -1 below 0, else 1."""


def dense(call: Call) -> Tensor:
    """Convert QuantDense."""
    layer = call.layer
    kernel, grid = _weights(layer.kernel, layer.quantisers["kernel"])
    return _activated(call, on_last_axis(call, _quantised(call, call.input), kernel, bias_of(call), grid))


def conv(call: Call) -> Tensor:
    """Convert QuantConv2D and QuantConv1D."""
    layer = call.layer
    kernel, grid = _weights(layer.kernel, layer.quantisers["kernel"])
    return _activated(call, _convolved(call, kernel[None] if kernel.ndim == 3 else kernel, layer.groups, bias_of(call), grid))


def depthwise_conv(call: Call) -> Tensor:
    """Convert QuantDepthwiseConv2D."""
    kernel, grid = _by_channel(call.layer.kernel, call.layer.quantisers["depthwise"])
    return _activated(call, _convolved(call, kernel, call.layer.kernel.shape[2], bias_of(call), grid))


def separable_conv(call: Call) -> Tensor:
    """Convert QuantSeparableConv2D and QuantSeparableConv1D: nothing is quantised between the two convolutions."""
    layer = call.layer
    kernel, grid = _by_channel(layer.depthwise_kernel, layer.quantisers["depthwise"])
    between = _convolved(call, kernel, layer.depthwise_kernel.shape[-2], None, grid)
    pointwise, steps = _weights(layer.pointwise_kernel, layer.quantisers["pointwise"])
    return _activated(call, call.linear(between, Conv(pointwise[None] if pointwise.ndim == 3 else pointwise), bias_of(call), steps))


def quantiser(call: Call) -> Tensor:
    """Convert a quantiser that is a layer."""
    return _rounded(call, call.input, call.layer.quantiser)


def _quantised(call: Call, x: Tensor) -> Tensor:
    return _rounded(call, x, call.layer.quantisers["input"])


def _activated(call: Call, x: Tensor) -> Tensor:
    own = call.layer.own_activation
    return activated(call, x, call.layer.activation) if own is None else _rounded(call, x, own)


def _convolved(call: Call, kernel: Array, groups: int, bias: Array | None, grid: WeightGrid | None) -> Tensor:
    """Return the convolution of the quantised input; padding by v is that of x - v by zeros, and v times the sum of the weights."""
    layer, x = call.layer, _quantised(call, laid_for(call))
    value = _number("pad_values", layer.pad_values) if layer.padding == "same" else 0.0
    if value:
        x = call.scale(x, 1.0, -value)
        bias = value * kernel.sum(axis=(0, 1, 2), dtype=np.float64) + (0.0 if bias is None else bias)
    return call.linear(x, laid_conv(layer, x, kernel, groups), bias, grid)


def _by_channel(variable: Any, quantiser: Quantiser | None) -> tuple[Array, WeightGrid | None]:
    """Return a depthwise kernel (kh, kw, 1, channels * multiplier) and its grid."""
    shape = tuple(variable.shape) if len(variable.shape) == 4 else (1, *variable.shape)
    return _weights(variable, quantiser, (*shape[:2], 1, shape[2] * shape[3]))


def _weights(variable: Any, quantiser: Quantiser | None, shape: tuple[int, ...] | None = None) -> tuple[Array, WeightGrid | None]:
    """Return the weights as the layer uses them, and their grid if they are rounded; both in another shape if one is given."""
    latent = as_numpy(variable, np.float32)
    shape = latent.shape if shape is None else shape
    if quantiser is None or quantiser.kind == "NoOp":
        return latent.reshape(shape), None
    values, step, bits = _on_grid(latent, quantiser)
    return on_steps(values.reshape(shape), np.broadcast_to(step, values.shape).reshape(shape), bits)


def _on_grid(latent: Array, quantiser: Quantiser) -> tuple[Array, Array | float, int]:
    """Return rounded weights, their steps and their width."""
    sign = np.where(latent >= 0, np.float32(1), np.float32(-1))
    match quantiser.kind:
        case kind if kind in _SIGNS:
            return sign, 1.0, 2
        case "MagnitudeAwareSign":
            scale = np.abs(latent).mean(axis=tuple(range(latent.ndim - 1)))
            return scale * sign, scale, 2
        case "SteHeaviside":
            return (latent > 0).astype(np.float32), 1.0, 2
        case "SteTern":
            limit = _limit(quantiser, latent)
            return np.sign(np.sign(latent + limit) + np.sign(latent - limit)), 1.0, 2
        case "DoReFa" if quantiser.settings.get("mode") == "weights":
            bits = _bits(quantiser)
            squashed = np.tanh(latent)
            levels, largest = 2**bits - 1, np.abs(squashed).max(initial=0.0)
            shares = squashed / (2 * largest) + np.float32(0.5) if largest else np.full_like(latent, 0.5)
            return 2 * np.rint(shares * np.float32(levels)) / levels - 1, 1 / levels, bits + 1
        case kind:
            raise Refused(f"its weights have the quantiser {kind}, which is not known here; train with ste_sign")


def _number(what: str, given: Any) -> float:
    """Return a setting as a number; a file may hold anything in its place."""
    if not isinstance(given, int | float) or not np.isfinite(given):
        raise Refused(f"its {what} is {str(given)[:40]!r}; it must be a number")
    return float(given)


def _bits(quantiser: Quantiser) -> int:
    """Return the width of DoReFa."""
    bits = _number("k_bit", quantiser.settings.get("k_bit", 2))
    if bits not in range(1, BITS_MAX + 1):
        raise Refused(f"its k_bit is {bits:g}; it must be a whole number, 1 to {BITS_MAX}")
    return int(bits)


def _limit(quantiser: Quantiser, latent: Array | None) -> np.float32:
    """Return the threshold of SteTern."""
    if quantiser.settings.get("ternary_weight_networks"):
        if latent is None:
            raise Refused("its ste_tern takes a threshold from the activations of the batch; give it a threshold_value")
        return np.float32(0.7) * np.abs(latent).sum(dtype=np.float32) / np.float32(latent.size)
    limit = np.float32(_number("threshold_value", quantiser.settings.get("threshold_value", 0.05)))
    if limit < 0:
        raise Refused(f"its ste_tern has the threshold {limit}; it must be 0 or more")
    return limit


def _rounded(call: Call, x: Tensor, quantiser: Quantiser | None) -> Tensor:
    """Return activations as a quantiser makes them."""
    if quantiser is None or quantiser.kind == "NoOp":
        return x
    match quantiser.kind:
        case kind if kind in _SIGNS:
            return call.scale(call.step(x), 2.0, -1.0)
        case "SteHeaviside":
            return above(call, x)
        case "SteTern":
            limit = float(_limit(quantiser, None))
            below = call.scale(call.step(call.scale(x, -1.0, -limit)), -1.0)
            return call.add([call.step(call.scale(x, 1.0, -limit)), below])
        case "DoReFa" if quantiser.settings.get("mode", "activations") == "activations":
            return call.relu(x, 1.0, _bits(quantiser))
        case kind:
            raise Refused(f"its input has the quantiser {kind}, which is no step here; train with ste_sign")
