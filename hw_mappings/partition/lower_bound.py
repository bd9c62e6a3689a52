"""A lower bound on the cores of every mapping, from the network and the chip alone.

The neurons of a population at one place p of its map are in boxes of any sizes. A box b of n(b) neurons around p takes at least the
fraction f(r, b) <= 1 of a core's limit on resource r, and each of its neurons accounts for an equal part of that. Cores may hold boxes of
several populations, so the sum of every resource over all boxes is at most the sum of the cores' limits::

    cores >= min over x >= 0 of  max over r of  sum over p, b of  x(p, b) * f(r, b)   where sum over b of x(p, b) * n(b) = neurons at p

This is a linear programme: x may be fractional, and boxes need not tile the map. Its dual gives every resource a price.

`hw_mappings.partition.box_demand` counts what a box takes at least.
"""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import dataclass
from itertools import product
from math import ceil
from typing import Any, Final

import numpy as np

from ecc_lava.common import Float, Int
from ecc_lava.geometry import Conv
from ecc_lava.networks import Kind, QuantisedNetwork, QuantisedPopulation
from hw_mappings.chips import ChipSpec
from hw_mappings.partition.box_demand import BOUNDED, SLACK, BoxDemand, LeastShares, likeness
from hw_mappings.partition.least_axons import shards_reached
from hw_mappings.partition.least_lists import Place, least_along
from hw_mappings.resources import SynapseModel

__all__ = ["Bound", "lower_bound", "lower_bound_cores"]

_ROUNDS: Final = 40
"""Largest number of rounds of price proposals; a handful suffices."""
_SMALL_MAP: Final = 8
"""Longest side of a map on which every place is examined by itself."""


@dataclass(frozen=True)
class Bound:
    """A lower bound.

    Attributes
    ----------
    cores : int
        No mapping has fewer cores.
    alone : int
        No mapping whose cores each hold a single population has fewer cores.
    prices : resource -> price of a core's whole amount of it, in cores
    parts : population -> the cores at these prices that its neurons take at least
    """

    cores: int
    alone: int
    prices: dict[str, float]
    parts: dict[str, float]


def _programme(columns: list[list[Float]]) -> tuple[float, Float]:
    """Return the optimum over the given boxes of every population, and the price of every resource.

    Parameters
    ----------
    columns : per population and kind of box, what all neurons take in boxes of that kind, (resources,)
    """
    from scipy.optimize import linprog
    from scipy.sparse import block_diag, csr_array, hstack

    number = len(BOUNDED)
    usage = np.concatenate([np.stack(boxes) for boxes in columns]).T
    taken: Any = hstack([csr_array(usage), csr_array(np.full((number, 1), -1.0))])
    whole: Any = hstack([block_diag([csr_array(np.ones((1, len(boxes)))) for boxes in columns]), csr_array((len(columns), 1))])
    cost = np.zeros(usage.shape[1] + 1)
    cost[-1] = 1.0
    solved = linprog(cost, A_ub=taken, b_ub=np.zeros(number), A_eq=whole, b_eq=np.ones(len(columns)), method="highs")
    prices = np.maximum(-solved.ineqlin.marginals, 0.0)
    return float(solved.fun), prices / prices.sum()


def _best_prices(found: list[Float]) -> tuple[float, Float]:
    """Return the largest bound found and its prices.

    Any prices that add up to one give a bound, ``sum over p of min over b of neurons(p) / n(b) * sum over r of price(r) * f(r, b)``. The
    programme over a few boxes of each population proposes prices; the bound at these prices proposes further boxes.

    Parameters
    ----------
    found : per population, what all neurons take in boxes of each kind, (boxes, resources)
    """
    best, prices = 0.0, np.full(len(BOUNDED), 1.0 / len(BOUNDED))
    tried = prices
    columns: list[list[Float]] = [[] for _ in found]
    for _ in range(_ROUNDS):
        worths = [boxes @ tried for boxes in found]
        bound = sum(float(worth.min()) for worth in worths)
        if bound > best:
            best, prices = bound, tried
        for boxes, worth, known in zip(found, worths, columns, strict=True):
            known.append(boxes[int(worth.argmin())])
        optimum, tried = _programme(columns)
        if optimum <= best + SLACK:
            break
    return best, prices


