"""Activations, as layers of their own, fused into another layer, or as operations."""

from __future__ import annotations

from collections.abc import Callable
from math import inf
from typing import Any, Final

import numpy as np

from ecc_lava.common import Array
from ecc_lava.graph import Sigmoid, Softmax
from ecc_lava.importers.keras.call import Call, Refused
from ecc_lava.importers.keras.spellings import OF_TENSORFLOW
from ecc_lava.importers.keras.tensors import Tensor

__all__ = [
    "above",
    "activated",
    "activation",
    "hard_shrink",
    "hard_sigmoid",
    "hard_tanh",
    "leaky_relu",
    "plain_relu",
    "prelu",
    "relu",
    "relu6",
    "sigmoid",
    "soft_shrink",
    "softmax",
    "sparse_sigmoid",
    "squashed",
    "threshold",
]

SUPPORT: Final = ("Activations", "fused too, with Keras's default slopes and thresholds; Softmax and Sigmoid at outputs only")
"""Title and limits of these layers in the table of supported layers."""


def squashed(call: Call, x: Tensor, low: float, high: float) -> Tensor:
    """Return x limited to low..high: ``low + min(relu(x - low), high - low)``."""
    if not low < high:
        raise Refused(f"it limits values to {low}..{high}; the lower limit must be below the upper limit")
    inner = call.relu(call.scale(x, 1.0, -low) if low else x, high - low)
    return call.scale(inner, 1.0, low) if low else inner


def _leaky(call: Call, x: Tensor, slope: Array | float, ceiling: float = inf) -> Tensor:
    """Return ``min(relu(x), ceiling) - slope * relu(-x)``."""
    if not np.any(slope):
        return call.relu(x, ceiling)
    return call.add([call.relu(x, ceiling), call.scale(call.relu(call.scale(x, -1.0)), -np.asarray(slope))])


def above(call: Call, x: Tensor, limit: Array | float = 0.0) -> Tensor:
    """Return 1 where ``x > limit``, else 0; this is the negation of ``limit >= x``."""
    return call.scale(call.step(call.scale(x, -1.0, limit)), -1.0, 1.0)


def _beyond(call: Call, x: Tensor, limit: float, jump: float, ceiling: float = inf) -> Tensor:
    """Return ``min(x, ceiling) - limit + jump`` where ``x > limit``, else 0."""
    step = call.scale(above(call, x, limit), min(jump, jump + ceiling - limit))
    return step if ceiling <= limit else call.add([call.relu(call.scale(x, 1.0, -limit), ceiling - limit), step])


def _hard_shrink(call: Call, x: Tensor, limit: float) -> Tensor:
    mirrored = _beyond(call, call.scale(x, -1.0), limit, limit)
    return call.add([_beyond(call, x, limit, limit), call.scale(mirrored, -1.0)])


def _soft_shrink(call: Call, x: Tensor, limit: float) -> Tensor:
    return call.add([call.relu(call.scale(x, 1.0, -limit)), call.scale(call.relu(call.scale(x, -1.0, -limit)), -1.0)])


def _hard_sigmoid(call: Call, x: Tensor) -> Tensor:
    return call.relu(call.scale(x, 1 / 6, 0.5), 1.0)


def _sparse_sigmoid(call: Call, x: Tensor) -> Tensor:
    return call.relu(call.scale(x, 0.5, 0.5), 1.0)


_FUNCTIONS: dict[str, Callable[[Call, Tensor], Tensor]] = {
    "linear": lambda call, x: x,
    "relu": lambda call, x: call.relu(x),
    "relu6": lambda call, x: call.relu(x, 6.0),
    "leaky_relu": lambda call, x: _leaky(call, x, 0.2),  # Keras's defaults, here and below
    "hard_shrink": lambda call, x: _hard_shrink(call, x, 0.5),
    "hard_sigmoid": _hard_sigmoid,
    "hard_tanh": lambda call, x: squashed(call, x, -1.0, 1.0),
    "soft_shrink": lambda call, x: _soft_shrink(call, x, 0.5),
    "sparse_sigmoid": _sparse_sigmoid,
    "softmax": lambda call, x: call.final(x, Softmax),
    "sigmoid": lambda call, x: call.final(x, Sigmoid),
}
"""Name of a function of `keras.activations` -> how it is written."""


