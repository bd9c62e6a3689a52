"""What the input of one step can reach, in a chip's integers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ecc_lava.common import Float
from ecc_lava.formats import NumberFormat
from ecc_lava.networks import Population
from ecc_lava.quantisation.measured import MeasuredProjection

__all__ = ["OneStep"]

_SLACK = 1e-9
"""Float rounding of sums, relative."""


@dataclass(frozen=True)
class OneStep:
    """The input of one step into a population: its projections and its bias."""

    population: Population
    inputs: Sequence[MeasuredProjection]
    format: NumberFormat

    def bound(self, units: Float, shifts: Sequence[int]) -> Float:
        """Return a bound of |input sum + bias|, (C,), before and after rounding, which can double a sum of small weights."""
        low, high = self._bias(units)
        for shift, entry in zip(shifts, self.inputs, strict=True):
            least, most = entry.bounds(units, shift)
            low = low + least * 2.0**shift
            high = high + most * 2.0**shift
        result: Float = np.maximum(high, -low)
        return result

    def around(self, units: Float, shifts: Sequence[int]) -> tuple[Float, Float]:
        """Return two numbers that the bound lies between, (C,) each, without rounding any weight."""
        low, high = self._bias(units)
        spread = np.zeros_like(high)
        for shift, entry in zip(shifts, self.inputs, strict=True):
            low = low + entry.reached[0] * units
            high = high + entry.reached[1] * units
            spread += entry.roundable * 2.0**shift
        exact: Float = np.maximum(high, -low)
        return exact * (1 - _SLACK), (exact + spread) * (1 + _SLACK)

    def _bias(self, units: Float) -> tuple[Float, Float]:
        channels = self.population.shape[2]
        bias = self.format.rounded_bias(np.broadcast_to(self.population.bias, self.population.shape) * units).reshape(-1, channels)
        return bias.min(axis=0), bias.max(axis=0)
