"""Tilings of one population that are worth trying: cheap ones of every shape, each of whose shards fits a core."""

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
"""Candidates of a population."""
_DEEPER: Final = 3
"""Finer cuts through channels that are tried after the coarsest one that fits, for each cut of the map."""
_SMALL: Final = 0.25
"""A shard that takes no more of a core fits in most gaps."""
_SMALLEST: Final = 1e-4
"""A shard that takes less of a core counts as this much."""
_SPREAD: Final = 4
"""Tilings of more than so many times the fewest shards are not tried."""


@dataclass(frozen=True, eq=False)
class Prices:
    """What usage costs, in cores.

    With m the largest share of a core's limits that a shard takes::

        cost of a shard = sum over r of price(r) * share(r) + unshared / floor(1 / m) + coarse * max(m - small, 0)

    Attributes
    ----------
    limits : int64 array (resources,)
    prices : float64 array (resources,)
    unshared : float
        Weight of what a shard takes of cores that hold only shards like it.
    coarse : float
        Weight of large shards: small ones fill what others leave.
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
    """A tiling and what its shards take, whatever is cut around it.

    Attributes
    ----------
    demand : Demand
    tiling : Tiling
    own : int64 array (rows, columns, channels, resources)
        Without axons.
    """

    demand: Demand
    tiling: Tiling
    own: Int

    @cached_property
    def arriving(self) -> tuple[Int, ...]:
        """Axons that arrive at every shard from each projection: all from the host, the fewest possible from elsewhere."""
        chip = self.demand.chip
        return tuple(
            projection_axons(p, source, None, self.tiling.cuts, chip).arriving
            if source.kind is Kind.INPUT
            else least_arriving(p, source, self.tiling, chip)
            for p, source in self.demand.into
        )

    @cached_property
    def usage(self) -> Int:
        """What every shard takes at least."""
        return with_axons(self.own, sum(self.arriving, np.zeros(self.tiling.grid, np.int64)), 0, self.demand.chip)


def _tried(demand: Demand, neurons_max: int, thorough: bool) -> Iterator[CutCandidate]:
    """Yield tilings whose shards fit by themselves, for each cut of the map those with the fewest cuts through channels."""
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
    """Return tilings that are worth trying, each of whose shards fits a core by itself.

    Parameters
    ----------
    demand : Demand
    thorough : bool
        All of them, however many shards they have.
    """
    chip = demand.chip
    return list(_tried(demand, chip.amount("compartments") // chip.amount("compartments_per_neuron"), thorough))


def cheapest(tried: Sequence[CutCandidate], prices: Prices) -> list[CutCandidate]:
    """Return the cheapest tilings, with the cheapest of every number of positions and of channels a shard among them."""
    ranked = sorted(((prices.cost(c.usage), tuple(reversed(c.tiling.grid)), c) for c in tried), key=lambda entry: entry[:2])
    kept: dict[int, CutCandidate] = {}
    seen: set[Hashable] = set()
    for rank, (_, (depth, columns, rows), candidate) in enumerate(ranked):
        shapes = {("channels", depth), ("positions", rows * columns)}
        if rank < _KEPT // 2 or not shapes <= seen:
            kept[rank] = candidate
        seen |= shapes
    return list(kept.values())[:_KEPT]
