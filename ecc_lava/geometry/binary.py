"""Weights of binarised networks: plus or minus one number per output channel, which one bit holds exactly."""

from __future__ import annotations

import numpy as np

from ecc_lava.geometry.types import Conv, Dense, Geometry, Sparse

__all__ = ["EQUAL", "is_binary", "mixes_channels"]

EQUAL = 1e-6
"""Relative differences below this are rounding errors of a model's float32."""


def is_binary(geometry: Geometry) -> bool:
    """Whether the weights of every output channel are +alpha or -alpha, alpha > 0, and there is more than one of them.

    Folded scales per output channel keep the weights binary; scales per input channel do not.
    """
    match geometry:
        case Conv(gain=gain) if gain is not None:
            return False
        case Conv(kernel=kernel) | Dense(kernel=kernel):
            rows = kernel.reshape(-1, kernel.shape[-1])
            first = np.abs(rows[:2])
            if (first.min(axis=0) < first.max(axis=0) * (1 - EQUAL)).any():  # as most weights: the others need not be read
                return False
            magnitude = np.abs(rows)
            alpha = magnitude.max(axis=0)
            return len(magnitude) > 1 and bool((alpha > 0).all() and (magnitude >= alpha * (1 - EQUAL)).all())
        case Sparse():
            return False


def mixes_channels(geometry: Geometry) -> bool:
    """Whether an output sums over several of the source's channels, so that factors per channel would differ within its weights."""
    return not isinstance(geometry, Conv) or geometry.kernel.shape[2] > 1
