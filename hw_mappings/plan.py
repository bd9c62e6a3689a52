"""Partition and packing together: which shards there are, and which of them share a core."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np

from ecc_lava.arrays import Float
from ecc_lava.errors import DoesNotFit
from ecc_lava.quantised import QuantisedNetwork
from hw_mappings.candidates import Prices
from hw_mappings.chips.spec import RESOURCES, ChipSpec
from hw_mappings.lower_bound import Bound, lower_bound
from hw_mappings.packing import Core, packed
from hw_mappings.partition import Partition, Search
from hw_mappings.resources import limits_of
from hw_mappings.synapses import SynapseModel

__all__ = ["Plan", "plan"]

_AXON_PRICE: Final = 0.03
"""Of all axons of a core: they limit little, but every one is a message."""
_THRESHOLD_PRICE: Final = 0.1
"""Of all thresholds of a core: shards with few of them can share it with others."""
_STYLES: Final = ((0.5, 0.25, 0.3), (0.5, 1.0, 0.15), (0.5, 0.25, 0.5), (0.2, 1.0, 0.3), (2.0, 0.25, 0.1), (0.5, 0.0, 0.3))
"""(price of every resource beside the bound's, unshared, coarse): how the search is made to see the packing that follows it."""
_STYLES_IF_LARGE: Final = ((0.2, 1.0, 0.3),)
_LARGE: Final = 2_000
"""From so many cores on, one style is enough: what it leaves unfilled is little of the whole, and a search takes long."""
_PRICED: Final = ("compartments", "synapse_bits", "memory_bits")
_PACKED: Final = 8
"""Of the partitions that a search returns, those that are packed."""


@dataclass(frozen=True, eq=False)
class Plan:
    """A partition and its cores.

    Attributes
    ----------
    partition : Partition
    cores : list of the shards of each core, in the order of the network
    bound : Bound
    """

    partition: Partition
    cores: list[Core]
    bound: Bound


def _prices(bound: Bound, chip: ChipSpec, beside: float) -> Float:
    others = {"input_axons": _AXON_PRICE, "output_axons": _AXON_PRICE, "thresholds": _THRESHOLD_PRICE}
    limited = {name: price + beside * (chip.limit(name) is not None) for name, price in bound.prices.items() if name in _PRICED}
    return np.array([limited.get(name, others.get(name, 0.0)) for name in RESOURCES])


def plan(network: QuantisedNetwork, chip: ChipSpec, model: SynapseModel) -> Plan:
    """Return the fewest cores found.

    Raises
    ------
    DoesNotFit
        For every population that does not fit.
    """
    bound = lower_bound(network, chip, model)
    search = Search(network, chip, model)
    best: Plan | None = None
    misfit: DoesNotFit | None = None
    for beside, unshared, coarse in _STYLES if bound.cores <= _LARGE else _STYLES_IF_LARGE:
        prices = _prices(bound, chip, beside)
        try:
            found = search.best(Prices(limits_of(chip), prices, unshared, coarse))
        except DoesNotFit as error:
            misfit = misfit or error
            continue
        for partition in found[:_PACKED]:
            cores = packed(network, chip, partition, prices)
            if best is None or len(cores) < len(best.cores):
                best = Plan(partition, cores, bound)
        if best is not None and len(best.cores) == bound.cores:
            break
    if best is None:
        assert misfit is not None
        raise misfit
    return best
