"""Cut a population of a partition otherwise: the axons of its sources and targets change with it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final, TypeAlias

import numpy as np

from ecc_lava.common import Int
from ecc_lava.networks import Kind, QuantisedNetwork
from hw_mappings.partition.candidates import CutCandidate
from hw_mappings.partition.extension import Links
from hw_mappings.resources import with_axons

__all__ = ["Recutting", "Shards", "Walk"]

Shards: TypeAlias = tuple[CutCandidate, Int]
"""A population's cut and the usage of its shards."""
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


class Recutting:
    """What all changes of a network's partitions have in common.

    Parameters
    ----------
    network : QuantisedNetwork
    links : Links
    """

    def __init__(self, network: QuantisedNetwork, links: Links) -> None:
        self._links = links
        self._into = {
            p.name: [(q.source, number) for number, q in enumerate(network.projections) if q.target == p.name] for p in network.populations
        }
        self._inputs = {p.name for p in network.populations if p.kind is Kind.INPUT}

    def recut(self, cuts: Mapping[str, Shards], candidate: CutCandidate) -> dict[str, Shards]:
        """Return a population's new cut, with those of its sources and targets, whether they fit or not."""
        name, links, chip = candidate.tiling.population, self._links, self._links.chip
        before = cuts[name][0]
        arriving, leaving = np.zeros(candidate.tiling.grid, np.int64), np.zeros(candidate.tiling.grid, np.int64)
        found: dict[str, Shards] = {}
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

    def drawn(self, random: np.random.Generator, names: Sequence[str], tried: Mapping[str, Sequence[CutCandidate]]) -> list[CutCandidate]:
        """Return tilings to try together: of one population, and half the time of one of its targets too, as their axons depend on both."""
        drawn = [names[int(random.integers(len(names)))]]
        targets = list(self._links.sent[drawn[0]])
        if targets and random.random() < _BOTH:
            drawn.append(targets[int(random.integers(len(targets)))])
        return [tried[name][int(len(tried[name]) * random.random() ** 2)] for name in drawn]
