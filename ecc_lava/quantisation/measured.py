"""A projection in real units, measured for the choice of its target's units: its integer gain map and its largest weights."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from ecc_lava.common import Array, Float
from ecc_lava.formats import NumberFormat
from ecc_lava.geometry import Conv, Geometry, Sparse, on_grid, over_synapses, scaled_by_target, steps_of, sums_by_sign, with_kernel
from ecc_lava.networks import Projection
from ecc_lava.quantisation.gain_maps import integer_gain

__all__ = ["MeasuredProjection", "measured"]


@dataclass(frozen=True)
class MeasuredProjection:
    """A projection in real units, with what the choice of units needs to know of it."""

    projection: Projection
    geometry: Geometry
    """Operator whose weights the mantissas stand for; an integer gain map, if any, multiplies them."""
    gain: Array | None
    mantissa_max: int
    """Largest mantissa that stays in its format after the gain; where `more` is not 0, of both synapses together."""
    more: int
    """Bits that a second synapse of every weight adds; those of a Sparse or with a gain map have one."""
    sent: tuple[int, int]
    """Least and largest value of a source neuron in one step."""
    largest: Float
    """Largest |kernel| per target channel; 0 for channels that the projection does not write."""
    steps: Float | None = None
    """Steps of the grid that the model itself has rounded the weights to, (C,); None if there is none, or its mantissas are too wide."""

    @property
    def most(self) -> int:
        """Largest factor between a mantissa and its contribution in one step, before the shift."""
        return self.sent[1] * self._gain

    @property
    def _gain(self) -> int:
        return 1 if self.gain is None else int(self.gain.max())

    def bounds(self, units: Float, shift: int) -> tuple[Float, Float]:
        """Return the least and the largest sum of one step, (C,), in units of ``2**shift`` potential units, before and after rounding."""
        return self._reached(*sums_by_sign(self.geometry, units / 2.0**shift))

    def _reached(self, negative: Array, positive: Array) -> tuple[Float, Float]:
        """Return the least and the largest sum of one step, (C,), of weights with such sums, (P, C) each.

        A source neuron may send nothing, so that its least value is not positive and its largest not negative.
        """
        least, most = (float(value * self._gain) for value in self.sent)
        return (negative * most + positive * least).min(axis=0), (positive * most + negative * least).max(axis=0)

    @cached_property
    def _sums(self) -> tuple[Array, Array]:
        """Sums of the negative and of the positive weights, (P, C) each, in real units."""
        return sums_by_sign(self.geometry)

    @cached_property
    def reached(self) -> tuple[Float, Float]:
        """Least and largest sum of one step, (C,), in real units."""
        return self._reached(*self._sums)

    @property
    def outweighed(self) -> Float:
        """Largest sum of the magnitudes of one neuron's weights, (C,), in real units."""
        negative, positive = self._sums
        most: Float = (positive - negative).max(axis=0)
        return most

    @cached_property
    def roundable(self) -> Float:
        """What rounding can add to either bound, (C,): half a mantissa for every synapse, before the shift."""
        synapses = over_synapses(np.add, self.geometry, (self.geometry.kernel != 0).astype(np.float64)).max(axis=0)
        return synapses * 0.5 * self._gain * max(self.sent[1], -self.sent[0])

    def exact(self, units: Float, shift: int) -> Array:
        """Return the kernel in units of ``2**shift`` potential units, before it is rounded to mantissas."""
        return scaled_by_target(self.geometry, units / 2.0**shift)


def measured(projection: Projection, sent: tuple[int, int], format: NumberFormat, bits: int) -> MeasuredProjection:
    """Return a projection with its gain map in integers and the size of its weights.

    Parameters
    ----------
    projection : Projection
    sent : (int, int)
        Least and largest value of a source neuron in one step.
    format : NumberFormat
    bits : int
        Width of the weights.
    """
    geometry, gain = projection.geometry, None
    alone = isinstance(geometry, Sparse) or (isinstance(geometry, Conv) and geometry.gain is not None)
    width = min(bits, format.weight_bits) if alone else bits
    more, mantissa_max = format.more_bits(width), format.mantissa_max(width)
    if isinstance(geometry, Conv) and geometry.gain is not None:
        gain = integer_gain(geometry.gain, mantissa_max)
        ratio = geometry.gain[gain > 0] / gain[gain > 0]
        # the median is the one ratio of an exact gain, and else right at most positions
        geometry = with_kernel(geometry, geometry.kernel * np.median(ratio))
        mantissa_max //= int(gain.max())
    largest = over_synapses(np.maximum, geometry, np.abs(geometry.kernel)).max(axis=0)
    grid = projection.grid
    fits = grid is not None and grid.peaks.max() <= mantissa_max and on_grid(geometry, grid)
    steps = steps_of(geometry, grid) if grid and fits else None
    return MeasuredProjection(projection, geometry, gain, mantissa_max, more, sent, largest, steps)
