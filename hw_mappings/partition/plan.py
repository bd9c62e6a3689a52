"""Partition and packing together: the shards of a network, and the shards that share a core."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from functools import partial
from importlib import import_module
from typing import Final

from ecc_lava.common import Progress, StageProgress
from ecc_lava.errors import DoesNotFit
from ecc_lava.networks import QuantisedNetwork
from hw_mappings.chips import ChipSpec
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
from hw_mappings.partition.styles import LARGE, LAST_RESORTS, STYLES, STYLES_IF_LARGE, prices_of
from hw_mappings.resources import SynapseModel, demands

__all__ = ["PartitionPlan", "plan"]


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
_FAR: Final = 0.15
"""The part of the lower bound by which cores are too many still, so that longer walks follow where the work has cut the others short."""
_LONG_WORK: Final = 250_000_000
"""`_WORK` of a longer walk; some ten seconds."""
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

    def searched(self, enough: int, report: StageProgress) -> list[_Found]:
        """Return the best partition of each style, the fewest cores first; no further style where `enough` cores or fewer are found.

        Raises
        ------
        DoesNotFit
            With a message about every population that does not fit.
        """
        best: list[_Found] = []
        misfit: DoesNotFit | None = None
        for style in (*(STYLES if self._bound.cores <= LARGE else STYLES_IF_LARGE), *LAST_RESORTS):
            if best and (style in LAST_RESORTS or best[0].cores <= max(self._bound.cores, enough)):
                break
            prices = prices_of(style, self._bound, self._chip)
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
        return {name: self._search.ranked(name, prices) for name in partition.chosen}

    def _walked(self, partition: Partition, prices: Prices) -> Partition:
        """Return the partition after a walk by price."""
        populations = len(partition.chosen)
        shards = sum(tiling.number for tiling in partition.tilings.values())
        each = _NEAR * shards // populations + _LINK * len(self._network.projections) // populations
        moves = min(_CHEAP_TRIES * populations, _WORK // each)
        links = self._search.links
        recutting = Recutting(self._network, links, lambda each, into, out: prices.cost_with(each.own, into, out, links.axon_table))
        return walked_by_price(partition, recutting, self._tried(partition, prices), Walk(moves, 0, 0))

    def tightened(self) -> Bound:
        """Return a tighter bound, which the walks need; it may be counted beside the search."""
        return replace(self._bound, cores=joint_bound_cores(self._network, self._chip, self._bound, self._model))

    def improved(self, found: Sequence[_Found], bound: Bound, enough: int, report: StageProgress) -> _Found:
        """Return the best of several walks, which end at `enough` cores: walks from each partition by turns, at its own prices.

        Longer walks follow where the cores are still far more than the bound.
        """
        best = found[0]
        shards = sum(tiling.number for tiling in best.partition.tilings.values())
        links = len(self._network.projections) // len(best.partition.chosen)
        tilings = sum(len(self._search.fitting(name)) for name in best.partition.chosen)
        types = sum(len(each.counts) for each in self._packing.all_types(best.partition.tilings, best.partition.usage))
        most, each = _TRIES * tilings, shards + _LINK * links + types * best.cores // _SCANNED
        moves, fewest = min(most, _WORK // each), max(bound.cores + bound.cores // _CLOSE, enough)
        walks = [(Walk(moves, fewest, seed), fewest) for seed in range(_WALKS)]
        if moves < most:
            far = max(int(bound.cores * (1 + _FAR)), enough)
            walks += [(Walk(min(most, _LONG_WORK // each), fewest, _WALKS + seed), far) for seed in range(len(found))]
        done, total = 0, sum(walk.moves for walk, _ in walks)
        for number, (walk, few) in enumerate(walks):
            if best.cores > few:
                start = found[number % len(found)]
                tried = self._tried(start.partition, start.prices)
                improvement = Improvement(self._network, self._search.links, self._packing, start.prices)
                cores, partition = improvement.improved(start.partition, tried, walk, partial(_shifted, report, done, total))
                if cores < best.cores:
                    best = _Found(cores, partition, start.prices)
            done += walk.moves
        return best

    def packed(self, found: _Found) -> list[Core]:
        """Return the shards of every core."""
        tilings = found.partition.tilings
        return self._packing.cores(list(tilings.values()), self._packing.all_types(tilings, found.partition.usage), found.prices.prices)


def _shifted(report: StageProgress, before: int, total: int, done: int, _: int) -> None:
    report(before + done, total)


def plan(
    network: QuantisedNetwork,
    chip: ChipSpec,
    model: SynapseModel,
    max_cores: int | None = None,
    progress: Progress | None = None,
    enough: int = 0,
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
    enough : int
        The search ends at a plan of so many cores or fewer. It finds one exactly where the search without `enough` does.

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
    import_module("numba")  # two threads that load it at once would leave half of it where memory does not suffice
    with ThreadPoolExecutor(1) as beside:
        tightened = beside.submit(planner.tightened)
        found = planner.searched(enough, partial(told, f"cutting populations into shards, at least {cores}"))
        bound = tightened.result()
    best = planner.improved(found, bound, enough, partial(told, "filling cores"))
    planned = PartitionPlan(best.partition, planner.packed(best), bound)
    if len(planned.cores) > most:
        raise DoesNotFit(explain_cores(chip, len(planned.cores), most, _cores_of_each(planned)))
    return planned


def _cores_of_each(planned: PartitionPlan) -> dict[str, int]:
    """Return the number of cores that hold shards of each population."""
    return dict(Counter(name for core in planned.cores for name in {shard.population for shard in core}))
