"""A tighter lower bound on cores, from the axons between populations: those of a source's parts depend on its targets' parts.

At given prices of resources, every population takes a least amount by its label (see `hw_mappings.partition.joint_demand`), and every
projection takes an amount by the labels at both ends: a source of k channel parts and a target whose shards read its positions n times in
all have k * n pairs of axon entries, or one for each channel. The least sum over all labels is a lower bound on cores. It is bounded from
below by messages along projections: each moves cost from one population to the next, and never changes the sum. On a chain of populations
that gives the least sum itself, elsewhere a bound on it.

Tilings are grids, as `hw_mappings.resources.tiling_of` demands.
"""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass
from math import ceil, inf

import numpy as np

from ecc_lava.common import Array, Float, Int
from ecc_lava.networks import Kind, QuantisedNetwork, QuantisedProjection
from hw_mappings.chips import ChipSpec
from hw_mappings.partition.box_demand import BOUNDED, SLACK, BoxDemand, likeness
from hw_mappings.partition.joint_demand import MOST, JointDemand, is_full, reads_all
from hw_mappings.partition.lower_bound import Bound
from hw_mappings.resources import SynapseModel

__all__ = ["joint_bound_cores", "joint_least"]


@dataclass(frozen=True, eq=False)
class Link:
    """What a projection costs by the labels at both ends.

    Attributes
    ----------
    source, target : str
    prices : float64 (source's channel parts,)
        Price of the axons of a pair of a position of the source and a shard of the target that it reaches.
    pairs : float64 (target's channel parts, its map parts)
        Such pairs at least.
    more : float64 (levels, source's channel parts, its map parts)
        What the source costs more if every position reaches so many shards.
    level : int64 (target's channel parts,)
    room : float64 (source's channel parts, its map parts)
        Pairs at most, by the limit on output axons.
    allowed : bool (source's channel parts, target's map parts)
        Whether the entries that arrive are within the limit on input axons.
    """

    source: str
    target: str
    prices: Float
    pairs: Float
    more: Float
    level: Int
    room: Float
    allowed: Array

    def to_target(self, given: Float) -> Float:
        """Return the least cost of source and link for every label of the target."""
        from hw_mappings.partition.joint_kernel import to_target

        found: Float = to_target(given, self.prices, self.pairs, self.more, self.level, self.room, self.allowed)
        return found

    def to_source(self, given: Float) -> Float:
        """Return the least cost of target and link for every label of the source."""
        from hw_mappings.partition.joint_kernel import to_source

        found: Float = to_source(given, self.prices, self.pairs, self.more, self.level, self.room, self.allowed)
        return found


class _Messages:
    """The costs of all labels, which messages along links move from one population to the next.

    Parameters
    ----------
    costs : population -> float64 (its channel parts, its map parts), in the network's order
    links : sequence of Link
    """

    def __init__(self, costs: Mapping[str, Float], links: Sequence[Link]) -> None:
        self._costs = costs
        self._out: dict[str, list[tuple[Link, int]]] = {name: [] for name in costs}
        self._into: dict[str, list[tuple[Link, int]]] = {name: [] for name in costs}
        for number, link in enumerate(links):
            self._out[link.source].append((link, number))
            self._into[link.target].append((link, number))
        self._at_source = [np.zeros_like(link.room) for link in links]
        self._at_target = [np.zeros_like(link.pairs) for link in links]

    def _held(self, name: str) -> Float:
        """Return a population's costs with what links have moved to it."""
        given = [self._at_source[n] for _, n in self._out[name]] + [self._at_target[n] for _, n in self._into[name]]
        return sum(given, self._costs[name])

    def forwards(self) -> None:
        """Move costs from sources to targets."""
        for name, links in self._out.items():
            share = self._held(name) / max(len(links), len(self._into[name]), 1)
            for link, n in links:
                self._at_source[n] = self._at_source[n] - share
                self._at_target[n] = link.to_target(-self._at_source[n])

    def backwards(self) -> None:
        """Move costs from targets to sources."""
        for name, links in reversed(self._into.items()):
            share = self._held(name) / max(len(links), len(self._out[name]), 1)
            for link, n in links:
                self._at_target[n] = self._at_target[n] - share
                self._at_source[n] = link.to_source(-self._at_target[n])

    def least(self) -> float:
        """Return a lower bound on the least sum: links have moved all that they cost, so that their least is 0."""
        return sum(float(self._held(name).min()) for name in self._costs)


