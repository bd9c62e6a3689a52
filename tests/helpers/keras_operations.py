"""The operations of keras.ops, and how one call of each is drawn."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from tests.helpers.keras_layers import (
    ANY,
    MAPS,
    SIGNAL,
    VECTOR,
    Drawn,
    Line,
    axis_of,
    last_length,
    permuted,
)

__all__ = ["OPERATIONS"]


def _reduction(name: str) -> Callable[[Drawn], Any]:
    def build(d: Drawn) -> Any:
        rank = len(d.x.shape)
        axis = d.pick(1, -1, (1, -1)) if rank > 2 else 1
        return getattr(d.ops, name)(d.x, axis, keepdims=rank == 2 or d.pick(True, False))

    return build


def _of(name: str, *arguments: Any, **options: Any) -> Callable[[Drawn], Any]:
    return lambda d: getattr(d.ops, name)(d.x, *arguments, **options)


def _compared(name: str) -> Callable[[Drawn], Any]:
    return lambda d: d.ops.cast(getattr(d.ops, name)(d.x, d.pick(0.1, 0.013 + 0.37 * d.other)), "float64")


def _padded(d: Drawn) -> Any:
    widths = [(0, 0), *((d.pick(0, 1), d.pick(0, 1)) for _ in d.x.shape[1:])]
    mode = "constant" if min(d.x.shape[1:]) < 2 else d.pick("constant", "reflect")
    return d.ops.pad(d.x, widths, mode=mode, **({"constant_values": 0.5} if mode == "constant" else {}))


OPERATIONS: dict[str, Line] = {
    "Absolute": Line(ANY, _of("absolute")),
    "Add": Line(ANY, lambda d: d.x + d.pick(d.other, 0.5, np.linspace(0, 1, last_length(d.x)))),
    "Amax": Line(ANY, _reduction("amax")),
    "Amin": Line(ANY, _reduction("amin")),
    "Average": Line(MAPS, lambda d: d.ops.average(d.x, axis=axis_of(d))),
    "AveragePool": Line(MAPS, lambda d: d.ops.average_pool(d.x, 2, d.pick(None, 1), padding=d.pick("same", "valid"))),
    "Cast": Line(ANY, _of("cast", "float64")),
    "Clip": Line(ANY, _of("clip", -0.5, 0.8)),
    "Concatenate": Line(ANY, lambda d: d.ops.concatenate([d.x, d.beside], axis=axis_of(d))),
    "Copy": Line(ANY, _of("copy")),
    "Dot": Line(ANY, lambda d: d.ops.dot(d.x, np.linspace(-1, 1, 2 * last_length(d.x)).reshape(-1, 2))),
    "ExpandDims": Line([VECTOR, SIGNAL], lambda d: d.ops.expand_dims(d.x, d.pick(1, -1))),
    "Flip": Line(ANY, lambda d: d.ops.flip(d.x, axis_of(d))),
    "GetItem": Line(
        ANY, lambda d: d.x[:, d.pick(slice(1, None), slice(None, None, -1))] if len(d.x.shape) == 2 else d.x[:, ::2, d.pick(0, slice(1))]
    ),
    "Greater": Line(ANY, _compared("greater")),
    "GreaterEqual": Line(ANY, _compared("greater_equal")),
    "HardShrink": Line(ANY, _of("hard_shrink", 0.317)),
    "HardSigmoid": Line(ANY, _of("hard_sigmoid")),
    "HardTanh": Line(ANY, _of("hard_tanh")),
    "Heaviside": Line(ANY, lambda d: d.ops.heaviside(d.x + 0.0117, np.asarray(0.5))),
    "LeakyRelu": Line(ANY, _of("leaky_relu", 0.3)),
    "Less": Line(ANY, _compared("less")),
    "LessEqual": Line(ANY, _compared("less_equal")),
    "LogicalNot": Line(ANY, lambda d: d.ops.cast(d.ops.logical_not(d.x > 0.2), "float64")),
    "Matmul": Line(ANY, lambda d: d.ops.matmul(d.x, np.linspace(-1, 1, 3 * last_length(d.x)).reshape(-1, 3))),
    "Max": Line(ANY, _reduction("max")),
    "MaxPool": Line(MAPS, lambda d: d.ops.max_pool(d.x, 2, d.pick(None, 1), padding=d.pick("same", "valid"))),
    "Maximum": Line(ANY, lambda d: d.ops.maximum(d.x, d.pick(d.other, 0.3))),
    "Mean": Line(ANY, _reduction("mean")),
    "Min": Line(ANY, _reduction("min")),
    "Minimum": Line(ANY, lambda d: d.ops.minimum(d.pick(d.other, 0.3), d.x)),
    "Moveaxis": Line(MAPS, _of("moveaxis", 1, -1)),
    "Multiply": Line(ANY, lambda d: d.pick(0.7, np.linspace(-1, 1, last_length(d.x))) * d.x),
    "Negative": Line(ANY, lambda d: -d.x),
    "Pad": Line(ANY, _padded),
    "Relu": Line(ANY, _of("relu")),
    "Relu6": Line(ANY, lambda d: d.ops.relu6(4.0 * d.x)),
    "Repeat": Line(ANY, lambda d: d.ops.repeat(d.x, 2, axis=axis_of(d))),
    "Reshape": Line(ANY, lambda d: d.ops.reshape(d.x, (-1, int(np.prod(d.x.shape[2:])), d.x.shape[1]))),
    "Roll": Line(ANY, lambda d: d.ops.roll(d.x, 1, axis=axis_of(d))),
    "Rot90": Line(MAPS, _of("rot90", 1, (1, 2))),
    "Sign": Line(ANY, lambda d: d.ops.sign(d.x - 0.0131)),
    "SoftShrink": Line(ANY, _of("soft_shrink", 0.211)),
    "SparseSigmoid": Line(ANY, _of("sparse_sigmoid")),
    "Split": Line(ANY, lambda d: d.pick(*d.ops.split(d.x, [1], axis=d.pick(*[k for k, n in enumerate(d.x.shape) if k and n > 1])))),
    "Squeeze": Line([VECTOR, SIGNAL], lambda d: d.ops.squeeze(d.ops.expand_dims(d.x, 1), 1)),
    "Stack": Line([VECTOR, SIGNAL], lambda d: d.ops.stack([d.x, d.other], axis=d.pick(1, -1))),
    "StopGradient": Line(ANY, _of("stop_gradient")),
    "Subtract": Line(ANY, lambda d: d.pick(d.other, 0.5) - d.x),
    "Sum": Line(ANY, _reduction("sum")),
    "Swapaxes": Line(MAPS, _of("swapaxes", 1, -1)),
    "Take": Line(ANY, lambda d: d.ops.take(d.x, [0, -1, 0], axis=axis_of(d))),
    "Threshold": Line(ANY, _of("threshold", 0.293, -0.53)),
    "Tile": Line(ANY, lambda d: d.ops.tile(d.x, (1, 2) + (1,) * (len(d.x.shape) - 2))),
    "Transpose": Line(MAPS, lambda d: d.ops.transpose(d.x, (0, *permuted(d)))),
    "TrueDivide": Line(ANY, lambda d: d.x / 1.5),
    "Where": Line(ANY, lambda d: d.ops.cast(d.ops.where(d.x > 0.107, 1.0, -0.47), "float64")),
}
"""Class of an operation of keras.ops -> how it is drawn."""
