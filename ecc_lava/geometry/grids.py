"""Weights that a model has quantised itself: whole multiples of a step, one step for each target channel."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ecc_lava.common import Array, Float, read_only
from ecc_lava.errors import InvalidNetwork
from ecc_lava.geometry.types import Geometry, with_kernel
from ecc_lava.geometry.weights import over_synapses, scaled_by_source, scaled_by_target

__all__ = ["STEPS_ALIKE", "WeightGrid", "composed_grid", "grid_of", "largest_weights", "on_grid", "steps_of"]

WHOLE = 0.02
"""How far a mantissa may lie from a whole number: products in a model's float32 are off by less, up to 16 bits."""

STEPS_ALIKE = 1e-5
"""Differences of steps below this, relative or in powers of two, are rounding errors of a model's float32."""


@dataclass(frozen=True, eq=False)
class WeightGrid:
    """What is known of weights that lie on a grid: ``weight = step[c] * mantissa`` for every weight into target channel c.

    The steps follow from the weights themselves, ``step[c] = max|weight| / peaks[c]``, so that a grid outlives every factor on a target
    channel, and every factor that all weights share.

    Attributes
    ----------
    peaks : int64 array (C,)
        Largest magnitude of a mantissa of each target channel; 0 where all weights are 0.
    bits : int
        Width of the mantissas, sign included.
    """

    peaks: Array
    bits: int

    def __post_init__(self) -> None:
        object.__setattr__(self, "peaks", read_only(self.peaks, np.int64))
        needed = _width(self.peaks)
        if self.peaks.ndim != 1 or self.peaks.min(initial=0) < 0 or self.bits < needed:
            raise InvalidNetwork(f"mantissas of up to {self.peaks.max(initial=0)} do not fit {self.bits} bits; {needed} are needed")


def grid_of(mantissas: Array, bits: int) -> WeightGrid:
    """Return the grid of whole numbers (..., C), which are widened by a bit if they reach the least number of two's complement."""
    peaks = np.abs(mantissas.reshape(-1, mantissas.shape[-1]).astype(np.int64)).max(axis=0)
    return WeightGrid(peaks, max(bits, _width(peaks)))


def largest_weights(geometry: Geometry) -> Float:
    """Return the largest magnitude of a weight into every target channel, (C,)."""
    largest: Float = over_synapses(np.maximum, geometry, np.abs(geometry.kernel).astype(np.float64)).max(axis=0)
    return largest


def steps_of(geometry: Geometry, grid: WeightGrid) -> Float:
    """Return the step of every target channel, (C,); 0 where all weights are 0."""
    return largest_weights(geometry) / np.maximum(grid.peaks, 1)


def on_grid(geometry: Geometry, grid: WeightGrid) -> bool:
    """Whether every weight is a whole multiple of its channel's step."""
    largest = largest_weights(geometry)
    if largest.shape != grid.peaks.shape or ((largest > 0) != (grid.peaks > 0)).any():
        return False
    inverse = np.divide(grid.peaks, largest, out=np.zeros_like(largest), where=largest > 0)
    mantissas = np.abs(geometry.kernel * _of_targets(geometry, inverse))
    return bool((np.abs(mantissas - np.rint(mantissas)) < WHOLE).all())


def composed_grid(
    outer: Geometry, on_outer: WeightGrid | None, inner: Geometry, on_inner: WeightGrid | None, made: Geometry
) -> WeightGrid | None:
    """Return the grid of ``made = outer(inner(x))``; None if its weights lie on none.

    They do if one of the two operators lies on a grid, the other too or all its weights into a channel have one magnitude, and the steps
    of the inner channels that an outer channel reads are equal.
    """
    if on_outer is None and on_inner is None:
        return None
    outer_steps = _own_steps(outer, on_outer)
    inner_steps = _own_steps(inner, on_inner)
    if outer_steps is None or inner_steps is None:
        return None
    read = (outer.kernel != 0).astype(np.float64)
    inverse = np.divide(1.0, inner_steps, out=np.zeros_like(inner_steps), where=inner_steps > 0)
    most, least = (_largest_read(outer, read, steps) for steps in (inner_steps, inverse))
    steps = outer_steps * most
    largest = largest_weights(made)
    used = largest > 0
    if np.abs(most * least - 1.0)[used].max(initial=0.0) > STEPS_ALIKE:
        return None
    peaks = np.zeros(largest.shape, np.int64)
    peaks[used] = np.rint(largest[used] / steps[used])
    bits = max(grid.bits for grid in (on_outer, on_inner) if grid is not None)
    found = WeightGrid(peaks, max(bits, _width(peaks)))
    return found if on_grid(made, found) else None


def _own_steps(geometry: Geometry, grid: WeightGrid | None) -> Float | None:
    """Return the steps of an operator on a grid, or the one magnitude of the weights into each channel; None if there is neither."""
    if grid is not None:
        return steps_of(geometry, grid)
    largest = largest_weights(geometry)
    magnitude = np.abs(geometry.kernel)
    alike = (magnitude == 0) | (np.abs(magnitude - _of_targets(geometry, largest)) <= STEPS_ALIKE * magnitude)
    return largest if alike.all() else None


def _largest_read(outer: Geometry, read: Array, values: Float) -> Float:
    """Return the largest of the inner channels' values among those that each outer channel reads."""
    largest: Float = over_synapses(np.maximum, outer, np.abs(scaled_by_source(with_kernel(outer, read), values))).max(axis=0)
    return largest


def _of_targets(geometry: Geometry, values: Float) -> Array:
    """Return the value of each weight's target channel, in the kernel's shape or one that broadcasts to it."""
    return scaled_by_target(with_kernel(geometry, np.ones(geometry.kernel.shape)), values)


def _width(peaks: Array) -> int:
    """Return the fewest bits, sign included, that hold mantissas of these magnitudes; -128 of 8 bits needs a ninth."""
    return int(peaks.max(initial=0)).bit_length() + 1
