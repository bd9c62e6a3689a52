"""Tilings of one population that are worth trying: cheap ones of every shape whose shards each fit a core."""

from __future__ import annotations

from collections.abc import Hashable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from math import prod
from typing import Final

import numpy as np

from ecc_lava.common import Float, Int
from ecc_lava.networks import Kind
from hw_mappings.resources import (
    ADDITIVE,
    Demand,
    Tiling,
    even_cut,
    fits,
    least_arriving,
    limits_of,
    projection_axons,
    usage_without_axons,
    useful_parts,
    with_axons,
)

__all__ = ["CutCandidate", "Prices", "candidates", "cheapest"]

_KEPT: Final = 40
"""Largest number of candidates for a population."""
_DEEPER: Final = 3
"""Finer cuts through channels that are tried after the coarsest one that fits, for each cut of the map."""
_SMALL: Final = 0.25
"""A shard that takes at most this fraction of a core fits in most gaps."""
_SMALLEST: Final = 1e-4
"""A shard that takes a smaller fraction of a core counts as this fraction."""
_SPREAD: Final = 4
"""Largest number of shards in a tiling, relative to the fewest shards found."""


@dataclass(frozen=True, eq=False)
class Prices:
    """The price of usage, in cores.

    With m the largest share of a core's limits that a shard takes::

        cost of a shard = sum over r of price(r) * share(r) + unshared / floor(1 / m) + coarse * max(m - small, 0)

    Attributes
    ----------
    limits : int64 array (resources,)
    prices : float64 array (resources,)
    unshared : float
        Weight of the share of a core that a shard takes among shards like itself.
    coarse : float
        Weight of large shards; small shards fill the gaps that others leave.
    """

    limits: Int
    prices: Float
    unshared: float
    coarse: float

    def cost(self, usage: Int) -> float:
        """Return the cost of shards, (..., resources)."""
        shares = usage.reshape(-1, len(self.limits)) / self.limits
        fullest = shares[:, ADDITIVE].max(axis=1)
        alone = 1.0 / np.maximum(np.floor(1.0 / np.maximum(fullest, _SMALLEST)), 1.0)
        return float((shares @ self.prices + self.unshared * alone + self.coarse * np.maximum(fullest - _SMALL, 0.0)).sum())


@dataclass(frozen=True, eq=False)
class CutCandidate:
    """A tiling and the usage of its shards that no other tiling changes.

    Attributes
    ----------
    demand : Demand
    tiling : Tiling
    own : int64 array (rows, columns, channels, resources)
        Usage without axons.
    """

    demand: Demand
    tiling: Tiling
    own: Int

    @cached_property
    def arriving(self) -> tuple[Int, ...]:
        """Axons that arrive at every shard from each projection: all axons from the host, the fewest possible from other cores."""
        chip = self.demand.chip
        return tuple(
            projection_axons(p, source, None, self.tiling.cuts, chip).arriving
            if source.kind is Kind.INPUT
            else least_arriving(p, source, self.tiling, chip)
            for p, source in self.demand.into
        )

    @cached_property
    def usage(self) -> Int:
        """Least usage of every shard."""
        return with_axons(self.own, sum(self.arriving, np.zeros(self.tiling.grid, np.int64)), 0, self.demand.chip)


def _tried(demand: Demand, neurons_max: int, thorough: bool) -> Iterator[CutCandidate]:
    """Yield tilings whose shards fit by themselves; for each cut of the map, the tilings with the fewest cuts through channels."""
    height, width, channels = demand.shape
    limits, fewest = limits_of(demand.chip), prod(demand.shape)
    maps = sorted((rows * columns, rows, columns) for rows in useful_parts(height) for columns in useful_parts(width))
    for positions, rows, columns in maps:
        largest = -(-height // rows) * -(-width // columns)
        if largest > neurons_max or (not thorough and positions > _SPREAD * fewest):
            continue
        found = 0
        for depth in useful_parts(channels):
            if largest * -(-channels // depth) > neurons_max:
                continue
            number = positions * depth
            if not thorough and (found > _DEEPER or number > _SPREAD * fewest):
                break
            tiling = Tiling(demand.name, (even_cut(height, rows), even_cut(width, columns), even_cut(channels, depth)))
            own = usage_without_axons(demand, tiling)
            if not fits(own, limits):
                continue
            candidate = CutCandidate(demand, tiling, own)
            if fits(candidate.usage, limits):
                found += 1
                fewest = min(fewest, number)
                yield candidate


def candidates(demand: Demand, thorough: bool = False) -> list[CutCandidate]:
    """Return tilings that are worth trying and whose shards each fit a core.

    Parameters
    ----------
    demand : Demand
    thorough : bool
        Return all fitting tilings, also those with very many shards.
    """
    chip = demand.chip
    return list(_tried(demand, chip.amount("compartments") // chip.amount("compartments_per_neuron"), thorough))


def cheapest(tried: Sequence[CutCandidate], prices: Prices) -> list[CutCandidate]:
    """Return the cheapest tilings, among them the cheapest for every number of channel parts and of map parts."""
    ranked = sorted(((prices.cost(c.usage), tuple(reversed(c.tiling.grid)), c) for c in tried), key=lambda entry: entry[:2])
    kept: dict[int, CutCandidate] = {}
    seen: set[Hashable] = set()
    for rank, (_, (depth, columns, rows), candidate) in enumerate(ranked):
        shapes = {("channels", depth), ("positions", rows * columns)}
        if rank < _KEPT // 2 or not shapes <= seen:
            kept[rank] = candidate
        seen |= shapes
    return list(kept.values())[:_KEPT]