def activated(call: Call, x: Tensor, function: Any) -> Tensor:
    """Return x after a layer's fused activation."""
    kind = getattr(function, "__name__", type(function).__name__)
    module = getattr(function, "__module__", None) or ""
    if not module.startswith(("keras.", "tensorflow.")):  # any function may be called relu
        raise Refused(f"its activation {kind!r} is a function of {module or 'unknown origin'}, not of Keras; train with 'relu' instead")
    layers = {"ReLU": _relu, "LeakyReLU": _leaky_relu, "PReLU": _prelu}
    if module.startswith("tensorflow."):
        kind = OF_TENSORFLOW.get(kind, kind)
    if kind in layers:
        return layers[kind](call, x, function)
    if kind not in _FUNCTIONS:
        raise Refused(f"its activation {kind!r} is not piecewise linear; train with relu instead")
    return _FUNCTIONS[kind](call, x)


def _relu(call: Call, x: Tensor, layer: Any) -> Tensor:
    limit, slope = float(layer.threshold), float(layer.negative_slope)
    ceiling = inf if layer.max_value is None else float(layer.max_value)
    if not ceiling > 0:
        raise Refused(f"its max_value is {ceiling}; it must be positive")
    if not limit:
        return _leaky(call, x, slope, ceiling)
    y = _beyond(call, x, limit, limit, ceiling)
    return call.add([y, call.scale(call.relu(call.scale(x, -1.0, limit)), -slope)]) if slope else y


def _leaky_relu(call: Call, x: Tensor, layer: Any) -> Tensor:
    return _leaky(call, x, float(layer.negative_slope))


def _prelu(call: Call, x: Tensor, layer: Any) -> Tensor:
    return _leaky(call, x, call.numbers(layer.alpha))


def activation(call: Call) -> Tensor:
    """Convert Activation: a function as a layer."""
    return activated(call, call.input, call.layer.activation)


def relu(call: Call) -> Tensor:
    """Convert ReLU."""
    return _relu(call, call.input, call.layer)


def leaky_relu(call: Call) -> Tensor:
    """Convert LeakyReLU, as a layer and as an operation."""
    return _leaky_relu(call, call.input, call.layer)


def prelu(call: Call) -> Tensor:
    """Convert PReLU."""
    return _prelu(call, call.input, call.layer)


def plain_relu(call: Call) -> Tensor:
    """Convert the operation relu."""
    return call.relu(call.input)


def relu6(call: Call) -> Tensor:
    """Convert the operation relu6."""
    return call.relu(call.input, 6.0)


def hard_sigmoid(call: Call) -> Tensor:
    """Convert the operation hard_sigmoid: ``relu6(x + 3) / 6``."""
    return _hard_sigmoid(call, call.input)


def hard_tanh(call: Call) -> Tensor:
    """Convert the operation hard_tanh: x limited to -1..1."""
    return squashed(call, call.input, -1.0, 1.0)


def sparse_sigmoid(call: Call) -> Tensor:
    """Convert the operation sparse_sigmoid: ``(x + 1) / 2`` limited to 0..1."""
    return _sparse_sigmoid(call, call.input)


def soft_shrink(call: Call) -> Tensor:
    """Convert the operation soft_shrink: ``relu(x - t) - relu(-x - t)``."""
    return _soft_shrink(call, call.input, float(call.layer.threshold))


def hard_shrink(call: Call) -> Tensor:
    """Convert the operation hard_shrink: x where ``|x| > t``, else 0; it takes steps."""
    return _hard_shrink(call, call.input, float(call.layer.threshold))


def threshold(call: Call) -> Tensor:
    """Convert the operation threshold: x where ``x > t``, else a constant; it takes a step."""
    limit, otherwise = float(call.layer.threshold), float(call.layer.default_value)
    return call.scale(_beyond(call, call.input, limit, limit - otherwise), 1.0, otherwise)


def softmax(call: Call) -> Tensor:
    """Convert a final softmax; the graph reports the output before it."""
    return call.final(call.input, Softmax)


def sigmoid(call: Call) -> Tensor:
    """Convert a final sigmoid; the graph reports the output before it."""
    return call.final(call.input, Sigmoid)
