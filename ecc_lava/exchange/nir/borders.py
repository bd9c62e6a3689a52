"""A bias that differs near the borders of a map, as padding makes it, as a convolution over ones."""

from __future__ import annotations

import numpy as np

from ecc_lava.common import Array

__all__ = ["MARGIN_MAX", "border_kernel"]

MARGIN_MAX = 8
"""Most rows at a border that differ from the middle; a wider kernel costs more than a factor for every position."""


def border_kernel(values: Array) -> Array | None:
    """Return a square kernel (C, 1, k, k) that, with padding k // 2 over ones (1, H, W), makes the values (C, H, W); None if there is none.

    At a border, taps that lie outside count nothing: each row from the border inwards has one tap more than the row before it, which is
    the difference of the two rows. Differences of integers are integers.
    """
    margins = [_margin(values, axis) for axis in (1, 2)]
    known = [m for m in margins if m is not None and m <= MARGIN_MAX]
    if len(known) < 2:
        return None
    taps = _taps(_taps(values, 1, known[0]), 2, known[1])
    zeros = [max(known) - m for m in known]
    return np.pad(taps, ((0, 0), (zeros[0], zeros[0]), (zeros[1], zeros[1])))[:, None]


def _margin(values: Array, axis: int) -> int | None:
    """Return how many rows at each end differ from those in the middle, or None if there is no row of the middle."""
    rows = np.moveaxis(values, axis, 0)
    for margin in range((len(rows) + 1) // 2):
        middle = rows[margin : len(rows) - margin]
        if (middle == middle[0]).all():
            return margin
    return None


def _taps(values: Array, axis: int, margin: int) -> Array:
    """Return ``2 * margin + 1`` taps along an axis in place of its rows."""
    rows = np.moveaxis(values, axis, 0)
    first, last = (np.diff(ends[: margin + 1], axis=0) for ends in (rows, rows[::-1]))
    middle = rows[margin] - first.sum(axis=0) - last.sum(axis=0)
    return np.moveaxis(np.concatenate([first[::-1], middle[None], last]), 0, axis)
