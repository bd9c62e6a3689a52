"""Resizing by interpolation, a linear operator of each channel; and cropping to the centre."""

from __future__ import annotations

from typing import Final

import numpy as np

from ecc_lava.common import Array
from ecc_lava.geometry import Sparse
from ecc_lava.importers.keras.call import Call, Refused, laid_for
from ecc_lava.importers.keras.handlers.windows import pair
from ecc_lava.importers.keras.tensors import Tensor

__all__ = ["center_crop", "resizing", "up_sampling"]

SUPPORT: Final = ("Resizing", "`nearest` and `bilinear`, to fixed sizes; without `antialias` and without an aspect ratio to keep")
"""Title and limits of these layers in the table of supported layers."""

ENTRIES_MAX: Final = 2**25
"""Most weights of the operator of one layer, which are held one by one."""


def _nearest(size: int, target: int) -> tuple[Array, Array]:
    """Return the positions (target, 1) that each position of the result reads along an axis, and their weights."""
    centres = (np.arange(target, dtype=np.float32) + np.float32(0.5)) * np.float32(size / target)  # float32, as TensorFlow rounds
    return np.minimum(centres.astype(np.int64), size - 1)[:, None], np.ones((target, 1))


def _bilinear(size: int, target: int) -> tuple[Array, Array]:
    """Return the positions (target, 2) that each position of the result reads along an axis, and their weights."""
    centres = (np.arange(target) + 0.5) * size / target - 0.5
    low = np.floor(centres)
    positions = np.clip(np.stack([low, low + 1], 1), 0, size - 1).astype(np.int64)
    weights = np.stack([low + 1 - centres, centres - low], 1)
    weights[positions[:, 0] == positions[:, 1]] = 1.0, 0.0  # beyond the border: one synapse, not two
    return positions, weights


_READS: Final = {"nearest": _nearest, "bilinear": _bilinear}


def _resized(call: Call, x: Tensor, height: int, width: int, how: str) -> Tensor:
    """Return a map of another height and width; every position is a weighted sum of one or four positions of x, channel by channel."""
    if how not in _READS:
        raise Refused(f"its interpolation is {how!r}; only {' and '.join(map(repr, _READS))} are supported")
    if not call.dtype.startswith(("float", "bfloat")):
        raise Refused(f"it rounds, as its tensor is {call.dtype}; give the model a float input")
    (rows, by_row), (columns, by_column) = _READS[how](x.shape[0], height), _READS[how](x.shape[1], width)
    channels = x.channels
    entries = height * width * channels * rows.shape[1] * columns.shape[1]
    if entries > ENTRIES_MAX:
        raise Refused(f"its operator has {entries} weights; at most {ENTRIES_MAX} are supported; resize images before the model")
    places = rows[:, None, :, None] * x.shape[1] + columns[None, :, None, :]  # (height, width, row read, column read)
    weights = by_row[:, None, :, None] * by_column[None, :, None, :]
    reads = rows.shape[1] * columns.shape[1]
    places, weights = (values.reshape(height * width, 1, reads) for values in (places, weights))
    places = places * channels + np.arange(channels)[None, :, None]
    weights = np.broadcast_to(weights, places.shape).astype(np.float32)
    used = weights != 0
    starts = np.concatenate([[0], np.cumsum(used.sum(axis=2).ravel())])
    return call.linear(x, Sparse(weights[used], places[used], starts, x.shape, (height, width, channels)))


def resizing(call: Call) -> Tensor:
    """Convert Resizing to a fixed size."""
    layer = call.layer
    for option in ("antialias", "crop_to_aspect_ratio", "pad_to_aspect_ratio"):
        if getattr(layer, option, False):
            raise Refused(f"its {option} is set, which is not supported; resize images before the model")
    return _resized(call, laid_for(call), int(layer.height), int(layer.width), layer.interpolation)


def up_sampling(call: Call) -> Tensor:
    """Convert UpSampling2D and UpSampling1D by repetition, and UpSampling2D by interpolation."""
    how = getattr(call.layer, "interpolation", "nearest")
    size, x = pair(call.layer.size), laid_for(call)
    if how != "nearest":
        return _resized(call, x, x.shape[0] * size[0], x.shape[1] * size[1], how)
    padding = (size[0] - 1, size[0] - 1, size[1] - 1, size[1] - 1)
    return call.per_channel(x, size, padding=padding, input_dilation=size)


def center_crop(call: Call) -> Tensor:
    """Convert CenterCrop of a map that is large enough: negative padding."""
    x, target = laid_for(call), (int(call.layer.height), int(call.layer.width))
    spare = [size - wanted for size, wanted in zip(x.shape, target, strict=False)]
    if min(spare) < 0:
        raise Refused(f"its {target} is larger than its tensor of {x.shape[:2]}, which it then enlarges; use Resizing or ZeroPadding2D")
    top, left = spare[0] // 2, spare[1] // 2
    return call.per_channel(x, (1, 1), padding=(-top, top - spare[0], -left, left - spare[1]))
