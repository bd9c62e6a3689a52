"""Sizes, strides and padding of windows, for layers on images and on signals."""

from __future__ import annotations

from typing import Any

from ecc_lava.common import Shape
from ecc_lava.importers.keras.call import Refused

__all__ = ["padding_of", "pair"]


def pair(values: Any, along: int = 1) -> tuple[int, int]:
    """Return (vertical, horizontal) of a layer's setting; a signal's axis is horizontal, and `along` stands for the vertical axis."""
    numbers = (values,) if isinstance(values, int) else tuple(int(value) for value in values)
    return (along, numbers[0]) if len(numbers) == 1 else (numbers[0], numbers[1])


def _same(size: int, kernel: int, stride: int, dilation: int) -> tuple[int, int]:
    """Return Keras's `same` padding of one axis: ceil(size/stride) outputs, with an odd zero at the end."""
    reach = (kernel - 1) * dilation + 1
    total = max((-(-size // stride) - 1) * stride + reach - size, 0)
    return total // 2, total - total // 2


def padding_of(
    padding: str, shape: Shape, size: tuple[int, int], strides: tuple[int, int], dilation: tuple[int, int] = (1, 1)
) -> tuple[int, int, int, int]:
    """Return (top, bottom, left, right) of a layer's windows on a map.

    Parameters
    ----------
    padding : {"valid", "same", "causal"}
    shape : (H, W, C)
    size, strides, dilation : of the window
    """
    match padding:
        case "valid":
            return 0, 0, 0, 0
        case "causal":
            return 0, 0, (size[1] - 1) * dilation[1], 0
        case "same":
            return (*_same(shape[0], size[0], strides[0], dilation[0]), *_same(shape[1], size[1], strides[1], dilation[1]))
        case other:
            raise Refused(f"padding is {other!r}; use 'valid' or 'same'")
