"""Operations of `keras.ops` that move numbers: slices, transpositions, flips, repetitions, padding."""

from __future__ import annotations

from typing import Any, Final

import numpy as np

from ecc_lava.common import Array
from ecc_lava.geometry import Conv
from ecc_lava.importers.keras.call import Call, Handler, Refused
from ecc_lava.importers.keras.handlers.merging import put
from ecc_lava.importers.keras.handlers.shapes import transposed
from ecc_lava.importers.keras.tensors import Tensor

__all__ = ["by_numpy", "get_item", "moveaxis", "pad", "reshape", "split", "swapaxes", "take", "transpose"]

SUPPORT: Final = ("Moving numbers", "constant slices and indices; `pad`: `constant`, `reflect`, `symmetric`")
"""Title and limits of these layers in the table of supported layers."""


def by_numpy(name: str, *options: str) -> Handler:
    """Return the handler of an operation that numpy has under the same name; `options` are the operation's attributes that numpy takes."""

    def handler(call: Call) -> Tensor:
        arguments = [getattr(call.layer, option) for option in options]
        return call.moved(call.input, lambda places: getattr(np, name)(places, *arguments))

    return handler


def reshape(call: Call) -> Tensor:
    """Convert the operation reshape."""
    batch, *sizes = call.layer.newshape
    return call.moved(call.input, lambda places: places.reshape(len(places) if batch is None else batch, *sizes))


def _ordered(call: Call, order: Any) -> Tensor:
    return transposed(call, call.input, tuple(int(axis) % len(order) for axis in order))


def transpose(call: Call) -> Tensor:
    """Convert the operation transpose."""
    rank = len(call.input.sizes) + 1
    return _ordered(call, call.layer.axes or range(rank)[::-1])


def moveaxis(call: Call) -> Tensor:
    """Convert the operation moveaxis."""
    axes = np.empty((0,) * (len(call.input.sizes) + 1))
    named = axes.reshape(tuple(range(axes.ndim)))  # axis k has length k
    return _ordered(call, np.moveaxis(named, call.layer.source, call.layer.destination).shape)


def swapaxes(call: Call) -> Tensor:
    """Convert the operation swapaxes."""
    order = list(range(len(call.input.sizes) + 1))
    a, b = call.layer.axis1, call.layer.axis2
    order[a], order[b] = order[b], order[a]
    return _ordered(call, order)


def take(call: Call) -> Tensor:
    """Convert the operation take with constant indices."""
    _, indices = call.arguments
    if isinstance(indices, Tensor):
        raise Refused("it looks numbers up; its indices must be constant")
    return call.moved(call.input, lambda places: np.take(places, np.asarray(indices), axis=call.layer.axis))


def split(call: Call) -> tuple[Tensor, ...]:
    """Convert the operation split: one slice for every part."""
    axis, parts = int(call.layer.axis), call.layer.indices_or_sections
    rank = len(call.input.sizes) + 1
    if axis % rank == 0:
        raise Refused("it splits the batch; split along another axis")
    size = call.input.sizes[axis % rank - 1]
    stops = list(range(0, size, size // parts))[1:] if isinstance(parts, int) else list(parts)
    keys = []
    for first, stop in zip([0, *stops], [*stops, size], strict=True):
        key = [slice(None)] * rank
        key[axis] = slice(first, stop)
        keys.append(key)
    return tuple(_picked(call, call.input, key) for key in keys)


def get_item(call: Call) -> Tensor:
    """Convert keys such as ``x[:, 1:, ::2, :3]``, also with single entries, new axes and backward slices."""
    key = call.arguments[1]
    parts = list(key) if isinstance(key, tuple | list) else [key]
    if any(part is not None and part is not Ellipsis and not isinstance(part, int | np.integer | slice) for part in parts):
        raise Refused("it picks by an array or a tensor; only slices, numbers and new axes are supported, such as x[:, 1:, ::2, 0]")
    return _picked(call, call.input, parts)


def _picked(call: Call, x: Tensor, key: list[Any]) -> Tensor:
    """Return what a key picks: by cropping, strides and a range of channels where these suffice, else number by number."""
    slices = _slices(key, len(x.sizes) + 1)
    if slices is None or slices[0] != slice(None) or x.axes is None:
        return call.moved(x, lambda places: places[tuple(key)])
    picked = [range(1)] * 3
    for axis, size, part in zip(x.axes, x.sizes, slices[1:], strict=True):
        picked[axis] = range(size)[part]
    rows, columns, channels = picked
    if not all(picked) or rows.step < 1 or columns.step < 1 or channels.step != 1:
        return call.moved(x, lambda places: places[tuple(key)])
    y = call.per_channel(
        x,
        (1, 1),
        strides=(rows.step, columns.step),
        padding=(-rows[0], rows[-1] + 1 - x.shape[0], -columns[0], columns[-1] + 1 - x.shape[1]),
    )
    if len(channels) == x.channels:
        return y
    reads = (channels[0], channels[-1] + 1)
    return call.linear(y, Conv(np.ones((1, 1, 1, len(channels))), groups=len(channels), reads=reads))


def _slices(key: list[Any], rank: int) -> list[slice] | None:
    """Return one slice per axis of (N, ...); None if the key holds anything but slices."""
    if any(part is not Ellipsis and not isinstance(part, slice) for part in key):
        return None
    parts = [*key] if Ellipsis in key else [*key, Ellipsis]
    at = parts.index(Ellipsis)
    return parts[:at] + [slice(None)] * (rank + 1 - len(parts)) + parts[at + 1 :]


def pad(call: Call) -> Tensor:
    """Convert the operation pad, with a constant or with the tensor's own numbers."""
    x, mode = call.input, call.layer.mode
    rank = len(x.sizes) + 1
    widths = [(int(pair[0]), int(pair[-1])) for pair in call.layer.pad_width]
    widths = widths * rank if len(widths) == 1 else widths
    if mode != "constant" or x.axes is None:
        if mode not in ("reflect", "symmetric"):
            raise Refused(f"its mode is {mode!r} on a tensor of {rank} axes; 'constant', 'reflect' and 'symmetric' are supported")
        return call.moved(x, lambda places: np.pad(places, widths, mode=mode))
    if any(widths[0]):
        raise Refused("it pads the batch; pad the other axes only")
    around: Array = np.asarray(call.arguments[1] if len(call.arguments) > 1 else 0.0, np.float64)
    y = call.scale(x, 1.0, -around) if around.any() else x
    for k, (before, after) in enumerate(widths[1:]):
        if before or after:
            y = put(call, y, k, before, after)
    return call.scale(y, 1.0, around) if around.any() else y
