"""What a model keeps of its training."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ecc_lava.common import Array, read_only
from ecc_lava.errors import InvalidNetwork

__all__ = ["Statistics"]


@dataclass(frozen=True, eq=False)
class Statistics:
    """Mean and variance of every channel of a tensor as training saw it, both (C,): what a normalisation keeps.

    It is a record, not a number that the CNN computes with: the graph's digest leaves it out.
    """

    mean: Array
    variance: Array

    def __post_init__(self) -> None:
        for field in ("mean", "variance"):
            object.__setattr__(self, field, read_only(getattr(self, field), np.float64))
        if self.mean.shape != self.variance.shape or not np.isfinite([self.mean, self.variance]).all() or (self.variance < 0).any():
            raise InvalidNetwork("statistics of a normalisation must be finite, and variances not negative")

    @property
    def is_trained(self) -> bool:
        """Whether any number differs from those that a layer starts with."""
        return bool((self.mean != 0).any() or (self.variance != 1).any())
