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
from math import ceil
from typing import Any, Final

import numpy as np

from ecc_lava.common import Float
from ecc_lava.networks import Kind, QuantisedNetwork, QuantisedPopulation
from hw_mappings.chips import ChipSpec
from hw_mappings.partition.box_demand import BOUNDED, SLACK, boxes_within, least_shares, likeness, places_of
from hw_mappings.resources import SynapseModel

__all__ = ["Bound", "lower_bound", "lower_bound_cores"]

_ROUNDS: Final = 40
"""Largest number of rounds of price proposals; a handful suffices."""


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
    """

    cores: int
    alone: int
    prices: dict[str, float]


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


def lower_bound(network: QuantisedNetwork, chip: ChipSpec, model: SynapseModel = SynapseModel.STRICT) -> Bound:
    """Return bounds below which no mapping of the network on this chip exists."""
    most = max(1, chip.amount("compartments") // chip.amount("compartments_per_neuron"))
    alike: dict[Hashable, list[QuantisedPopulation]] = {}
    for population in network.populations:
        if population.kind is not Kind.INPUT:
            alike.setdefault(likeness(network, population), []).append(population)
    found = []
    for population, *others in alike.values():
        boxes = boxes_within(population.shape, most)
        for number, place in places_of(network, population):
            neurons, shares = least_shares(network, population, boxes, place, chip, model)
            found.append(shares * (number * population.shape[2] * (1 + len(others)) / neurons)[:, None])
    cores, prices = _best_prices(found)
    alone = sum(float(boxes.max(axis=1).min()) for boxes in found)
    return Bound(max(1, ceil(cores - SLACK)), max(1, ceil(alone - SLACK)), dict(zip(BOUNDED, prices.tolist(), strict=True)))


def lower_bound_cores(network: QuantisedNetwork, chip: ChipSpec, model: SynapseModel = SynapseModel.STRICT) -> int:
    """Return a number of cores below which no mapping of the network on this chip exists."""
    return lower_bound(network, chip, model).cores
