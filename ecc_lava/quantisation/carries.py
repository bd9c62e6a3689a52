"""Sums of whole weights that no potential holds, in levels: the low bits of the weights are summed first, and carried into the rest.

With ``w = high * 2**low + rest`` for every weight, and ``c = c_high * 2**low + c_rest``,

    sum(w x) + c >= 0   where   sum(high x) + c_high + floor((sum(rest x) + c_rest) / 2**low) >= 0

exactly, as all but the floor are whole numbers. The floor is the carry. Populations send it as digits, by long division: the first
sends its highest bits, each after it what those before it leave over. Where the high parts are too wide themselves, they are cut again.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from ecc_lava.common import Array, Int
from ecc_lava.geometry import Geometry, sums_by_sign, with_kernel

__all__ = ["Level", "SumLimits", "WholeWeights", "levels_of", "reach"]


class SumLimits(NamedTuple):
    """What a chip holds: the largest potential and weight, in units of the potential's least weight, and the bits of a payload."""

    potential: int
    weight: int
    payload_bits: int


class WholeWeights(NamedTuple):
    """Whole weights of a projection, int64, and the least and the largest value that its source sends in one step."""

    geometry: Geometry
    sent: tuple[int, int]


class Level(NamedTuple):
    """Weights, (int64 kernels, one of each projection), and constants whose sum fits a potential.

    Attributes
    ----------
    kernels : tuple of int64 arrays
    constant : int64 array (1,1,C) or (H,W,C)
    low : int
        The sum over ``2**low`` is carried into the next level; 0 at the last one.
    digits : tuple of int
        Bits of the carry's digits, from the highest; none at the last level, and where nothing is left to carry.
    """

    kernels: tuple[Array, ...]
    constant: Int
    low: int = 0
    digits: tuple[int, ...] = ()

    @property
    def carry_max(self) -> int:
        """Largest carry that the digits can be."""
        return 2 ** sum(self.digits) - 1


def reach(sources: Sequence[WholeWeights], kernels: Sequence[Array]) -> tuple[Int, Int]:
    """Return the least and the largest sum of one step, (C,), with these weights in place of the sources' own."""
    low, high = np.int64(0), np.int64(0)
    for source, kernel in zip(sources, kernels, strict=True):
        negative, positive = sums_by_sign(with_kernel(source.geometry, kernel))
        least, most = min(source.sent[0], 0), max(source.sent[1], 0)
        low = low + (negative * most + positive * least).min(axis=0)
        high = high + (positive * most + negative * least).max(axis=0)
    return np.asarray(low), np.asarray(high)


def levels_of(sources: Sequence[WholeWeights], constant: Int, limits: SumLimits) -> list[Level] | None:
    """Return the levels of ``sum(w x) + constant >= 0``, those of the lowest bits first; None if some sum fits no potential.

    As few low bits are carried as let the high ones fit, or else as many as the potential holds.
    """
    kernels, carried, levels = tuple(source.geometry.kernel for source in sources), 0, list[Level]()
    while not _fits(sources, kernels, constant, carried, limits):
        best = None
        for low in range(1, limits.potential.bit_length()):
            level = _low_level(sources, kernels, constant, carried, low, limits)
            if level is None:
                break
            high = tuple(kernel - part >> low for kernel, part in zip(kernels, level.kernels, strict=True))
            best = level, high, (constant - level.constant) >> low
            if _fits(sources, *best[1:], level.carry_max, limits):
                break
        if best is None:
            return None
        level, kernels, constant = best
        carried = level.carry_max
        levels.append(level)
    return [*levels, Level(kernels, constant)]


def _fits(sources: Sequence[WholeWeights], kernels: Sequence[Array], constant: Int, carried: int, limits: SumLimits) -> bool:
    """Whether the potential holds the sum of these weights, a constant, and a carry, and the chip every weight."""
    least, most = reach(sources, kernels)
    sums = (np.abs(constant).max(), (constant + most).max() + carried, -(constant + least).min())
    return max(map(int, sums)) <= limits.potential and _largest(kernels) <= limits.weight


def _largest(kernels: Sequence[Array]) -> int:
    return max(int(np.abs(kernel).max(initial=0)) for kernel in kernels)


def _low_level(
    sources: Sequence[WholeWeights], kernels: Sequence[Array], constant: Int, carried: int, low: int, limits: SumLimits
) -> Level | None:
    """Return the level of so many low bits, or None if the potential holds no such sum; its sums are at least 0, as payloads are."""
    unit = 2**low
    parts = tuple((kernel + unit // 2) % unit - unit // 2 for kernel in kernels)
    least, most = reach(sources, parts)
    rest = constant % unit
    rest = rest - (rest.min(axis=(0, 1)) + least) // unit * unit
    largest = int((rest.max(axis=(0, 1)) + most).max()) + carried
    if largest > limits.potential or _largest(parts) > limits.weight:
        return None
    bits = (largest >> low).bit_length()
    digits = [min(limits.payload_bits, bits - sent) for sent in range(0, bits, limits.payload_bits)]
    return Level(parts, rest, low, tuple(digits))
