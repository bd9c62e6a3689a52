"""Weights refitted to what really arrives: ridge regression towards the ideal input, checked on images it has not seen."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from ecc_lava.arrays import Array, Float

__all__ = ["Correction", "correction"]

HELD_OUT = 0.25
"""Share of the rows, the last of them, that choose the penalty."""

PENALTIES = (3.0, 1.0, 0.3, 0.1, 0.03, 0.01)
"""Candidates, in units of the mean square of an input; tried in this order for as long as the error falls."""


class Correction(NamedTuple):
    """What is added to weights, (K, C), and to the bias, (C,)."""

    weights: Float
    bias: Float


def correction(inputs: Array, missing: Array) -> Correction | None:
    """Return the change of weights and bias that brings the sums nearest to what they should be, or None if no change is better.

    ``min |missing - inputs @ W - b|^2 + penalty * mean(inputs^2) * |W|^2``; of `PENALTIES` the last one is taken before the error rises
    on rows that were left out, if it is less than that of a bias alone.

    Parameters
    ----------
    inputs : float32 array (M, K)
        Rates of the source neurons as they are; rows of one image lie together.
    missing : float32 array (M, C)
        Ideal sum minus the sum of today's weights.
    """
    import scipy.linalg

    seen = int(len(inputs) * (1 - HELD_OUT))
    mean_x, mean_y = inputs[:seen].mean(axis=0), missing[:seen].mean(axis=0)
    x, y = inputs - mean_x, missing - mean_y
    gram = (x[:seen].T @ x[:seen]).astype(np.float64)
    cross = (x[:seen].T @ y[:seen]).astype(np.float64)
    unit = np.trace(gram) / len(gram)
    least, best = float(np.square(y[seen:]).sum()), None
    if not unit > 0:
        return None
    for penalty in PENALTIES:
        weights = scipy.linalg.solve(gram + penalty * unit * np.eye(len(gram)), cross, assume_a="pos", overwrite_a=True, check_finite=False)
        error = float(np.square(y[seen:] - x[seen:] @ weights.astype(np.float32)).sum())
        if error >= least:
            break
        least, best = error, weights
    return None if best is None else Correction(best, mean_y - mean_x @ best)
