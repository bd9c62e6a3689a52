"""Tilings of one population that are worth trying: cheap ones of every shape whose shards each fit a core."""

from __future__ import annotations

from collections.abc import Hashable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from math import prod
from typing import Final

import numpy as np

from ecc_lava.common import Int
from ecc_lava.networks import Kind
from hw_mappings.resources import (
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

__all__ = ["CutCandidate", "candidates", "cheapest"]

_KEPT: Final = 40
"""Largest number of candidates for a population."""
_STEP: Final = 1.03
"""Smallest ratio of the numbers of cuts through channels that are tried one after the other."""
_SPREAD: Final = 4
"""Largest number of shards in a tiling, relative to the fewest shards found."""


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

    def of(self, demand: Demand) -> CutCandidate:
        """Return the same cuts of a population that is alike; what they use is counted once."""
        other = CutCandidate(demand, Tiling(demand.name, self.tiling.cuts), self.own)
        other.__dict__.update(arriving=self.arriving, usage=self.usage)
        return other


def _tried(demand: Demand, neurons_max: int, thorough: bool) -> Iterator[CutCandidate]:
    """Yield tilings whose shards fit by themselves, for each cut of the map from the fewest cuts through channels on."""
    height, width, channels = demand.shape
    limits, fewest = limits_of(demand.chip), prod(demand.shape)
    maps = sorted((rows * columns, rows, columns) for rows in useful_parts(height) for columns in useful_parts(width))
    for positions, rows, columns in maps:
        largest = -(-height // rows) * -(-width // columns)
        if largest > neurons_max or (not thorough and positions > _SPREAD * fewest):
            continue
        last = 0.0
        for depth in useful_parts(channels):
            if largest * -(-channels // depth) > neurons_max or depth < last * _STEP:
                continue
            number = positions * depth
            if not thorough and number > _SPREAD * fewest:
                break
            tiling = Tiling(demand.name, (even_cut(height, rows), even_cut(width, columns), even_cut(channels, depth)))
            own = usage_without_axons(demand, tiling)
            if not fits(own, limits):
                continue
            candidate = CutCandidate(demand, tiling, own)
            if fits(candidate.usage, limits):
                fewest = min(fewest, number)
                last = depth
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


def cheapest(tried: Sequence[CutCandidate], costs: Sequence[float]) -> list[CutCandidate]:
    """Return the tilings of least cost, among them the cheapest for every number of channel parts and of map parts."""
    entries = ((cost, tuple(reversed(c.tiling.grid)), c) for cost, c in zip(costs, tried, strict=True))
    ranked = sorted(entries, key=lambda entry: entry[:2])
    kept: dict[int, CutCandidate] = {}
    seen: set[Hashable] = set()
    for rank, (_, (depth, columns, rows), candidate) in enumerate(ranked):
        shapes = {("channels", depth), ("positions", rows * columns)}
        if rank < _KEPT // 2 or not shapes <= seen:
            kept[rank] = candidate
        seen |= shapes
    return list(kept.values())[:_KEPT]
