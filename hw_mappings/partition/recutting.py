"""Cut a population of a partition otherwise: the axons of its sources and targets change with it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Generic, TypeVar

import numpy as np

from ecc_lava.common import Int
from ecc_lava.networks import Kind, QuantisedNetwork
from hw_mappings.partition.candidates import CutCandidate
from hw_mappings.partition.extension import Links
from hw_mappings.partition.search import Partition
from hw_mappings.resources import with_axons

__all__ = ["Recutting", "Walk"]

_Made = TypeVar("_Made")
_HELD: Final = 10_000_000
"""Shards of which a walk holds something at most; then it forgets all."""
_BOTH: Final = 0.5
"""How often a population and one of its targets are cut otherwise together."""


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


class Recutting(Generic[_Made]):
    """What all changes of a network's partitions have in common.

    A population's usage depends on its own cut and those of its sources and targets alone. Walks propose the same changes again and again,
    so what they make of it is held by these cuts.

    Parameters
    ----------
    network : QuantisedNetwork
    links : Links
    made : callable (tiling, axons that arrive at its shards, axons that leave them)
        What a walk makes of a population.
    """

    def __init__(self, network: QuantisedNetwork, links: Links, made: Callable[[CutCandidate, Int, Int], _Made]) -> None:
        self._links, self._made = links, made
        inputs = {p.name for p in network.populations if p.kind is Kind.INPUT}
        self._into = {
            p.name: [(q.source, number) for number, q in enumerate(network.projections) if q.target == p.name] for p in network.populations
        }
        self._near = {
            name: list(dict.fromkeys([*(source for source, _ in into if source not in inputs), *links.sent[name]]))
            for name, into in self._into.items()
        }
        self._inputs, self._shards = inputs, 0
        self._held: dict[tuple[int, ...], _Made] = {}

    def axons(self, chosen: Mapping[str, CutCandidate], name: str) -> tuple[Int, Int]:
        """Return the axons that arrive at a population's shards and that leave them, each (rows, columns, channels)."""
        own, links = chosen[name], self._links
        arriving, leaving = np.zeros(own.tiling.grid, np.int64), np.zeros(own.tiling.grid, np.int64)
        for place, (source, number) in enumerate(self._into[name]):
            arriving += own.arriving[place] if source in self._inputs else links.of(number, chosen[source], own).arriving
        for target, numbers in links.sent[name].items():
            for number, _ in numbers:
                leaving += links.of(number, own, chosen[target]).leaving
        return arriving, leaving

    def usage(self, chosen: Mapping[str, CutCandidate], name: str) -> Int:
        """Return the usage of a population's shards, (rows, columns, channels, resources), whether they fit or not."""
        return with_axons(chosen[name].own, *self.axons(chosen, name), self._links.chip)

    def partition(self, chosen: Mapping[str, CutCandidate]) -> Partition:
        """Return the partition of some tilings."""
        return Partition(chosen, {name: self.usage(chosen, name) for name in chosen})

    def made(self, chosen: Mapping[str, CutCandidate], name: str) -> _Made:
        """Return what the walk makes of a population."""
        key = id(chosen[name]), *(id(chosen[other]) for other in self._near[name])
        if key not in self._held:
            if self._shards > _HELD:
                self._held.clear()
                self._shards = 0
            self._held[key] = self._made(chosen[name], *self.axons(chosen, name))
            self._shards += chosen[name].tiling.number
        return self._held[key]

    def changed(self, chosen: Mapping[str, CutCandidate], candidates: Sequence[CutCandidate]) -> dict[str, _Made]:
        """Return what the walk makes of all populations whose usage new tilings change; `chosen` has these already."""
        names = [each.tiling.population for each in candidates]
        touched = dict.fromkeys(other for name in names for other in (name, *self._near[name]))
        return {name: self.made(chosen, name) for name in touched}

    def drawn(self, random: np.random.Generator, names: Sequence[str], tried: Mapping[str, Sequence[CutCandidate]]) -> list[CutCandidate]:
        """Return tilings to try together: of one population, and half the time of one of its targets too, as their axons depend on both."""
        drawn = [names[int(random.integers(len(names)))]]
        targets = list(self._links.sent[drawn[0]])
        if targets and random.random() < _BOTH:
            drawn.append(targets[int(random.integers(len(targets)))])
        return [tried[name][int(len(tried[name]) * random.random() ** 2)] for name in drawn]
