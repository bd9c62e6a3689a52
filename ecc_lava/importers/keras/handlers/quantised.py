"""Layers whose weights Keras's own `model.quantize` has rounded: integers and one scale for each output."""

from __future__ import annotations

import logging
from typing import Any, Final

import numpy as np

from ecc_lava.common import Array
from ecc_lava.geometry import grid_of
from ecc_lava.importers.keras.call import Call, Refused
from ecc_lava.importers.keras.handlers.activations import activated
from ecc_lava.importers.keras.handlers.convolutions import bias_of, einsum_as_dense, on_last_axis
from ecc_lava.importers.keras.tensors import Tensor

__all__ = ["dense", "einsum_dense"]

SUPPORT: Final = ("Weights of model.quantize", "int8 and int4, one scale for each output; inputs are not rounded")
"""Title and limits of these layers in the table of supported layers."""

_log = logging.getLogger(__name__)

_BITS: Final = {"int8": 8, "int4": 4}
"""Mode of `model.quantize` -> width of the weights."""


def _mantissas(call: Call) -> tuple[Array, int]:
    """Return the integers of a layer and their width."""
    layer, mode = call.layer, call.layer.quantization_mode
    if mode not in _BITS:
        raise Refused(f"Keras has quantised its weights to {mode}; only {' and '.join(_BITS)} are supported")
    if getattr(layer, "kernel_zero", None) is not None:
        raise Refused("its weights have a scale and a zero for each block of inputs; quantise with block_size=-1, or to int8")
    if getattr(layer, "lora_enabled", False):
        raise Refused("it adds LoRA's weights to rounded ones; merge them before quantising")
    _log.info("%s: weights are the model's own %s; Keras rounds the inputs anew for every image, which is left out", call.name, mode)
    return np.asarray(layer.kernel).astype(np.int64), _BITS[mode]


def dense(call: Call) -> Tensor:
    """Convert a quantised Dense: ``y = (x @ integers) / scale + bias``."""
    layer = call.layer
    mantissas, bits = _mantissas(call)
    scale = np.asarray(layer.kernel_scale, np.float64)
    kernel = (mantissas / scale).astype(np.float32)
    y = on_last_axis(call, call.input, kernel, bias_of(call), grid_of(mantissas, bits))
    return activated(call, y, layer.activation)


def einsum_dense(call: Call) -> Tensor:
    """Convert a quantised EinsumDense as a matrix."""
    mantissas, bits = _mantissas(call)
    return einsum_as_dense(call, (mantissas / _einsum_scale(call.layer, mantissas.shape)).astype(np.float32), mantissas, bits)


def _einsum_scale(layer: Any, shape: tuple[int, ...]) -> Array:
    """Return the scales of an EinsumDense as they broadcast to its kernel."""
    scale = np.asarray(layer.kernel_scale, np.float64)
    if scale.ndim > 1:
        return np.asarray(layer._adjust_scale_for_dequant(layer.kernel_scale), np.float64)
    inputs, target = layer.equation.split("->")  # later versions of Keras keep the scales of int4 as a vector
    of_outputs = [label in target for label in inputs.split(",")[1]]
    return scale.reshape([size if is_output else 1 for size, is_output in zip(shape, of_outputs, strict=True)])
