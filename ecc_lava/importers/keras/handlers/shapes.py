"""Layers that move numbers without changing them, and layers that do nothing at inference."""

from __future__ import annotations

from typing import Any, Final

import numpy as np

from ecc_lava.importers.keras.call import Call, Refused, laid_for
from ecc_lava.importers.keras.tensors import Tensor

__all__ = [
    "augmentation",
    "cropping",
    "flatten",
    "masking",
    "nothing",
    "permute",
    "repeat_vector",
    "reshape",
    "transposed",
    "zero_padding",
]

SUPPORT: Final = ("Shapes, nothing at inference", "Masking: 0, and no layer after it that reads the mask")
"""Title and limits of these layers in the table of supported layers."""


def nothing(call: Call) -> Tensor:
    """Return the input of a layer that does nothing at inference."""
    return call.input


def augmentation(call: Call) -> Tensor:
    """Return the input of a layer that changes images in training only; Keras writes `training=True` into each of its calls."""
    return call.input


def masking(call: Call) -> Tensor:
    """Return the input of Masking: it sets steps of zeros to zero, and what reads its mask is refused there."""
    if call.layer.mask_value:
        raise Refused(f"its mask_value is {call.layer.mask_value}: it sets other steps to 0; mask by 0, or give sequences of one length")
    return call.input


def flatten(call: Call) -> Tensor:
    """Convert Flatten; it moves the channels of a channels-first map to the last axis first."""
    first = call.layer.data_format == "channels_first"
    return call.moved(call.input, lambda places: (np.moveaxis(places, 1, -1) if first else places).reshape(len(places), -1))


def reshape(call: Call) -> Tensor:
    """Convert Reshape, which keeps the order of the numbers."""
    return call.moved(call.input, lambda places: places.reshape(len(places), *call.layer.target_shape))


def transposed(call: Call, x: Tensor, axes: tuple[int, ...]) -> Tensor:
    """Return a tensor with its axes, the batch included, in another order; no numbers move if the axes lie on a map."""
    if x.axes is None or axes[0] != 0:
        return call.moved(x, lambda places: places.transpose(axes))
    order = [axis - 1 for axis in axes[1:]]
    return Tensor(x.name, x.shape, tuple(x.sizes[k] for k in order), tuple(x.axes[k] for k in order))


def permute(call: Call) -> Tensor:
    """Convert Permute."""
    return transposed(call, call.input, (0, *(int(axis) for axis in call.layer.dims)))


def repeat_vector(call: Call) -> Tensor:
    """Convert RepeatVector: (N, C) to (N, n, C)."""
    return call.moved(call.input, lambda places: places[:, None].repeat(int(call.layer.n), axis=1))


def _sides(values: Any) -> tuple[int, int, int, int]:
    """Return (top, bottom, left, right) of a padding or cropping layer; a layer on signals has two numbers."""
    sides = [int(side) for axis in values for side in (axis if isinstance(axis, tuple | list) else (axis,))]
    top, bottom, left, right = sides if len(sides) == 4 else [0, 0, *sides]
    return top, bottom, left, right


def zero_padding(call: Call) -> Tensor:
    """Convert ZeroPadding2D and ZeroPadding1D."""
    return call.per_channel(laid_for(call), (1, 1), padding=_sides(call.layer.padding))


def cropping(call: Call) -> Tensor:
    """Convert Cropping2D and Cropping1D: negative padding."""
    top, bottom, left, right = _sides(call.layer.cropping)
    return call.per_channel(laid_for(call), (1, 1), padding=(-top, -bottom, -left, -right))
