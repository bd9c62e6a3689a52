"""Weights wider than a mantissa: each is the sum of two synapses whose exponents differ."""

from __future__ import annotations

import numpy as np

from ecc_lava.common import Array, Float

__all__ = ["mantissas"]


def mantissas(weights: Float, more: int, largest: int) -> list[tuple[int, Array]]:
    """Return int8 mantissas that add up to whole numbers, with what their exponents are higher by.

    ``weights = high * 2**more + low``, with ``-2**(more - 1) <= low < 2**(more - 1)``. Where low would be beyond `largest`, which is one of
    256 with 8 further bits, the weight is one unit smaller in magnitude.

    Parameters
    ----------
    weights : float64 array
        Whole numbers, at most `NumberFormat.mantissa_max` of the width in magnitude.
    more : int
        Bits by which the weights are wider than a mantissa; 0 leaves them in one synapse.
    largest : int
        Largest mantissa.
    """
    if not more:
        return [(0, weights.astype(np.int8))]
    whole = weights.astype(np.int64)
    high = whole + 2 ** (more - 1) >> more
    beyond = whole - (high << more) < -largest
    whole = np.where(beyond, whole - np.sign(whole), whole)
    high = whole + 2 ** (more - 1) >> more
    low = whole - (high << more)
    return [(more, high.astype(np.int8)), (0, low.astype(np.int8))]
