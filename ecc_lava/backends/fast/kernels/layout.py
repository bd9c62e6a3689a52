"""The weights in the order in which the C kernels read them."""

from __future__ import annotations

import numpy as np

from ecc_lava.backends.fast.plan import DENSE_LANES
from ecc_lava.common import Array

__all__ = ["aligned", "for_windows", "interleaved"]


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
