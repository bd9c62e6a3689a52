"""Partition and packing together: the shards of a network, and the shards that share a core."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Final

import numpy as np

from ecc_lava.common import Float, Progress, StageProgress
from ecc_lava.errors import DoesNotFit
from ecc_lava.networks import QuantisedNetwork
from hw_mappings.chips import RESOURCES, ChipSpec
from hw_mappings.partition.candidates import CutCandidate
from hw_mappings.partition.improvement import Improvement
from hw_mappings.partition.joint_bound import joint_bound_cores
from hw_mappings.partition.lower_bound import Bound, lower_bound
from hw_mappings.partition.misfit import explain_bound, explain_cores, refuse_payloads
from hw_mappings.partition.packing import Core, Packing
from hw_mappings.partition.price_walk import walked_by_price
from hw_mappings.partition.prices import Prices
from hw_mappings.partition.recutting import Recutting, Walk
from hw_mappings.partition.search import Partition, PartitionSearch
from hw_mappings.resources import SynapseModel, demands, limits_of

__all__ = ["PartitionPlan", "Style", "plan"]


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


_STYLES: Final = (Style(0.2, 1.0, 0.3), Style(1.0, 0.25, 0.3), Style(1.0, 0.25, 1.0))
_STYLES_IF_LARGE: Final = (Style(1.0, 0.25, 0.3),)
_LARGE: Final = 2_000
"""Number of cores above which one style suffices: it leaves a small part unfilled, and a search takes long."""
_LAST_RESORTS: Final = (Style(0.2, 1.0, 0.3, axons=1.0), Style(0.2, 1.0, 0.3, axons=10.0))
"""Styles that are tried in turn if every other style ends with axons that fit nowhere."""
_PRICED: Final = ("compartments", "synapse_bits", "memory_bits")
_PACKED: Final = 8
"""Number of partitions of each search that are packed."""
_CLOSE: Final = 100
"""The part of the lower bound by which more cores are few enough, as the walks take longest where little is left to win."""
_WALKS: Final = 4
"""Number of walks that improve the best of these; where one ends depends on how it began."""
_TRIES: Final = 10
"""How often a walk tries each tiling, on average."""
_WORK: Final = 7_000_000
"""Largest number of a walk's changes times what each of them takes: it packs all shards, and counts the axons of some populations."""
_CHEAP_TRIES: Final = 80
"""Changes of a walk by price for each population."""
_NEAR: Final = 8
"""Populations that a change of a walk by price counts anew, twice over where two are cut otherwise."""
_SCANNED: Final = 64
"""Types of shards that packing looks at, for every core, in the time of a shard."""
_LINK: Final = 500
"""What counting the axons of a projection takes, in shards."""


@dataclass(frozen=True, eq=False)
class PartitionPlan:
    """A partition and its cores.

    Attributes
    ----------
    partition : Partition
    cores : shards of each core, in the order of the network
    bound : Bound
        With the axons between populations.
    """

    partition: Partition
    cores: list[Core]
    bound: Bound


def _prices(bound: Bound, chip: ChipSpec, style: Style) -> Float:
    others = {"input_axons": style.axons, "output_axons": style.axons, "thresholds": style.thresholds}
    limited = {name: price + style.beside * (chip.limit(name) is not None) for name, price in bound.prices.items() if name in _PRICED}
    return np.array([limited.get(name, others.get(name, 0.0)) for name in RESOURCES])


@dataclass(frozen=True, eq=False)
class _Found:
    """A partition, the cores that packing gives it, and the prices that led to it."""

    cores: int
    partition: Partition
    prices: Prices


