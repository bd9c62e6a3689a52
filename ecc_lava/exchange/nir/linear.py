"""The linear nodes of NIR as operators of this tool."""

from __future__ import annotations

import numpy as np

from ecc_lava.common import Array
from ecc_lava.errors import InvalidInput
from ecc_lava.exchange.nir.nodes import NirNode
from ecc_lava.exchange.nir.signals import Signal, from_nir_order, scaling
from ecc_lava.geometry import Conv, Dense, Geometry

__all__ = ["operator"]

_ZERO = np.zeros((1, 1, 1))


def operator(node: NirNode, arriving: Signal, where: str) -> tuple[Geometry, Array]:
    """Return the operator and the bias of a linear node.

    Raises
    ------
    InvalidInput
        If its numbers do not fit each other or what arrives.
    """
    match node.type:
        case "Affine" | "Linear":
            return _dense(node, arriving, where)
        case "Conv1d" | "Conv2d":
            return _conv(node, arriving, where)
        case "SumPool2d" | "AvgPool2d":
            return _pool(node, arriving), _ZERO
        case _:
            return scaling(from_nir_order(node.numbers("scale"), arriving, where), arriving.shape), _ZERO


def _dense(node: NirNode, arriving: Signal, where: str) -> tuple[Dense, Array]:
    weight = node.numbers("weight", 2)
    if not arriving.is_flat and arriving.shape[:2] != (1, 1):
        raise InvalidInput(f"{where} reads a map of {arriving.shape} (H, W, C); put a Flatten before it")
    height, width, channels = arriving.shape
    if 0 in weight.shape or weight.shape[1] != height * width * channels:
        raise InvalidInput(f"{where} has weights for {weight.shape[1]} inputs; {height * width * channels} arrive")
    order = np.arange(weight.shape[1]).reshape(channels, height, width).transpose(1, 2, 0).ravel()
    return Dense(weight.T[order]), _bias(node, len(weight), where)


def _conv(node: NirNode, arriving: Signal, where: str) -> tuple[Conv, Array]:
    one = node.type == "Conv1d"
    weight = node.numbers("weight", 3 if one else 4)
    kernel = (weight[:, :, None] if one else weight).transpose(2, 3, 1, 0)
    number = 1 if one else 2
    strides, dilation = (node.integers(field, number, 1) for field in ("stride", "dilation"))
    (groups,) = node.integers("groups", 1, 1)
    if 0 in kernel.shape or kernel.shape[2] * groups != arriving.shape[2] or kernel.shape[3] % groups or arriving.is_flat:
        raise InvalidInput(f"{where} has weights of shape {weight.shape} in {groups} groups; a map of {arriving.shape} (H, W, C) arrives")
    sides = _padding(node, kernel.shape[2 - number : 2], strides, dilation, where)
    if one:
        strides, dilation, sides = (1, *strides), (1, *dilation), (0, 0, *sides)
    conv = Conv(kernel, (strides[0], strides[1]), (sides[0], sides[1], sides[2], sides[3]), (dilation[0], dilation[1]), groups)
    return conv, _bias(node, kernel.shape[3], where)


def _padding(node: NirNode, sizes: tuple[int, ...], strides: tuple[int, ...], dilation: tuple[int, ...], where: str) -> tuple[int, ...]:
    """Return the padding before and after, axis by axis."""
    told = node.fields["padding"]
    text = str(told.item()) if isinstance(told, np.ndarray) and told.dtype.kind in "OU" and told.size == 1 else told
    text = text if isinstance(text, str) else ""
    if text == "valid":
        return (0, 0) * len(sizes)
    if text == "same":
        if set(strides) != {1}:
            raise InvalidInput(f"{where} has padding 'same' and strides {strides}, which tools understand differently; give numbers")
        totals = [step * (size - 1) for step, size in zip(dilation, sizes, strict=True)]
        return tuple(side for total in totals for side in (total // 2, total - total // 2))
    return tuple(side for size in node.integers("padding", len(sizes), 0) for side in (size, size))


def _pool(node: NirNode, arriving: Signal) -> Conv:
    height, width = node.integers("kernel_size", 2, 1)
    strides, padding = node.integers("stride", 2, 1), node.integers("padding", 2, 0)
    if height * width > 2**16 or arriving.is_flat:
        raise InvalidInput(f"{node.type} {node.name!r} has windows of {height} x {width} on {arriving.shape} (H, W, C)")
    channels = arriving.shape[2]
    weight = 1.0 if node.type == "SumPool2d" else 1.0 / (height * width)
    sides = (padding[0], padding[0], padding[1], padding[1])
    return Conv(np.full((height, width, 1, channels), weight), (strides[0], strides[1]), sides, groups=channels)


def _bias(node: NirNode, channels: int, where: str) -> Array:
    if "bias" not in node.fields:
        return _ZERO
    bias = node.numbers("bias")
    if bias.size not in (1, channels):
        raise InvalidInput(f"{where} has a bias of shape {bias.shape} for {channels} outputs")
    return np.broadcast_to(bias.ravel(), (channels,)).reshape(1, 1, channels) if bias.any() else _ZERO
