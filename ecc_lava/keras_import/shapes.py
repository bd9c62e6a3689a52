"""Layers that move numbers about without changing them."""

from __future__ import annotations

from math import prod
from typing import Any

import numpy as np

from ecc_lava.arrays import Shape
from ecc_lava.geometry import Conv
from ecc_lava.keras_import.call import Call, Refused, Tensor, channels_last
from ecc_lava.keras_import.windows import pair

__all__ = ["as_map", "augmentation", "cropping", "flatten", "nothing", "permute", "reshape", "up_sampling", "zero_padding"]


def as_map(sizes: tuple[int, ...]) -> Shape:
    """Return the sizes of a Keras tensor without its batch as (H, W, C).

    Raises
    ------
    Refused
        If it is no image, signal or vector.
    """
    if not 1 <= len(sizes) <= 3:
        raise Refused(f"its tensor has {len(sizes) + 1} axes; images (N, H, W, C), signals (N, L, C) and vectors (N, C) are supported")
    whole = (1, 1, 1, *sizes)[-3:]
    return whole[0], whole[1], whole[2]


def nothing(call: Call) -> Tensor:
    """Return the input of a layer that does nothing at inference."""
    return call.input


def augmentation(call: Call) -> Tensor:
    """Return the input of a layer that changes images in training only; Keras writes training=True into every call of it."""
    return call.input


def flatten(call: Call) -> Tensor:
    """Convert Flatten."""
    channels_last(call)
    return call.reshape(call.input, (1, 1, prod(call.input.shape)))


PLACES = 64
"""Most positions of a map that is put together from a vector."""


def _reshaped(call: Call, shape: Shape) -> Tensor:
    """Return the input as another map: every position of it is a range of the flat vector's channels, put in its place."""
    height, width, channels = shape
    if shape == call.input.shape or (height, width) == (1, 1):
        return call.reshape(call.input, shape)
    if height * width > PLACES:
        why = f"it makes a map of {height}x{width} positions of a tensor in another layout; at most {PLACES} positions are put together so"
        raise Refused(f"{why}. Where it is the first layer, give the model an Input of that shape instead")
    flat = call.reshape(call.input, (1, 1, prod(shape)))
    placed = []
    for row, column in np.ndindex(height, width):
        first = (row * width + column) * channels
        padding = (row, height - 1 - row, column, width - 1 - column)
        geometry = Conv(np.ones((1, 1, 1, channels)), padding=padding, groups=channels, reads=(first, first + channels))
        placed.append(call.linear(flat, geometry))
    return call.add(placed)


def reshape(call: Call) -> Tensor:
    """Convert Reshape, in the same order of the numbers."""
    target = [int(size) for size in call.layer.target_shape]
    known = prod(size for size in target if size != -1)
    return _reshaped(call, as_map(tuple(prod(call.input.shape) // known if size == -1 else size for size in target)))


def permute(call: Call) -> Tensor:
    """Convert Permute, where it changes no number's place."""
    sizes = call.input.shape[4 - call.input.rank :]
    dims = [int(axis) - 1 for axis in call.layer.dims]
    moved = [axis for axis in dims if sizes[axis] > 1]
    if moved != sorted(moved):
        raise Refused(f"it exchanges axes, {tuple(call.layer.dims)}; only the order (1, 2, 3) is supported: build the model without it")
    return _reshaped(call, as_map(tuple(sizes[axis] for axis in dims)))


def _sides(values: Any) -> tuple[int, int, int, int]:
    """Return (top, bottom, left, right) of a padding or cropping layer; that of a signal has two numbers."""
    sides = [int(side) for axis in values for side in (axis if isinstance(axis, tuple | list) else (axis,))]
    top, bottom, left, right = sides if len(sides) == 4 else [0, 0, *sides]
    return top, bottom, left, right


def zero_padding(call: Call) -> Tensor:
    """Convert ZeroPadding2D and 1D."""
    channels_last(call)
    return call.per_channel(call.input, (1, 1), padding=_sides(call.layer.padding))


def cropping(call: Call) -> Tensor:
    """Convert Cropping2D and 1D: negative padding."""
    channels_last(call)
    top, bottom, left, right = _sides(call.layer.cropping)
    return call.per_channel(call.input, (1, 1), padding=(-top, -bottom, -left, -right))


def up_sampling(call: Call) -> Tensor:
    """Convert UpSampling2D and 1D by repetition."""
    channels_last(call)
    how = getattr(call.layer, "interpolation", "nearest")
    if how != "nearest":
        raise Refused(f"its interpolation is {how!r}; only 'nearest' is supported")
    size = pair(call.layer.size)
    padding = (size[0] - 1, size[0] - 1, size[1] - 1, size[1] - 1)
    return call.per_channel(call.input, size, padding=padding, input_dilation=size)
