"""Integer gain maps: a pool that averages over valid pixels only, in integers."""

from __future__ import annotations

import numpy as np

from ecc_lava.common import Array

__all__ = ["integer_gain"]

EXACT = 1e-9
"""Largest relative error that float64 arithmetic explains."""


def integer_gain(gain: Array, mantissa_max: int) -> Array:
    """Return int32 gains proportional to `gain`, as exactly as weights of up to `mantissa_max` allow.

    Choose the smallest multiple of ``gain / min(positive gain)`` that is integer everywhere. If its largest entry exceeds `mantissa_max`,
    choose the smaller multiple with the least relative error, clipped to 1..`mantissa_max` if even the first is too large. (A 3x3 pool
    has the exact gains 4, 6, 9.)

    Parameters
    ----------
    gain : float array (H, W)
        At least 0, somewhere positive; zeros stay zero.
    mantissa_max : int
    """
    relative = gain / gain[gain > 0].min()
    nonzero = relative > 0
    best, best_error = nonzero.astype(np.float64), np.inf
    for factor in range(1, max(1, int(mantissa_max / relative.max())) + 1):
        candidate = np.minimum(np.rint(relative * factor), mantissa_max)
        error = float(np.abs(candidate[nonzero] / (relative[nonzero] * factor) - 1.0).max())
        if error < best_error - EXACT:
            best, best_error = candidate, error
        if error < EXACT:
            break
    return best.astype(np.int32)
