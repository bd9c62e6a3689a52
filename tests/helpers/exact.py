"""The fewest cores of any mapping of a small network: every grid of shards is tried, and packed by an exact solver (HiGHS)."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise, product
from typing import Any

import numpy as np

from ecc_lava.common import Int
from ecc_lava.networks import Kind, QuantisedNetwork
from hw_mappings.chips import ChipSpec
from hw_mappings.resources import (
    ADDITIVE,
    Cuts,
    SynapseModel,
    Tiling,
    demands,
    limits_of,
    projection_axons,
    usage_without_axons,
    with_axons,
)
from hw_mappings.resources.axons import Axons
from hw_mappings.resources.tiling import Cut

__all__ = ["Grids", "exact_cores", "packs"]


def _cuts(length: int) -> list[Cut]:
    """Return every cut of an axis in consecutive spans."""
    inner = range(1, length)
    chosen = ([n for n, bit in zip(inner, bits, strict=True) if bit] for bits in product((False, True), repeat=len(inner)))
    return [tuple(pairwise([0, *each, length])) for each in chosen]


def packs(usage: Int, counts: Int, limits: Int, cores: int) -> bool:
    """Whether shards fit on so many cores: a whole number of shards of each type on each core, within every limit.

    Parameters
    ----------
    usage : int64 array (types, resources)
    counts : int64 array (types,)
    limits : int64 array (resources,)
    cores : int
    """
    from scipy.optimize import Bounds, LinearConstraint, milp
    from scipy.sparse import identity, kron

    shares = (usage / limits).T
    all_placed: Any = LinearConstraint(kron(np.ones((1, cores)), identity(len(counts))), counts, counts)
    within: Any = LinearConstraint(kron(identity(cores), shares), -np.inf, 1 + 1e-9)
    bounds = Bounds(0, np.tile(counts, cores))
    solved = milp(np.zeros(cores * len(counts)), constraints=[all_placed, within], integrality=1, bounds=bounds)
    assert solved.status in (0, 2), solved.message  # solved, or proved infeasible
    return bool(solved.status == 0)


class Grids:
    """Every grid of shards of every population, and the axons between any two grids.

    Parameters
    ----------
    network : QuantisedNetwork
    chip : ChipSpec
        Without limits on thresholds and exponents.
    """

    def __init__(self, network: QuantisedNetwork, chip: ChipSpec) -> None:
        assert chip.limit("thresholds") is None is chip.limit("exponents")
        self._network, self._chip = network, chip
        self.limits = limits_of(chip)
        self._tilings: dict[str, list[tuple[Tiling, Int]]] = {}
        for name, demand in demands(network, chip, SynapseModel.STRICT).items():
            tilings = [Tiling(name, (y, x, c)) for y, x, c in product(*map(_cuts, demand.shape))]
            self._tilings[name] = [(t, own) for t in tilings if ((own := usage_without_axons(demand, t)) <= self.limits).all()]
        self._links: dict[tuple[int, Cuts | None, Cuts], Axons] = {}

    def _link(self, number: int, source: Cuts | None, target: Cuts) -> Axons:
        key = number, source, target
        if key not in self._links:
            projection = self._network.projections[number]
            self._links[key] = projection_axons(projection, self._network.by_name[projection.source], source, target, self._chip)
        return self._links[key]

    def legal(self) -> Iterator[dict[str, Int]]:
        """Yield the usage of all shards of each population, (shards, resources), for all grids whose shards each fit a core."""
        yield from ({name: usage.reshape(-1, usage.shape[-1]) for name, (_, usage) in each.items()} for each in self._extended({}))

    def _extended(self, chosen: dict[str, tuple[Tiling, Int]]) -> Iterator[dict[str, tuple[Tiling, Int]]]:
        """Yield all ways to cut the populations that are not chosen yet, in the network's order: sources before targets."""
        if len(chosen) == len(self._tilings):
            yield chosen
            return
        name = list(self._tilings)[len(chosen)]
        for tiling, own in self._tilings[name]:
            found = {**chosen, name: (tiling, own)}
            for number, p in enumerate(self._network.projections):
                if p.target == name:
                    host = self._network.by_name[p.source].kind is Kind.INPUT
                    link = self._link(number, None if host else found[p.source][0].cuts, tiling.cuts)
                    found[name] = tiling, with_axons(found[name][1], link.arriving, 0, self._chip)
                    if not host:
                        source, usage = found[p.source]
                        found[p.source] = source, with_axons(usage, 0, link.leaving, self._chip)
            if all((usage <= self.limits).all() for _, usage in found.values()):
                yield from self._extended(found)


def exact_cores(network: QuantisedNetwork, chip: ChipSpec, most: int) -> int | None:
    """Return the fewest cores of any mapping, None if no grids of shards fit.

    Parameters
    ----------
    network : QuantisedNetwork
        A small one: every combination of grids is looked at.
    chip : ChipSpec
    most : int
        A number of cores that is known to suffice where grids fit.
    """
    grids = Grids(network, chip)
    limits = grids.limits[ADDITIVE]
    waiting: dict[bytes, tuple[int, Int, Int]] = {}
    for each in grids.legal():
        usage, counts = np.unique(np.concatenate(list(each.values()))[:, ADDITIVE], axis=0, return_counts=True)
        least = int(np.ceil((counts @ usage / limits).max() - 1e-9))
        waiting[usage.tobytes() + counts.tobytes()] = max(least, 1), usage, counts
    if not waiting:
        return None
    for least, usage, counts in sorted(waiting.values(), key=lambda each: (each[0], int(each[2].sum()))):
        while least < most and packs(usage, counts, limits, most - 1):
            most -= 1
    return most
