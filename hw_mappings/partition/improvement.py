"""Improve a partition by what packing makes of it: cut one population otherwise, pack again, and keep what is better.

The search before this one prices every shard by itself. Here a tiling that takes more by itself may still win, where its shards fill what
others leave of their cores.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import exp
from typing import Final

import numpy as np

from ecc_lava.common import Int, StageProgress
from ecc_lava.networks import QuantisedNetwork
from hw_mappings.partition.candidates import CutCandidate
from hw_mappings.partition.extension import Links
from hw_mappings.partition.packing import Packing, ShardTypes
from hw_mappings.partition.prices import Prices
from hw_mappings.partition.recutting import Recutting, Walk
from hw_mappings.partition.search import Partition
from hw_mappings.resources import ADDITIVE

__all__ = ["Improvement"]

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

    types: ShardTypes
    demand: float


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
        self._packing, self._prices = packing, prices.prices
        self._limits, self._additive_prices = prices.limits[ADDITIVE], prices.prices[ADDITIVE]
        self._recutting, self._axon_table = Recutting(network, links, self._cut), links.axon_table

    def _cut(self, candidate: CutCandidate, arriving: Int, leaving: Int) -> _Cut | None:
        """Return a population as it is cut; None where a shard does not fit."""
        types = self._packing.types_with(candidate.tiling, candidate.own, arriving, leaving, self._axon_table)
        if types is None:
            return None
        return _Cut(types, float(types.counts @ (types.usage / self._limits) @ self._additive_prices))

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
        recutting, chosen = self._recutting, dict(partition.chosen)
        cuts = _fitting({name: recutting.made(chosen, name) for name in chosen})
        assert cuts is not None, "a partition fits"
        names = list(cuts)
        cores, score = self._score(cuts)
        best = cores, score, chosen
        for move in range(walk.moves):
            if best[0] <= walk.fewest:
                break
            if move % _TOLD == 0:
                report(move, walk.moves)
            candidates = recutting.drawn(random, names, tried)
            others = {**chosen, **{each.tiling.population: each for each in candidates}}
            changed = _fitting(recutting.changed(others, candidates))
            if changed is None:
                continue
            new = {**cuts, **changed}
            new_cores, new_score = self._score(new)
            temperature = _START * (_END / _START) ** (move / walk.moves) * cores
            if new_score <= score or random.random() < exp((score - new_score) / temperature):
                chosen, cuts, cores, score = others, new, new_cores, new_score
                if (cores, score) < best[:2]:
                    best = cores, score, chosen
        return best[0], recutting.partition(best[2])


def _fitting(cuts: Mapping[str, _Cut | None]) -> dict[str, _Cut] | None:
    """Return populations as they are cut; None if one of them does not fit."""
    found = {name: cut for name, cut in cuts.items() if cut is not None}
    return found if len(found) == len(cuts) else None
