"""High percentiles of many values, of which only the largest are sorted."""

from __future__ import annotations

import numpy as np

from ecc_lava.common import Array, Float

__all__ = ["percentiles"]

SAMPLE = 4096
"""Rows, evenly spaced, that show how large a channel's largest values are."""

MORE = 4.0
"""Times as many values as needed that are kept by what these rows show."""

LEAST = 90.0
"""Percentile of the rows from which on so few values are kept that this is faster."""


def percentiles(values: Array, percentile: float) -> Float:
    """Return ``np.percentile(values, percentile, axis=0)`` of finite float32 values (M, C)."""
    rows, channels = values.shape
    place = percentile / 100 * (rows - 1)
    low, kept = int(place), 100 - MORE * (100 - percentile)
    if rows < 2 * SAMPLE or kept < LEAST:
        return np.percentile(values, percentile, axis=0)
    shown = values[:: rows // SAMPLE | 1]  # odd, so that other positions are taken of other images
    found, channel = np.nonzero(values >= np.percentile(shown, kept, axis=0).astype(np.float32))
    numbers = np.bincount(channel, minlength=channels)
    if (numbers < rows - low).any():  # the rows have shown too little
        return np.percentile(values, percentile, axis=0)
    large = values[found, channel]
    large = large[np.lexsort((large, channel))]
    ends = np.cumsum(numbers)
    first, second = large[ends - rows + low], large[np.minimum(ends - rows + low + 1, ends - 1)]
    share = np.full(channels, place - low)
    apart = second - first
    return np.where(share >= 0.5, second - apart * (1 - share), first + apart * share)  # rounded as numpy does
