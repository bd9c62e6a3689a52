"""The prices at which searches cut: those of the lower bound, and what each style adds."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np

from ecc_lava.common import Float
from hw_mappings.chips import RESOURCES, ChipSpec
from hw_mappings.partition.lower_bound import Bound
from hw_mappings.partition.prices import Prices
from hw_mappings.resources import limits_of

__all__ = ["LARGE", "LAST_RESORTS", "STYLES", "STYLES_IF_LARGE", "Style", "prices_of"]

_PRICED: Final = ("compartments", "synapse_bits", "memory_bits")


@dataclass(frozen=True)
class Style:
    """Prices with which a search anticipates the packing that follows it.

    Attributes
    ----------
    beside : float
        Price of every limited resource, added to the price from the lower bound.
    unshared, coarse : float
        As in `hw_mappings.partition.prices.Prices`.
    axons : float
        Price of all axons of a core: axons rarely limit, but each one is a message.
    thresholds : float
        Price of all thresholds of a core: shards with few thresholds can share a core with others.
    """

    beside: float
    unshared: float
    coarse: float
    axons: float = 0.03
    thresholds: float = 0.1


STYLES: Final = (Style(0.2, 1.0, 0.3), Style(1.0, 0.25, 0.3), Style(1.0, 0.25, 1.0))
STYLES_IF_LARGE: Final = (Style(1.0, 0.25, 0.3),)
LARGE: Final = 2_000
"""Number of cores above which one style suffices: it leaves a small part unfilled, and a search takes long."""
LAST_RESORTS: Final = (Style(0.2, 1.0, 0.3, axons=1.0), Style(0.2, 1.0, 0.3, axons=10.0))
"""Styles that are tried in turn if every other style ends with axons that fit nowhere."""


def prices_of(style: Style, bound: Bound, chip: ChipSpec) -> Prices:
    """Return the prices at which a style cuts."""
    others = {"input_axons": style.axons, "output_axons": style.axons, "thresholds": style.thresholds}
    limited = {name: price + style.beside * (chip.limit(name) is not None) for name, price in bound.prices.items() if name in _PRICED}
    of_all: Float = np.array([limited.get(name, others.get(name, 0.0)) for name in RESOURCES])
    return Prices(limits_of(chip), of_all, style.unshared, style.coarse)
