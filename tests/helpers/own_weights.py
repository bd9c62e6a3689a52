"""Whether the integers of a network are those to which the model itself has rounded its weights."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from ecc_lava.common import Array
from ecc_lava.networks import QuantisedNetwork

__all__ = ["differing"]


def differing(network: QuantisedNetwork, own: Mapping[str, Array]) -> int:
    """Return how many weights into the named populations are not the model's own whole numbers (..., C).

    A channel may have the other sign, as a batch normalisation with a negative factor gives it, and is zero where that factor is.
    """
    count = 0
    for name, mantissas in own.items():
        (projection,) = network.into(name)
        made = projection.geometry.kernel.astype(np.int64).reshape(-1, mantissas.shape[-1])
        wanted = mantissas.astype(np.int64).reshape(made.shape)
        sign = np.where((made * wanted).sum(axis=0) < 0, -1, 1)
        count += int((made != sign * wanted).sum())
    return count