@dataclass(frozen=True, eq=False)
class _Kind:
    """Populations whose boxes take the same.

    Attributes
    ----------
    names : list of str
    around : for each kind of place, the neurons of one population at such places, and what boxes around them take
    """

    names: list[str]
    around: list[tuple[int, LeastShares]]

    def taken(self) -> list[Float]:
        """Return, for each kind of place, what all neurons at such places take in boxes of each size, (boxes, resources)."""
        return [least.shares * (len(self.names) * neurons / least.boxes.prod(axis=1))[:, None] for neurons, least in self.around]


def _places_of(network: QuantisedNetwork, population: QuantisedPopulation) -> list[tuple[int, Place]]:
    """Return the number of places of each kind and one place of the kind: places at a border need less than places inside.

    A large map counts as border everywhere, since borders are a small part of it.
    """
    height, width, _ = population.shape
    if max(height, width) > _SMALL_MAP:
        return [(height * width, (None, None))]
    convs = [(p.geometry, network.by_name[p.source].shape) for p in network.into(population.name) if isinstance(p.geometry, Conv)]
    kinds: dict[bytes, list[Place]] = {}
    for place in product(range(height), range(width)):
        found = [least_along(conv, axis, source, population.shape, place) for conv, source in convs for axis in (0, 1)]
        key = b"/".join(array.tobytes() for least in found for array in (least.entries, least.weights, least.reached))
        kinds.setdefault(key, []).append(place)
    return [(len(places), places[0]) for places in kinds.values()]


def _kinds(network: QuantisedNetwork, chip: ChipSpec, model: SynapseModel) -> list[_Kind]:
    """Return the populations except the inputs.

    Targets come before sources: the boxes of a target that fit tell how many of its shards a neuron of the source reaches.
    """
    found: dict[Hashable, _Kind] = {}
    fitting: dict[str, Int] = {}
    for population in reversed(network.populations):
        if population.kind is Kind.INPUT:
            continue
        out = [p for p in network.projections if p.source == population.name]
        senders = [shards_reached(p, population.shape, network.by_name[p.target].shape, fitting[p.target]) for p in out]
        key = likeness(network, population), tuple(shards.tobytes() for shards in senders)
        if key not in found:
            demand = BoxDemand(network, population, chip, model)
            around = [(places * population.shape[2], demand.around(place, senders)) for places, place in _places_of(network, population)]
            found[key] = _Kind([], around)
        found[key].names.append(population.name)
        fitting[population.name] = np.concatenate([least.boxes for _, least in found[key].around])
    return list(found.values())


def lower_bound(network: QuantisedNetwork, chip: ChipSpec, model: SynapseModel = SynapseModel.STRICT) -> Bound:
    """Return bounds below which no mapping of the network on this chip exists."""
    kinds = _kinds(network, chip, model)
    found = [kind.taken() for kind in kinds]
    cores, prices = _best_prices([boxes for boxes_of in found for boxes in boxes_of])
    alone = sum(float(boxes.max(axis=1).min()) for boxes_of in found for boxes in boxes_of)
    parts = {
        name: sum(float((boxes @ prices).min()) for boxes in boxes_of) / len(kind.names)
        for kind, boxes_of in zip(kinds, found, strict=True)
        for name in kind.names
    }
    return Bound(max(1, ceil(cores - SLACK)), max(1, ceil(alone - SLACK)), dict(zip(BOUNDED, prices.tolist(), strict=True)), parts)


def lower_bound_cores(network: QuantisedNetwork, chip: ChipSpec, model: SynapseModel = SynapseModel.STRICT) -> int:
    """Return a number of cores below which no mapping of the network on this chip exists."""
    return lower_bound(network, chip, model).cores
