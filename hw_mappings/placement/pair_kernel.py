"""The compiled loop of simulated annealing over pairs of cores."""

from __future__ import annotations

import numpy as np

from ecc_lava.common import Array
from hw_mappings.placement.compiled import compiled

__all__ = ["anneal"]


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
    scale, tried = 0.0, 0
    for move in range(-1000, moves):  # the first thousand only measure the mean change of an exchange
        core = np.random.randint(cores)
        here, there = place_of[core], np.random.randint(places)
        if there == here:
            continue
        swapped = core_at[there]
        change = 0.0
        for n in range(firsts[core], firsts[core + 1]):
            if others[n] != swapped and others[n] != core:
                x, y = positions[place_of[others[n]]]
                was = abs(positions[here, 0] - x) + abs(positions[here, 1] - y)
                change += messages[n] * (abs(positions[there, 0] - x) + abs(positions[there, 1] - y) - was)
        if swapped >= 0:
            for n in range(firsts[swapped], firsts[swapped + 1]):
                if others[n] != core and others[n] != swapped:
                    x, y = positions[place_of[others[n]]]
                    was = abs(positions[there, 0] - x) + abs(positions[there, 1] - y)
                    change += messages[n] * (abs(positions[here, 0] - x) + abs(positions[here, 1] - y) - was)
        if move < 0:
            scale += abs(change)
            tried += 1
            continue
        temperature = start * (end / start) ** (move / moves) * scale / max(tried, 1)
        if change > 0 and (temperature <= 0 or np.random.random() >= np.exp(-change / temperature)):
            continue
        place_of[core], core_at[there], core_at[here] = there, core, swapped
        if swapped >= 0:
            place_of[swapped] = here
    return place_of
