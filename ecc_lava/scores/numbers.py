"""How far numbers are from those that they should be, relative to how much these vary."""

from __future__ import annotations

import numpy as np

from ecc_lava.common import Array

__all__ = ["correlation", "relative_rms_error"]


def relative_rms_error(found: Array, reference: Array) -> float | None:
    """Return the root of the mean square error over the deviation of the reference.

    ``sqrt(mean((found - reference)**2) / mean of each number's variance over samples)``. Above 1 an answer is worse than the reference's
    mean. The variance has N - 1 in its denominator. None where the reference does not vary over samples.

    Parameters
    ----------
    found, reference : arrays (N, K)
    """
    if len(reference) < 2:
        return None
    variance = float(np.var(reference, axis=0, ddof=1, dtype=np.float64).mean())
    error = float(np.square(np.subtract(found, reference, dtype=np.float64)).mean())
    return float(np.sqrt(error / variance)) if variance > 0 else None


def correlation(found: Array, reference: Array) -> float | None:
    """Return Pearson's correlation over samples, of all numbers together, each without its mean over samples; None if one is constant."""
    a, b = (x.astype(np.float64) - x.mean(axis=0, dtype=np.float64) for x in (found, reference))
    spread = float((a * a).sum()) * float((b * b).sum())
    return float((a * b).sum() / np.sqrt(spread)) if spread > 0 else None
