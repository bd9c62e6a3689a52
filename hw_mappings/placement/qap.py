"""Solve a quadratic assignment problem per chip with scipy's fast approximate solver; cores on other chips are fixed points."""

from __future__ import annotations

import numpy as np

from ecc_lava.common import Float, Int
from hw_mappings.chips import Address, board_positions
from hw_mappings.placement.hilbert import hilbert
from hw_mappings.placement.problem import PlacementProblem

__all__ = ["qap"]


def _distances(a: Int, b: Int) -> Int:
    hops: Int = np.abs(a[:, None, :] - b[None, :, :]).sum(axis=2)
    return hops


def _solved(traffic: Float, places: Int, outside: Float, fixed: Int) -> Int:
    """Return the place of every core.

    Parameters
    ----------
    traffic : (cores, cores), messages between cores
    places : (places, 2), at least as many as cores
    outside : (cores, fixed points), messages between cores and fixed points
    fixed : (fixed points, 2)
    """
    from scipy.optimize import quadratic_assignment

    cores, number, points = len(traffic), len(places), len(fixed)
    flow = np.zeros((number + points, number + points))
    flow[:cores, :cores] = traffic
    flow[:cores, number:], flow[number:, :cores] = outside, outside.T
    everywhere = np.concatenate([places, fixed])
    held = np.stack([np.arange(number, number + points)] * 2, axis=1)
    options = {"partial_match": held, "rng": np.random.default_rng(0)}  # not the global generator, which a caller may have seeded
    solved = quadratic_assignment(flow, _distances(everywhere, everywhere), method="faq", options=options)
    found: Int = solved.col_ind[:cores]
    return found


def qap(problem: PlacementProblem) -> tuple[Address, ...]:
    """Give every chip the cores of the Hilbert placement, and solve for their places chip after chip."""
    addresses = list(hilbert(problem))
    traffic, chip = problem.traffic, problem.chip
    positions = board_positions(addresses, chip)
    of_chip = np.array([address.chip for address in addresses])
    for number in dict.fromkeys(of_chip.tolist()):
        own = np.flatnonzero(of_chip == number)
        local = np.full(problem.cores, -1)
        local[own] = np.arange(len(own))
        inner = np.zeros((len(own), len(own)))
        neighbours: dict[tuple[int, ...], Float] = {}
        for ends in ((traffic.sources, traffic.targets), (traffic.targets, traffic.sources)):
            here = local[ends[0]] >= 0
            inside = here & (local[ends[1]] >= 0)
            np.add.at(inner, (local[ends[0][inside]], local[ends[1][inside]]), traffic.messages[inside])
            leaving = here & ~inside
            for core, other, messages in zip(local[ends[0][leaving]], ends[1][leaving], traffic.messages[leaving], strict=True):
                point = neighbours.setdefault(tuple(positions[other].tolist()), np.zeros(len(own)))
                point[core] += messages
        places = [Address(number, core) for core in chip.usable(number)]
        fixed = np.array(list(neighbours), np.int64).reshape(-1, 2)
        outside = np.stack(list(neighbours.values()), axis=1) if neighbours else np.zeros((len(own), 0))
        found = _solved(inner, board_positions(places, chip), outside, fixed)
        for core, place in zip(own, found, strict=True):
            addresses[core] = places[place]
        positions[own] = board_positions([addresses[core] for core in own], chip)
    return tuple(addresses)
