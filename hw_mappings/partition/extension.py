"""What a population adds to a partition when it is cut: the axons to the populations that are cut already, on both sides."""

from __future__ import annotations

from collections.abc import Container, Mapping
from dataclasses import dataclass
from math import inf
from typing import Final

import numpy as np

from ecc_lava.common import Int
from ecc_lava.networks import QuantisedNetwork
from hw_mappings.chips import ChipSpec
from hw_mappings.partition.candidates import CutCandidate
from hw_mappings.partition.prices import Prices
from hw_mappings.resources import Axons, axon_table, projection_axons, with_axons

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
        self.chip, self.axon_table = chip, axon_table(chip)
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
    cut : container of str
        The populations that are cut already.
    """

    def __init__(self, links: Links, prices: Prices, name: str, cut: Container[str]) -> None:
        self._links, self._prices = links, prices
        self._sent = {target: numbers for target, numbers in links.sent[name].items() if target in cut}
        self._own: dict[tuple[int, ...], float] = {}
        self._changes: dict[tuple[int, int], float] = {}
        self._before: dict[int, float] = {}
        self._own_usage: dict[tuple[int, ...], Int] = {}
        self._usage: dict[tuple[int, int], Int] = {}

    def added(self, state: State, candidate: CutCandidate) -> float:
        """Return the cost that a candidate adds to a state, for itself and its targets; infinity if a shard does not fit."""
        key = self._key(state, candidate)
        added = self._own.get(key)
        if added is None:
            leaving = self._leaving(state, candidate)
            added = self._own[key] = self._prices.cost_with(candidate.usage, 0 * leaving, leaving, self._links.axon_table)
        for target in self._sent:
            added += self._change(state, candidate, target)
        return added

    def usage(self, state: State, candidate: CutCandidate) -> dict[str, Int]:
        """Return the usage of the candidate and of its targets; the same array wherever it is the same."""
        chip, key = self._links.chip, self._key(state, candidate)
        if key not in self._own_usage:
            self._own_usage[key] = with_axons(candidate.usage, 0, self._leaving(state, candidate), chip)
        found = {candidate.tiling.population: self._own_usage[key]}
        for target in self._sent:
            pair = id(state.usage[target]), id(candidate)
            if pair not in self._usage:
                self._usage[pair] = with_axons(state.usage[target], self._arriving(state, candidate, target), 0, chip)
            found[target] = self._usage[pair]
        return found

    def _key(self, state: State, candidate: CutCandidate) -> tuple[int, ...]:
        return (id(candidate), *[id(state.chosen[target]) for target in self._sent])

    def _leaving(self, state: State, candidate: CutCandidate) -> Int:
        """Return the axons that leave every shard of a candidate."""
        leaving = np.zeros(candidate.tiling.grid, np.int64)
        for target, numbers in self._sent.items():
            for number, _ in numbers:
                leaving += self._links.of(number, candidate, state.chosen[target]).leaving
        return leaving

    def _arriving(self, state: State, candidate: CutCandidate, target: str) -> Int:
        """Return what arrives at a target beyond the fewest axons that could."""
        cut = state.chosen[target]
        arriving = np.zeros(cut.tiling.grid, np.int64)
        for number, place in self._sent[target]:
            arriving += self._links.of(number, candidate, cut).arriving - cut.arriving[place]
        return arriving

    def _change(self, state: State, candidate: CutCandidate, target: str) -> float:
        """Return the change of a target's cost with what arrives in place of the fewest axons that could."""
        usage = state.usage[target]
        key = id(usage), id(candidate)
        found = self._changes.get(key)
        if found is None:
            if id(usage) not in self._before:
                self._before[id(usage)] = self._prices.cost(usage)
            more = self._arriving(state, candidate, target)
            cost = self._prices.cost_with(usage, more, 0 * more, self._links.axon_table)
            found = self._changes[key] = cost - self._before[id(usage)] if cost < inf else inf
        return found
