"""The range that images span in the model's units, and what is said of images whose range differs from the calibration images'."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from ecc_lava.common import Array
from ecc_lava.errors import InvalidNetwork
from ecc_lava.inputs.batches import InputSpec

__all__ = ["PIXELS", "SIGNED", "UNIT", "InputRange", "departure", "elsewhere", "input_ranges", "raw_pixels", "remedy", "usual_range"]

LEAVES = 0.05
"""Share of the calibration range by which images may leave it."""

SMALL = 0.02
"""Share of the calibration range below which all images together span suspiciously little; [0, 1] is 0.004 of [0, 255]."""

SOME = 8
"""Images from which on none below zero is a sign of another scale."""

DARK = 0.2
"""Share of the calibration range that lies below zero, from which on images without any value below zero are strange."""

PIXELS_MIN = 16.0
"""Largest value from which on numbers may be pixels of 0..255."""

RAW_MAX = 127
"""Whole numbers from 0 to beyond this and up to 255 are raw pixels."""


@dataclass(frozen=True)
class InputRange:
    """The least and the largest value of an input, in the model's units.

    Attributes
    ----------
    low, high : float
    """

    low: float
    high: float

    def __post_init__(self) -> None:
        if not (np.isfinite([self.low, self.high]).all() and self.low <= self.high):
            raise InvalidNetwork(f"a range of inputs from {self.low} to {self.high}; it needs finite numbers in order")

    @property
    def width(self) -> float:
        """``high - low``."""
        return self.high - self.low

    def holds(self, other: InputRange) -> bool:
        """Whether another range lies inside."""
        return self.low <= other.low and other.high <= self.high

    def __str__(self) -> str:
        return f"{self.low:g} to {self.high:g}"


UNIT, SIGNED, PIXELS = InputRange(0.0, 1.0), InputRange(-1.0, 1.0), InputRange(0.0, 255.0)
"""Ranges that image data usually have, in the model's units; the narrower first."""


def usual_range(found: InputRange) -> InputRange | None:
    """Return the first usual range that holds another range, or None; what hardly leaves [-1, 1] is not taken for pixels."""
    held = next((usual for usual in (UNIT, SIGNED, PIXELS) if usual.holds(found)), None)
    return None if held == PIXELS and found.high < PIXELS_MIN else held


def elsewhere(x: Array) -> dict[InputRange, Array]:
    """Return images in the model's units as they are in the other usual ranges; none if theirs is not usual, or all are one value."""
    found = InputRange(float(x.min()), float(x.max()))
    here = usual_range(found)
    if here is None or not found.width:
        return {}
    others = (other for other in (UNIT, SIGNED, PIXELS) if other != here)
    return {other: (x - here.low) * (other.width / here.width) + other.low for other in others}


def input_ranges(batch: Mapping[str, Array], inputs: Sequence[InputSpec]) -> tuple[InputRange, ...]:
    """Return the range of every input in the model's units, in the model's order.

    Parameters
    ----------
    batch : input name -> array
        As stored: uint8 is multiplied by the input's `uint8_scale`.
    inputs : the model's inputs
    """
    scales = {s.name: s.uint8_scale if batch[s.name].dtype == np.uint8 and not s.events else 1.0 for s in inputs}
    return tuple(InputRange(float(batch[s.name].min()) * scales[s.name], float(batch[s.name].max()) * scales[s.name]) for s in inputs)


def raw_pixels(x: Array, spec: InputSpec) -> bool:
    """Whether maps are pixels of 0..255 in another type than uint8, where the network would divide uint8."""
    height, width, channels = spec.shape
    image = min(height, width) > 1 and channels in (1, 3, 4)
    if x.dtype == np.uint8 or not image or spec.events or spec.uint8_scale == 1.0:
        return False
    return bool(x.min() >= 0 and RAW_MAX < x.max() <= PIXELS.high and (x == np.rint(x)).all())


def departure(images: int, dtype: np.dtype[Any], found: InputRange, seen: InputRange, uint8_scale: float) -> str:
    """Return how the range of images departs from that of the calibration images, with the likely remedy; empty if it does not.

    Parameters
    ----------
    images : int
    dtype : NumPy type
        As stored.
    found, seen : InputRange
        Of these images and of the calibration images.
    uint8_scale : float
        Factor on uint8 images.
    """
    beyond = max(seen.low - found.low, found.high - seen.high)
    leaves = beyond > LEAVES * seen.width
    small = 0 < found.width < SMALL * seen.width
    positive = images >= SOME and seen.low < -DARK * seen.width and found.low >= 0 < found.width
    if not (leaves or small or positive):
        return ""
    better = usual_range(seen)
    how = None if better is None or better == usual_range(found) else remedy(dtype, found, better, uint8_scale)
    return f"the images lie in {found}, those of calibration in {seen}: {how or 'scale them alike, or calibrate with images like these'}"


def remedy(dtype: np.dtype[Any], found: InputRange, better: InputRange, uint8_scale: float) -> str | None:
    """Return how images get from their range to a better usual one; None if their own is no usual range.

    Parameters
    ----------
    dtype : NumPy type
        As stored.
    found : InputRange
        Of x in the model's units.
    better : InputRange
    uint8_scale : float
        Factor on uint8 images.
    """
    here = usual_range(found)
    if dtype == np.uint8:
        if better == SIGNED:
            return "give floats, x / 127.5 - 1, in place of uint8"
        factor = better.high / PIXELS.high
        return f"uint8 is multiplied by {uint8_scale:.3g}: convert with --input-scale {factor:.6g}, or give floats of {better}"
    return None if here is None else _change(here, better)


def _change(source: InputRange, target: InputRange) -> str:
    """Return the arithmetic that takes one usual range to another."""
    if source.low == target.low == 0:
        return f"divide them by {source.high:g}" if source.high > target.high else f"multiply them by {target.high:g}"
    factor = target.width / source.width
    shift = target.low - source.low * factor
    shown = f"x / {1 / factor:g}" if factor < 1 else f"{factor:g} * x"
    return f"take {shown} {'+' if shift > 0 else '-'} {abs(shift):g}"