class _Planner:
    """The searches of one network."""

    def __init__(self, network: QuantisedNetwork, chip: ChipSpec, model: SynapseModel, bound: Bound) -> None:
        self._network, self._chip, self._model, self._bound = network, chip, model, bound
        self._search = PartitionSearch(network, chip, model)
        self._packing = Packing(demands(network, chip, model), chip)

    def refuse_misfits(self) -> None:
        """Refuse the network if a population has no tiling whose shards each fit a core by themselves."""
        self._search.refuse_misfits()

    def searched(self, report: StageProgress) -> list[_Found]:
        """Return the best partition of each style, the fewest cores first.

        Raises
        ------
        DoesNotFit
            With a message about every population that does not fit.
        """
        best: list[_Found] = []
        misfit: DoesNotFit | None = None
        for style in (*(_STYLES if self._bound.cores <= _LARGE else _STYLES_IF_LARGE), *_LAST_RESORTS):
            if best and (style in _LAST_RESORTS or best[0].cores == self._bound.cores):
                break
            prices = Prices(limits_of(self._chip), _prices(self._bound, self._chip, style), style.unshared, style.coarse)
            try:
                partitions = self._search.best(prices, report)[:_PACKED]
            except DoesNotFit as error:
                misfit = misfit or error
                if self._search.is_hopeless:
                    break
                continue
            partitions.append(self._walked(partitions[0], prices))
            cores = [self._packing.fillings(self._packing.all_types(p.tilings, p.usage), prices.prices)[0] for p in partitions]
            fewest = min(range(len(cores)), key=cores.__getitem__)
            best.append(_Found(cores[fewest], partitions[fewest], prices))
            best.sort(key=lambda found: found.cores)
        if not best:
            assert misfit is not None
            raise misfit
        return best

    def _tried(self, partition: Partition, prices: Prices) -> dict[str, list[CutCandidate]]:
        """Return the tilings of every population to try, the cheapest first."""
        return {name: sorted(self._search.fitting(name), key=lambda each: prices.cost(each.usage)) for name in partition.chosen}

    def _walked(self, partition: Partition, prices: Prices) -> Partition:
        """Return the partition after a walk by price."""
        populations = len(partition.chosen)
        shards = sum(tiling.number for tiling in partition.tilings.values())
        each = _NEAR * shards // populations + _LINK * len(self._network.projections) // populations
        moves = min(_CHEAP_TRIES * populations, _WORK // each)
        recutting = Recutting(self._network, self._search.links)
        return walked_by_price(partition, recutting, self._tried(partition, prices), prices, Walk(moves, 0, 0))

    def tightened(self) -> Bound:
        """Tighten the bound and return it; the walks need it."""
        self._bound = replace(self._bound, cores=joint_bound_cores(self._network, self._chip, self._bound, self._model))
        return self._bound

    def improved(self, found: Sequence[_Found], report: StageProgress) -> _Found:
        """Return the best of several walks: walks from each partition by turns, at its own prices."""
        best = found[0]
        shards = sum(tiling.number for tiling in best.partition.tilings.values())
        links = len(self._network.projections) // len(best.partition.chosen)
        tilings = sum(len(self._search.fitting(name)) for name in best.partition.chosen)
        fewest = self._bound.cores + self._bound.cores // _CLOSE
        types = sum(len(each.counts) for each in self._packing.all_types(best.partition.tilings, best.partition.usage))
        moves = min(_TRIES * tilings, _WORK // (shards + _LINK * links + types * best.cores // _SCANNED))
        for walk in range(_WALKS):
            if best.cores <= fewest:
                break
            start = found[walk % len(found)]
            tried = self._tried(start.partition, start.prices)
            improvement = Improvement(self._network, self._search.links, self._packing, start.prices)
            told = partial(_shifted, report, walk * moves, _WALKS * moves)
            cores, partition = improvement.improved(start.partition, tried, Walk(moves, fewest, walk), told)
            if cores < best.cores:
                best = _Found(cores, partition, start.prices)
        return best

    def packed(self, found: _Found) -> list[Core]:
        """Return the shards of every core."""
        tilings = found.partition.tilings
        return self._packing.cores(list(tilings.values()), self._packing.all_types(tilings, found.partition.usage), found.prices.prices)


def _shifted(report: StageProgress, before: int, total: int, done: int, _: int) -> None:
    report(before + done, total)


def plan(
    network: QuantisedNetwork, chip: ChipSpec, model: SynapseModel, max_cores: int | None = None, progress: Progress | None = None
) -> PartitionPlan:
    """Return the plan with the fewest cores found.

    Parameters
    ----------
    network : QuantisedNetwork
    chip : ChipSpec
    model : SynapseModel
    max_cores : int, optional
        The most cores that a plan may have, beside those of the chips.
    progress : callable (stage, done, total), optional
        The first stage's name tells the lower bound.

    Raises
    ------
    DoesNotFit
        With a message about every population that does not fit; at once, before any search, if the lower bound exceeds the cores.
    """
    refuse_payloads(network, chip)
    bound = lower_bound(network, chip, model)
    most = min(chip.cores_in_all, chip.cores_in_all if max_cores is None else max_cores)
    planner = _Planner(network, chip, model, bound)
    if bound.cores > most:
        planner.refuse_misfits()
        raise DoesNotFit(explain_bound(chip, bound.cores, most, bound.parts))
    told: Progress = progress or (lambda stage, done, total: None)
    cores = f"{bound.cores} core{'s' * (bound.cores > 1)} on {-(-bound.cores // chip.most_usable)} chip(s)"
    found = planner.searched(partial(told, f"cutting populations into shards, at least {cores}"))
    bound = planner.tightened()
    best = planner.improved(found, partial(told, "filling cores"))
    planned = PartitionPlan(best.partition, planner.packed(best), bound)
    if len(planned.cores) > most:
        raise DoesNotFit(explain_cores(chip, len(planned.cores), most, _cores_of_each(planned)))
    return planned


def _cores_of_each(planned: PartitionPlan) -> dict[str, int]:
    """Return the number of cores that hold shards of each population."""
    return dict(Counter(name for core in planned.cores for name in {shard.population for shard in core}))
