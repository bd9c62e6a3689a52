"""How sure a share of few images is."""

from __future__ import annotations

from math import sqrt
from typing import Final

__all__ = ["wilson"]

_QUANTILE: Final = 1.959964
"""Of the normal distribution, for 95 %."""


def wilson(share: float, number: int) -> tuple[float, float]:
    """Return the ends of Wilson's 95 % interval of a share of so many images.

    ``(share + z^2 / 2n -+ z * sqrt(share * (1 - share) / n + z^2 / 4n^2)) / (1 + z^2 / n)``. It lies within 0 and 1, with a width at both.
    Source: Wilson, "Probable Inference, the Law of Succession, and Statistical Inference", JASA 22, 1927.
    """
    square = _QUANTILE**2
    middle = share + square / (2 * number)
    half = _QUANTILE * sqrt(share * (1 - share) / number + square / (4 * number**2))
    whole = 1 + square / number
    return max(0.0, (middle - half) / whole), min(1.0, (middle + half) / whole)
