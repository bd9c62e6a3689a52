"""The weights in the order in which the C kernels read them."""

from __future__ import annotations

import numpy as np

from ecc_lava.backends.fast.plan import DENSE_LANES
from ecc_lava.common import Array

__all__ = ["aligned", "for_windows", "interleaved", "signs"]


def aligned(array: Array) -> Array:
    """Return a copy that begins at a cache line's first byte."""
    raw = np.empty(array.nbytes + 64, np.uint8)
    start = -raw.ctypes.data % 64
    result = raw[start : start + array.nbytes].view(array.dtype).reshape(array.shape)
    result[...] = array
    return result


def interleaved(weights: Array, together: int) -> Array:
    """Put rows of weights in the order of the C kernels, by parts of so many lanes, as `kernels.c` describes it."""
    parts = weights.reshape(len(weights), -1, 2, 2, together // 4).copy()  # byte of a word, which of two words, where
    parts[:, :, 0] ^= -128  # the same bits as adding 128
    return aligned(parts.transpose(0, 1, 4, 3, 2).reshape(weights.shape))


def for_windows(weights: Array, channels: int) -> Array:
    """Return rows of weights as (block of lanes, tap, 4 channels, half of the block, lane, channel), in the order of the C kernels."""
    lanes = weights.shape[1]
    by_tap = weights.reshape(-1, channels, lanes)
    padded = np.pad(by_tap, ((0, 0), (0, -channels % 4), (0, 0)))
    parts = padded.reshape(len(by_tap), -1, 4, lanes // DENSE_LANES, 2, DENSE_LANES // 2)
    return aligned(parts.transpose(3, 0, 1, 4, 5, 2))


def signs(weights: Array, lanes: int) -> tuple[Array, Array] | None:
    """Return which weights are positive, and each lane's magnitude, int32; None if some lane has weights of two magnitudes.

    Words of 64 rows stand in parts of so many lanes, (part, word, lane), in the order of the C kernels.
    """
    magnitudes = np.abs(weights.astype(np.int16))
    scales = magnitudes.max(axis=0, initial=0)
    if not (magnitudes == scales).all():
        return None
    padded = np.pad(weights > 0, ((0, -len(weights) % 64), (0, 0)))
    in_bytes = np.packbits(padded.reshape(-1, 64, weights.shape[1]), axis=1, bitorder="little")
    words = np.ascontiguousarray(in_bytes.transpose(0, 2, 1)).view(np.uint64)[..., 0]
    return aligned(words.reshape(len(words), -1, lanes).transpose(1, 0, 2)), scales.astype(np.int32)
