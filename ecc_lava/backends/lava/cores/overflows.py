"""The first sum of a shard that the potential cannot hold, in plain numpy.

A core goes on after it, and the caller raises the error when the run is over, so that the first error does not depend on which core is
first to finish.
"""

from __future__ import annotations

from typing import Final

import numpy as np

from ecc_lava.common import Array, Int

__all__ = ["OVERFLOW", "OverflowWatch"]

OVERFLOW: Final = ("happened", "image", "step", "neuron", "value")
"""Columns of a shard's first overflow: 1 or 0, the image, the step within its window, the neuron's flat index in the shard, the sum."""


class OverflowWatch:
    """Looks at the sums of one shard until one leaves the potential's range.

    Parameters
    ----------
    limit : int
        Rail of the potential.
    row : int64 array (OVERFLOW,)
        Where the first overflow is written.
    """

    def __init__(self, limit: int, row: Int) -> None:
        self._limit, self._row = limit, row

    def look(self, window: tuple[int, int], current: Array) -> None:
        """Look at the input and bias of every neuron, (H, W, C), in a step of a window (image, step)."""
        if self._row[0]:
            return
        beyond = np.flatnonzero((current < -self._limit) | (current > self._limit))
        if len(beyond):
            self._row[:] = 1, *window, beyond[0], current.ravel()[beyond[0]]
