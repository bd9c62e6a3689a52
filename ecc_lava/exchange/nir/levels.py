"""Where neurons fire: those of this tool at the threshold; NIR's `Threshold`, and some readers' `IF`, above it."""

from __future__ import annotations

from typing import Final

import numpy as np

from ecc_lava.common import Array
from ecc_lava.exchange.operators import narrowest

__all__ = ["HALF", "lowered", "raised"]

HALF: Final = 0.5
"""What is added to integer potentials: readers that fire above the threshold and readers that fire at it then fire together."""


def lowered(vth: Array, by: float) -> Array:
    """Return the level above which an input is at least `vth`, in float32 where that holds it.

    Integers lie `by` = `HALF` above it, so that readers that fire at the level agree. Of floats (`by` = 0) it is the next smaller number.
    """
    level = narrowest(vth)
    below: Array = level - level.dtype.type(by) if by else np.nextafter(level, level.dtype.type(-np.inf))
    return below


def raised(level: Array, by: float) -> Array:
    """Return the threshold that `lowered` was given: the least number above the level, where `by` is 0."""
    above: Array = level + by if by else np.nextafter(level, level.dtype.type(np.inf))
    return above.astype(np.float64)
