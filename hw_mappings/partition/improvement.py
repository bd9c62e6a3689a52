"""Improve a partition by what packing makes of it: cut one population otherwise, pack again, and keep what is better.

The search before this one prices every shard by itself. Here a tiling that takes more by itself may still win, where its shards fill what
others leave of their cores.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import exp
from typing import Final, TypeAlias

import numpy as np

from ecc_lava.common import Int, StageProgress
from ecc_lava.networks import Kind, QuantisedNetwork
from hw_mappings.partition.candidates import CutCandidate
from hw_mappings.partition.extension import Links
from hw_mappings.partition.packing import Packing, ShardTypes
from hw_mappings.partition.prices import Prices
from hw_mappings.partition.search import Partition
from hw_mappings.resources import ADDITIVE, fits, with_axons

__all__ = ["Improvement", "Walk"]

_Shards: TypeAlias = tuple[CutCandidate, Int]
"""A population's cut and the usage of its shards."""
_BOTH: Final = 0.5
"""How often a population and one of its targets are cut otherwise together."""

_TOLD: Final = 50
"""Changes between two reports of progress."""

_DEMAND: Final = 0.3
"""Weight of the priced usage of all shards beside the number of cores, which few changes move."""
_START: Final = 1e-2
_END: Final = 1e-4
"""Temperature at the start and at the end, relative to the number of cores."""


@dataclass(frozen=True, eq=False)
class _Cut:
    """A population as it is cut now; `demand` is the priced usage of its shards."""

    candidate: CutCandidate
    usage: Int
    types: ShardTypes
    demand: float


@dataclass(frozen=True)
class Walk:
    """How long a walk is.

    Attributes
    ----------
    moves : int
        Number of changes to try.
    fewest : int
        Number of cores at which to stop.
    seed : int
    """

    moves: int
    fewest: int
    seed: int


class Improvement:
    """A partition that is changed step by step.

    Parameters
    ----------
    network : QuantisedNetwork
    links : Links
    packing : Packing
    prices : Prices
    """

    def __init__(self, network: QuantisedNetwork, links: Links, packing: Packing, prices: Prices) -> None:
        self._links, self._packing, self._limits, self._prices = links, packing, prices.limits, prices.prices
        self._into = {
            p.name: [(q.source, number) for number, q in enumerate(network.projections) if q.target == p.name] for p in network.populations
        }
        self._inputs = {p.name for p in network.populations if p.kind is Kind.INPUT}

    def _cut(self, candidate: CutCandidate, usage: Int) -> _Cut:
        types = self._packing.types(candidate.tiling, usage)
        return _Cut(candidate, usage, types, float(types.counts @ (types.usage / self._limits[ADDITIVE]) @ self._prices[ADDITIVE]))

    def _recut(self, cuts: Mapping[str, _Shards], candidate: CutCandidate) -> dict[str, _Shards]:
        """Return a population's new cut, with those of its sources and targets, whether they fit or not."""
        name, links, chip = candidate.tiling.population, self._links, self._links.chip
        before = cuts[name][0]
        arriving, leaving = np.zeros(candidate.tiling.grid, np.int64), np.zeros(candidate.tiling.grid, np.int64)
        found: dict[str, _Shards] = {}
        for place, (source, number) in enumerate(self._into[name]):
            if source in self._inputs:
                arriving += candidate.arriving[place]
                continue
            other, usage = found.get(source, cuts[source])
            link = links.of(number, other, candidate)
            arriving += link.arriving
            found[source] = other, with_axons(usage, 0, link.leaving - links.of(number, other, before).leaving, chip)
        for target, numbers in links.sent[name].items():
            other, usage = cuts[target]
            for number, _ in numbers:
                link = links.of(number, candidate, other)
                leaving += link.leaving
                usage = with_axons(usage, link.arriving - links.of(number, before, other).arriving, 0, chip)
            found[target] = other, usage
        return {**found, name: (candidate, with_axons(candidate.own, arriving, leaving, chip))}

    def _changed(self, cuts: Mapping[str, _Cut], candidates: Sequence[CutCandidate]) -> dict[str, _Cut] | None:
        """Return what changes if populations are cut otherwise; None where something does not fit."""
        found: dict[str, _Shards] = {}
        now = {name: (cut.candidate, cut.usage) for name, cut in cuts.items()}
        for candidate in candidates:
            found.update(self._recut({**now, **found}, candidate))
        if not all(fits(usage, self._limits) for _, usage in found.values()):
            return None
        return {name: self._cut(*shards) for name, shards in found.items()}

    def _drawn(self, random: np.random.Generator, names: Sequence[str], tried: Mapping[str, Sequence[CutCandidate]]) -> list[CutCandidate]:
        """Return tilings to try together: of one population, and half the time of one of its targets too, as their axons depend on both."""
        drawn = [names[int(random.integers(len(names)))]]
        targets = list(self._links.sent[drawn[0]])
        if targets and random.random() < _BOTH:
            drawn.append(targets[int(random.integers(len(targets)))])
        return [tried[name][int(len(tried[name]) * random.random() ** 2)] for name in drawn]

    def _score(self, cuts: dict[str, _Cut]) -> tuple[int, float]:
        """Return the cores, and the cores with the priced usage beside them."""
        cores = self._packing.fillings([cut.types for cut in cuts.values()], self._prices)[0]
        return cores, cores + _DEMAND * sum(cut.demand for cut in cuts.values())

    def improved(
        self, partition: Partition, tried: Mapping[str, Sequence[CutCandidate]], walk: Walk, report: StageProgress
    ) -> tuple[int, Partition]:
        """Return the cores and the best partition of an annealed walk; deterministic in its seed.

        Parameters
        ----------
        partition : Partition
        tried : population -> tilings to try, the cheapest first
        walk : Walk
        report : StageProgress
        """
        random = np.random.default_rng(walk.seed)
        cuts = {name: self._cut(candidate, partition.usage[name]) for name, candidate in partition.chosen.items()}
        names = list(cuts)
        cores, score = self._score(cuts)
        best = cores, score, cuts
        for move in range(walk.moves):
            if best[0] <= walk.fewest:
                break
            if move % _TOLD == 0:
                report(move, walk.moves)
            changed = self._changed(cuts, self._drawn(random, names, tried))
            if changed is None:
                continue
            new = {**cuts, **changed}
            new_cores, new_score = self._score(new)
            temperature = _START * (_END / _START) ** (move / walk.moves) * cores
            if new_score <= score or random.random() < exp((score - new_score) / temperature):
                cuts, cores, score = new, new_cores, new_score
                if (cores, score) < best[:2]:
                    best = cores, score, cuts
        return best[0], Partition(
            {name: cut.candidate for name, cut in best[2].items()}, {name: cut.usage for name, cut in best[2].items()}
        )
