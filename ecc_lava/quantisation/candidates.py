"""Units and exponents that keep every integer of a population in its format, and the choice among several."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from ecc_lava.common import Float
from ecc_lava.quantisation.measured import MeasuredProjection

__all__ = ["UnitChoice", "best_of", "channels_above", "relative_exponents"]


class UnitChoice(NamedTuple):
    """Units and exponents that keep every integer in its format."""

    units: Float
    exponents: list[int]
    whole: int
    """Channels, over all projections, whose weights lose less than one bit of the mantissa."""
    proven: bool
    """Whether the weights alone prove that one step's input stays in the potential's range."""
    safe: bool
    """Whether no input can leave the potential's range in all T steps."""


def best_of(fitting: Sequence[UnitChoice], unit_min: float) -> UnitChoice:
    """Return one of at least one candidate, given by ascending exponents.

    Choose among those with `unit_min` units per threshold that cannot saturate in T steps: the exponents that lose a bit in the fewest
    channels, on a tie the largest whose range the weights prove. If all of them can saturate, a tie goes to the smallest exponents, and
    saturation is counted where it happens. If none has `unit_min` units, choose the largest exponents.
    """
    fine = [choice for choice in fitting if choice.units.min() >= unit_min]
    safe = [choice for choice in fine if choice.safe]
    if not fine:
        return fitting[-1]
    return max(reversed(safe) if safe else fine, key=lambda choice: (choice.whole, choice.proven))


def relative_exponents(inputs: Sequence[MeasuredProjection], span: int) -> list[int]:
    """Return each projection's exponent beyond the smallest, at most `span`, from the median over channels of its largest weights."""
    medians = [float(np.median(i.largest[i.largest > 0])) / i.mantissa_max if i.largest.any() else 0.0 for i in inputs]
    least = min((m for m in medians if m > 0), default=1.0)
    return [min(span, round(np.log2(m / least))) if m > 0 else 0 for m in medians]


def channels_above(least: float, inputs: Sequence[MeasuredProjection], units: Sequence[Float]) -> int:
    """Return how many channels, over all projections, use more than a share of the mantissa's range.

    Parameters
    ----------
    least : float
        The share; more than a half loses less than one bit, and one-bit weights use all of the range.
    inputs : sequence of MeasuredProjection
    units : sequence of arrays (C,)
        Units of the mantissa for a weight of 1, for each projection.
    """
    used = [i.largest * unit / i.mantissa_max for i, unit in zip(inputs, units, strict=True)]
    return int(sum((share > least).sum() for share in used))
