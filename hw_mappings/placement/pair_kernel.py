"""The compiled loop of simulated annealing over pairs of cores."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from ecc_lava.common import Array
from hw_mappings.placement.compiled import borrowing, compiled
from hw_mappings.placement.tree_columns import Place

__all__ = ["anneal"]


class _Neighbours(NamedTuple):
    """Neighbours of core c are entries ``firsts[c]`` to ``firsts[c + 1]``.

    Attributes
    ----------
    firsts : int64 (cores + 1,)
    others : int32 (entries,)
    messages : float64 (entries,)
    at : int32 (cores, 2), where every core is
    """

    firsts: Array
    others: Array
    messages: Array
    at: Array


@borrowing
def _moved(neighbours: _Neighbours, core: int, other: int, here: Place, there: Place, change: float) -> float:
    """Return a change of hops and what moving a core adds to it, where `other` (-1 for none) is its partner in the exchange."""
    for n in range(neighbours.firsts[core], neighbours.firsts[core + 1]):
        near = neighbours.others[n]
        if near != other and near != core:
            x, y = neighbours.at[near, 0], neighbours.at[near, 1]
            longer = abs(there[0] - x) + abs(there[1] - y) - abs(here[0] - x) - abs(here[1] - y)
            change += neighbours.messages[n] * longer
    return change


@compiled
def anneal(positions: Array, firsts: Array, others: Array, messages: Array, moves: int, start: float, end: float, seed: int) -> Array:
    """Return the place of every core; at first core c is in place c.

    Parameters
    ----------
    positions : int64 (places, 2)
    firsts, others, messages : neighbours of core c are entries ``firsts[c]`` to ``firsts[c + 1]``, each pair listed at both cores
    moves : number of exchanges to try
    start, end : first and last temperature, relative to the mean change of an exchange
    seed : seed of the random numbers
    """
    np.random.seed(seed)
    places, cores = positions.shape[0], firsts.shape[0] - 1
    place_of, core_at = np.arange(cores), np.full(places, -1)
    core_at[:cores] = place_of
    neighbours = _Neighbours(firsts, others.astype(np.int32), messages, positions[:cores].astype(np.int32))
    at = neighbours.at
    scale, tried = 0.0, 0
    for move in range(-1000, moves):  # the first thousand only measure the mean change of an exchange
        core = np.random.randint(cores)
        here, there = place_of[core], np.random.randint(places)
        if there == here:
            continue
        swapped = core_at[there]
        before, after = (positions[here, 0], positions[here, 1]), (positions[there, 0], positions[there, 1])
        change = _moved(neighbours, core, swapped, before, after, 0.0)
        if swapped >= 0:
            change = _moved(neighbours, swapped, core, after, before, change)
        if move < 0:
            scale += abs(change)
            tried += 1
            continue
        temperature = start * (end / start) ** (move / moves) * scale / max(tried, 1)
        if change > 0 and (temperature <= 0 or np.random.random() >= np.exp(-change / temperature)):
            continue
        place_of[core], core_at[there], core_at[here] = there, core, swapped
        at[core, 0], at[core, 1] = after
        if swapped >= 0:
            place_of[swapped] = here
            at[swapped, 0], at[swapped, 1] = before
    return place_of
