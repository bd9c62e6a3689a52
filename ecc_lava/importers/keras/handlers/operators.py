"""Arithmetic and comparisons of `keras.ops` and of Python operators in functional models."""

from __future__ import annotations

from typing import Final

import numpy as np

from ecc_lava.importers.keras.call import Call, Refused
from ecc_lava.importers.keras.handlers.activations import above, squashed
from ecc_lava.importers.keras.handlers.convolutions import on_last_axis
from ecc_lava.importers.keras.handlers.merging import operands, subtract, summed
from ecc_lava.importers.keras.remedies import PRODUCT
from ecc_lava.importers.keras.tensors import Tensor

__all__ = [
    "absolute",
    "cast",
    "clip",
    "divide",
    "greater",
    "greater_equal",
    "heaviside",
    "less",
    "less_equal",
    "logical_not",
    "matmul",
    "multiply",
    "negative",
    "sign",
    "where",
]

SUPPORT: Final = ("Arithmetic, comparisons", "products with constants only; `where` of two constants")
"""Title and limits of these layers in the table of supported layers."""


def multiply(call: Call) -> Tensor:
    """Convert ``x * c`` and ``c * x``."""
    a, b = operands(call)
    if isinstance(a, Tensor) and isinstance(b, Tensor):
        raise Refused(PRODUCT)
    return call.scale(a, np.asarray(b)) if isinstance(a, Tensor) else call.scale(b, np.asarray(a))


def divide(call: Call) -> Tensor:
    """Convert ``x / c``."""
    a, b = operands(call)
    if isinstance(b, Tensor):
        raise Refused("it divides by a tensor, which is not piecewise linear; build the model without it")
    divisor = np.asarray(b)
    if (divisor == 0).any():
        raise Refused("it divides by zero; give it another divisor")
    return call.scale(a, 1.0 / divisor)


def negative(call: Call) -> Tensor:
    """Convert ``-x``."""
    return call.scale(call.input, -1.0)


def absolute(call: Call) -> Tensor:
    """Convert ``abs(x) = relu(x) + relu(-x)``."""
    return call.add([call.relu(call.input), call.relu(call.scale(call.input, -1.0))])


def clip(call: Call) -> Tensor:
    """Convert ``clip(x, low, high)`` with two numbers."""
    try:
        low, high = float(call.layer.x_min), float(call.layer.x_max)
    except TypeError as error:
        raise Refused("its limits are not two numbers; use maximum and minimum, which take constants of any shape") from error
    return squashed(call, call.input, low, high)


def matmul(call: Call) -> Tensor:
    """Convert ``x @ w`` with a constant matrix: a dense layer without bias."""
    a, b = call.arguments
    if not isinstance(a, Tensor) or isinstance(b, Tensor):
        raise Refused(f"{PRODUCT}, or use x @ w with a constant matrix w")
    kernel = np.asarray(b, np.float64)
    if kernel.ndim != 2:
        raise Refused(f"its constant has {kernel.ndim} axes; only matrices are supported")
    return on_last_axis(call, a, kernel)


def sign(call: Call) -> Tensor:
    """Convert ``sign(x)``, which is 0 at 0: ``H(x) - H(-x)``."""
    x = call.input
    return call.add([call.step(x), call.scale(call.step(call.scale(x, -1.0)), -1.0)])


def heaviside(call: Call) -> Tensor:
    """Convert ``heaviside(x, c)``, which is the constant c at 0: ``c H(x) + (1 - c) (x > 0)``."""
    x, value = call.arguments
    if isinstance(value, Tensor) or not isinstance(x, Tensor):
        raise Refused("its value at 0 is a tensor; give it a number")
    at_zero = np.asarray(value, np.float64)
    parts = [(at_zero, call.step), (1.0 - at_zero, lambda x: above(call, x))]
    return summed(call, [call.scale(made(x), factor) for factor, made in parts if np.any(factor)])


def greater_equal(call: Call) -> Tensor:
    """Convert ``a >= b``, 1 or 0."""
    return call.step(subtract(call))


def greater(call: Call) -> Tensor:
    """Convert ``a > b``, 1 or 0."""
    return above(call, subtract(call))


def less(call: Call) -> Tensor:
    """Convert ``a < b``, 1 or 0: the negation of ``a >= b``."""
    return call.scale(greater_equal(call), -1.0, 1.0)


def less_equal(call: Call) -> Tensor:
    """Convert ``a <= b``, 1 or 0."""
    return call.step(call.scale(subtract(call), -1.0))


def logical_not(call: Call) -> Tensor:
    """Convert ``not a`` where a is a comparison."""
    if call.dtype != "bool":
        raise Refused("its tensor is no comparison; compare the tensor with a number first")
    return call.scale(call.input, -1.0, 1.0)


def cast(call: Call) -> Tensor:
    """Convert a cast to floats, and a cast of a comparison to any type."""
    if call.dtype != "bool" and "float" not in call.layer.dtype:
        raise Refused(f"it rounds to {call.layer.dtype}, which is not piecewise linear; cast to float32")
    return call.input


def where(call: Call) -> Tensor:
    """Convert ``where(comparison, a, b)`` with two constants."""
    condition, a, b = (*call.arguments, None, None)[:3]
    if not isinstance(condition, Tensor) or call.dtype != "bool" or a is None or b is None:
        raise Refused("it needs a comparison and two constants; use where(x >= 0, 1.0, -1.0)")
    if isinstance(a, Tensor) or isinstance(b, Tensor):
        raise Refused(f"it chooses between tensors; {PRODUCT}, or use relu, leaky_relu, maximum or minimum")
    return call.scale(condition, np.asarray(a, np.float64) - np.asarray(b, np.float64), np.asarray(b, np.float64))
