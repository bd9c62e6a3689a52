"""What a population adds to a partition when it is cut: the axons to the populations that are cut already, on both sides."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from math import inf
from typing import Final

import numpy as np

from ecc_lava.common import Int
from ecc_lava.networks import QuantisedNetwork
from hw_mappings.chips import ChipSpec
from hw_mappings.partition.candidates import CutCandidate
from hw_mappings.partition.prices import Prices
from hw_mappings.resources import Axons, projection_axons, with_axons

__all__ = ["Extension", "Links", "State"]


@dataclass(frozen=True, eq=False)
class State:
    """A partition of the populations from some population on.

    Attributes
    ----------
    cost : float
    chosen : population -> its cut
    usage : population -> int64 array (rows, columns, channels, resources)
    """

    cost: float
    chosen: Mapping[str, CutCandidate]
    usage: Mapping[str, Int]


_HELD: Final = 20_000_000
"""Numbers that `Links` holds at most; then it forgets all."""


class Links:
    """The axons of every projection between any two tilings, counted once while they are held.

    Parameters
    ----------
    network : QuantisedNetwork
    chip : ChipSpec
    """

    def __init__(self, network: QuantisedNetwork, chip: ChipSpec) -> None:
        self._network = network
        self._counted: dict[tuple[int, int, int], tuple[Axons, CutCandidate, CutCandidate]] = {}  # by identity, which is held
        self._numbers = 0
        self.chip = chip
        self.sent: dict[str, dict[str, list[tuple[int, int]]]] = {p.name: {} for p in network.populations}
        """Source -> target -> number of each projection that joins them, and its number among those into the target."""
        arriving = {p.name: 0 for p in network.populations}
        for number, projection in enumerate(network.projections):
            self.sent[projection.source].setdefault(projection.target, []).append((number, arriving[projection.target]))
            arriving[projection.target] += 1

    def of(self, number: int, source: CutCandidate, target: CutCandidate) -> Axons:
        """Return the axons of a projection."""
        key = number, id(source), id(target)
        found = self._counted.get(key)
        if found is None:
            projection = self._network.projections[number]
            population = self._network.by_name[projection.source]
            if self._numbers > _HELD:
                self._counted.clear()
                self._numbers = 0
            axons = projection_axons(projection, population, source.tiling.cuts, target.tiling.cuts, self.chip)
            self._counted[key] = found = axons, source, target
            self._numbers += source.tiling.number + target.tiling.number
        return found[0]


class Extension:
    """One population's tilings beside those of its targets. States share most of these, so each sum is made once.

    Parameters
    ----------
    links : Links
    prices : Prices
    name : str
        The population that is cut.
    """

    def __init__(self, links: Links, prices: Prices, name: str) -> None:
        self._links, self._prices = links, prices
        self._sent = links.sent[name]
        self._own: dict[tuple[int, ...], tuple[Int, float]] = {}
        self._targets: dict[tuple[int, int], tuple[Int, float]] = {}
        self._before: dict[int, float] = {}

    def settled(self, state: State, candidate: CutCandidate) -> tuple[dict[str, Int], float]:
        """Return the usage of the candidate and of its targets, and the cost that the candidate adds; infinity if a shard does not fit."""
        targets = [target for target in self._sent if target in state.chosen]
        own, added = self._with_leaving(state, candidate, targets)
        usage = {candidate.tiling.population: own}
        for target in targets:
            usage[target], change = self._with_arriving(state, candidate, target)
            added += change
        return usage, added

    def _with_leaving(self, state: State, candidate: CutCandidate, targets: list[str]) -> tuple[Int, float]:
        key = (id(candidate), *(id(state.chosen[target]) for target in targets))
        if key not in self._own:
            leaving = np.zeros(candidate.tiling.grid, np.int64)
            for target in targets:
                for number, _ in self._sent[target]:
                    leaving += self._links.of(number, candidate, state.chosen[target]).leaving
            usage = with_axons(candidate.usage, 0, leaving, self._links.chip)
            self._own[key] = usage, self._prices.cost(usage)
        return self._own[key]

    def _with_arriving(self, state: State, candidate: CutCandidate, target: str) -> tuple[Int, float]:
        """Return the usage of a target, with what arrives in place of the fewest axons that could, and the change of its cost."""
        usage, cut = state.usage[target], state.chosen[target]
        key = id(usage), id(candidate)
        if key not in self._targets:
            if id(usage) not in self._before:
                self._before[id(usage)] = self._prices.cost(usage)
            more = sum(self._links.of(number, candidate, cut).arriving - cut.arriving[place] for number, place in self._sent[target])
            changed = with_axons(usage, more, 0, self._links.chip)
            cost = self._prices.cost(changed)
            self._targets[key] = changed, cost - self._before[id(usage)] if cost < inf else inf
        return self._targets[key]
