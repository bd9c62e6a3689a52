"""Units in which weights are whole numbers, where there are any: those of weights that a model keeps in few bits, such as float16."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ecc_lava.common import Array, Float, Int
from ecc_lava.geometry import Geometry, over_synapses, scaled_by_target

__all__ = ["whole_peaks"]

WHOLE = 2.0**-12
"""How far a weight may lie from a whole number of units. A few products in float64 leave 24 bits off by far less."""

ALIKE = 2.0**-48
"""Difference of two ratios that is rounding: fractions of denominators up to 2^23 lie 2^-46 apart."""

TERMS = 40
"""Terms of a continued fraction, which at least double the denominator every other time."""


def whole_peaks(geometries: Sequence[Geometry], largest: Float, most: int) -> Int:
    """Return the least whole number that each channel's largest weight can be, such that all its weights are whole; 0 if none is <= most.

    Parameters
    ----------
    geometries : operators into one population, float kernels
    largest : float64 array (C,)
        Largest magnitude of a weight into each channel.
    most : int
        Below 2**23.
    """
    inverse = np.divide(1.0, largest, out=np.zeros_like(largest), where=largest > 0)
    peaks = np.ones(largest.shape, np.int64)
    for geometry in geometries:
        found = over_synapses(np.lcm, geometry, _denominators(np.abs(scaled_by_target(geometry, inverse)), most))
        peaks = np.where(_within(peaks, most), np.lcm(peaks, np.lcm.reduce(np.where(found > 0, found, 1), axis=0)), 0)
    peaks = np.where(_within(peaks, most), peaks, 0)
    for geometry in geometries:
        mantissas = scaled_by_target(geometry, inverse * peaks)
        off = over_synapses(np.maximum, geometry, np.abs(mantissas - np.rint(mantissas))).max(axis=0)
        peaks = np.where(off < WHOLE, peaks, 0)
    return peaks


def _within(peaks: Int, most: int) -> Array:
    """Whether a product of denominators is one: it is not above the limit, nor has it overflowed below 1."""
    return (peaks >= 1) & (peaks <= most)


def _denominators(ratios: Float, most: int) -> Int:
    """Return the denominators of ratios between 0 and 1, by their continued fractions; `most` + 1 where it would be larger."""
    rest = ratios.copy()
    above, below = (np.ones_like(ratios), np.zeros_like(ratios)), (np.zeros_like(ratios), np.ones_like(ratios))
    result = np.full(ratios.shape, most + 1, np.int64)
    open_ = np.ones(ratios.shape, bool)
    for _ in range(TERMS):
        whole = np.floor(rest)
        above, below = (whole * above[0] + above[1], above[0]), (whole * below[0] + below[1], below[0])
        fits = open_ & (below[0] <= most)
        hit = fits & (np.abs(ratios - above[0] / np.where(fits, below[0], 1.0)) < ALIKE)
        result[hit] = below[0][hit]
        open_ = fits & ~hit
        if not open_.any():
            break
        rest = np.divide(1.0, rest - whole, out=np.ones_like(rest), where=open_ & (rest > whole))
        above, below = ((np.where(open_, a, 0.0), np.where(open_, b, 0.0)) for a, b in (above, below))
    return result
