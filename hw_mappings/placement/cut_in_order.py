"""Cores in the order of the network, cut between chips where the fewest spikes cross."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import numpy as np

from ecc_lava.common import Float
from hw_mappings.chips import Address
from hw_mappings.placement.hilbert import along_a_curve
from hw_mappings.placement.problem import PlacementProblem
from hw_mappings.placement.trees import Trees

__all__ = ["cut_in_order", "cuts", "spikes_across"]


def spikes_across(trees: Trees, cores: int) -> Float:
    """Return the spikes between cores 0..n-1 and the others, by trees on both sides, for n = 0..cores."""
    if not len(trees.targets):
        return np.zeros(cores + 1)
    low = np.minimum(np.minimum.reduceat(trees.targets, trees.starts[:-1]), trees.sources)
    high = np.maximum(np.maximum.reduceat(trees.targets, trees.starts[:-1]), trees.sources)
    steps = np.bincount(low + 1, trees.spikes, cores + 2) - np.bincount(high + 1, trees.spikes, cores + 2)
    across: Float = np.maximum(steps.cumsum()[: cores + 1], 0.0)
    return across


def cuts(across: Float, sizes: list[int]) -> list[int]:
    """Return where parts of at least one core and at most these sizes begin and end, such that the fewest spikes cross.

    Parameters
    ----------
    across : float64 (cores + 1,)
    sizes : most cores of each part; together at least all cores
    """
    cores = len(across) - 1
    best = np.full(cores + 1, np.inf)
    best[0], froms = 0.0, []
    for size in sizes:
        least, start = np.full(cores + 1, np.inf), np.zeros(cores + 1, np.int64)
        for held in range(1, min(size, cores) + 1):
            cost = best[:-held] + across[:-held]
            better = np.flatnonzero(cost < least[held:])
            least[better + held], start[better + held] = cost[better], better
        best = least
        froms.append(start)
    found = [cores]
    for start in reversed(froms):
        found.append(int(start[found[-1]]))
    return found[::-1]


def cut_in_order(problem: PlacementProblem, chips: Sequence[int]) -> tuple[Address, ...]:
    """Give each of some chips a part of the network's order, and place it along a curve over the chip's mesh."""
    chip = problem.chip
    usable = [set(chip.usable(number)) for number in chips]
    ends = cuts(spikes_across(problem.multicast, problem.cores), [len(cores) for cores in usable])
    mesh = along_a_curve(chip.amount("mesh_columns"), chip.amount("mesh_rows"))
    found = []
    for number, cores, (start, stop) in zip(chips, usable, pairwise(ends), strict=True):
        found += [Address(number, core) for core in mesh if core in cores][: stop - start]
    return tuple(found)
