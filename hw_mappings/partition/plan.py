"""Partition and packing together: the shards of a network, and the shards that share a core."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np

from ecc_lava.common import Float
from ecc_lava.errors import DoesNotFit
from ecc_lava.networks import QuantisedNetwork
from hw_mappings.chips import RESOURCES, ChipSpec
from hw_mappings.partition.lower_bound import Bound, lower_bound
from hw_mappings.partition.misfit import refuse_payloads
from hw_mappings.partition.packing import Core, packed
from hw_mappings.partition.prices import Prices
from hw_mappings.partition.search import Partition, PartitionSearch
from hw_mappings.resources import SynapseModel, limits_of

__all__ = ["PartitionPlan", "Style", "plan"]


@dataclass(frozen=True)
class Style:
    """Prices with which a search anticipates the packing that follows it.

    Attributes
    ----------
    beside : float
        Price of every limited resource, added to the price from the lower bound.
    unshared, coarse : float
        As in `hw_mappings.partition.candidates.Prices`.
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


_STYLES: Final = (
    *(Style(0.5, 0.25, 0.3), Style(0.5, 1.0, 0.15), Style(0.5, 0.25, 0.5)),
    *(Style(0.2, 1.0, 0.3), Style(2.0, 0.25, 0.1), Style(0.5, 0.0, 0.3)),
)
_STYLES_IF_LARGE: Final = (Style(0.2, 1.0, 0.3),)
_LARGE: Final = 2_000
"""Number of cores above which one style suffices: it leaves a small part unfilled, and a search takes long."""
_LAST_RESORTS: Final = (Style(0.2, 1.0, 0.3, axons=1.0), Style(0.2, 1.0, 0.3, axons=10.0))
"""Styles that are tried in turn if every other style ends with axons that fit nowhere."""
_PRICED: Final = ("compartments", "synapse_bits", "memory_bits")
_PACKED: Final = 8
"""Number of partitions of each search that are packed."""


@dataclass(frozen=True, eq=False)
class PartitionPlan:
    """A partition and its cores.

    Attributes
    ----------
    partition : Partition
    cores : shards of each core, in the order of the network
    bound : Bound
    """

    partition: Partition
    cores: list[Core]
    bound: Bound


def _prices(bound: Bound, chip: ChipSpec, style: Style) -> Float:
    others = {"input_axons": style.axons, "output_axons": style.axons, "thresholds": style.thresholds}
    limited = {name: price + style.beside * (chip.limit(name) is not None) for name, price in bound.prices.items() if name in _PRICED}
    return np.array([limited.get(name, others.get(name, 0.0)) for name in RESOURCES])


def plan(network: QuantisedNetwork, chip: ChipSpec, model: SynapseModel) -> PartitionPlan:
    """Return the plan with the fewest cores found.

    Raises
    ------
    DoesNotFit
        With a message about every population that does not fit.
    """
    refuse_payloads(network, chip)
    bound = lower_bound(network, chip, model)
    search = PartitionSearch(network, chip, model)
    best: PartitionPlan | None = None
    misfit: DoesNotFit | None = None
    for style in (*(_STYLES if bound.cores <= _LARGE else _STYLES_IF_LARGE), *_LAST_RESORTS):
        if best is not None and (style in _LAST_RESORTS or len(best.cores) == bound.cores):
            break
        prices = _prices(bound, chip, style)
        try:
            found = search.best(Prices(limits_of(chip), prices, style.unshared, style.coarse))
        except DoesNotFit as error:
            misfit = misfit or error
            if search.is_hopeless:
                break
            continue
        for partition in found[:_PACKED]:
            cores = packed(network, chip, partition, prices)
            if best is None or len(cores) < len(best.cores):
                best = PartitionPlan(partition, cores, bound)
    if best is None:
        assert misfit is not None
        raise misfit
    return best
