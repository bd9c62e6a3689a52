"""Weights wider than a mantissa: each is the sum of two synapses, or of a few, whose exponents differ."""

from __future__ import annotations

import numpy as np

from ecc_lava.common import Array, Float
from ecc_lava.formats import NumberFormat

__all__ = ["largest_whole", "mantissas", "whole_mantissas"]


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


def whole_mantissas(weights: Array, format: NumberFormat) -> list[tuple[int, Array]]:
    """Return int8 mantissas that add up to whole numbers exactly, with their exponents; 1 is the least weight that the format holds.

    Each synapse but the last takes the lowest bits that the others leave over, as many as one mantissa surely holds.

    Parameters
    ----------
    weights : int64 array
        At most `largest_whole` of the format in magnitude.
    format : NumberFormat
    """
    largest, span = format.mantissa_max(format.weight_bits), format.exponent_max - format.exponent_min
    parts, shift = list[tuple[int, Array]](), 0
    while np.abs(weights).max(initial=0) > largest:
        unit = 2 ** min(format.weight_bits - 1, span - shift)
        low = (weights + unit // 2) % unit - unit // 2
        parts += [(format.exponent_min + shift, low.astype(np.int8))] if low.any() else []
        weights, shift = (weights - low) // unit, shift + unit.bit_length() - 1
    return [*parts, (format.exponent_min + shift, weights.astype(np.int8))]


def largest_whole(format: NumberFormat) -> int:
    """Return a magnitude up to which `whole_mantissas` holds every whole number."""
    return (format.mantissa_max(format.weight_bits) - 1) << (format.exponent_max - format.exponent_min)