def _link(projection: QuantisedProjection, source: JointDemand, target: JointDemand, number: int, chip: ChipSpec) -> Link:
    """Return the link of the target's n-th projection."""
    slots = chip.amount("population_slots")
    first, last = source.channel_parts.first, source.channel_parts.last
    pairs = target.channel_parts.first[:, None] * target.positions(number)
    discrete = np.full(len(first), source.channels * (source.arriving + source.leaving))
    entries = -(-source.channels // last)
    prices = discrete
    if chip.limit("population_atoms") is not None:
        prices = np.minimum(discrete, first * (source.arriving + slots * source.leaving))
        entries = np.minimum(entries, slots)
    level = np.searchsorted(source.levels, target.channel_parts.first * reads_all(projection, source.shape, target.shape), "right") - 1
    least = source.least
    more = np.where(np.isfinite(least[0]), least - np.where(np.isfinite(least[0]), least[0], 0.0), 0.0)
    arriving = first[:, None] * (target.positions(number) / target.map_parts.last)
    return Link(
        projection.source,
        projection.target,
        prices=prices,
        pairs=np.minimum(pairs, MOST),
        more=np.minimum(more, MOST),
        level=level,
        room=(chip.limit("output_axons") or inf) * source.map_parts.last / entries[:, None],
        allowed=arriving <= (chip.limit("input_axons") or inf) * (1 + SLACK),
    )


def joint_least(network: QuantisedNetwork, chip: ChipSpec, prices: Float, model: SynapseModel) -> float:
    """Return a lower bound on what all shards of any tilings take, in cores; `MOST` or more if no tilings fit.

    Parameters
    ----------
    network : QuantisedNetwork
    chip : ChipSpec
    prices : float64 (resources,)
        Price of a core's whole amount of each resource of `BOUNDED`, in cores.
    model : SynapseModel
    """
    found: dict[Hashable, JointDemand] = {}
    of: dict[str, JointDemand] = {}
    for population in network.populations:
        if population.kind is Kind.INPUT:
            continue
        widest = max((network.by_name[p.target].shape[2] for p in network.projections if p.source == population.name), default=0)
        key = likeness(network, population), widest
        if key not in found:
            found[key] = JointDemand(BoxDemand(network, population, chip, model), prices, widest)
        of[population.name] = found[key]
    links = [
        _link(p, of[p.source], of[name], number, chip)
        for name, joint in of.items()
        for number, p in enumerate(network.into(name))
        if p.source in of and is_full(p, network.by_name[p.source], joint.channels)
    ]
    messages = _Messages({name: np.minimum(joint.least[0], MOST) for name, joint in of.items()}, links)
    for move in (messages.forwards, messages.backwards, messages.forwards):
        move()
    return messages.least()


def joint_bound_cores(network: QuantisedNetwork, chip: ChipSpec, bound: Bound, model: SynapseModel = SynapseModel.STRICT) -> int:
    """Return a number of cores below which no mapping exists, at least that of `bound`, at whose prices it is counted.

    Parameters
    ----------
    network : QuantisedNetwork
    chip : ChipSpec
    bound : Bound
    model : SynapseModel
    """
    least = joint_least(network, chip, np.array([bound.prices[name] for name in BOUNDED]), model)
    return max(bound.cores, ceil(least - SLACK)) if least < MOST else bound.cores
