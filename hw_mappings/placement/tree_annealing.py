"""Simulated annealing of the links that spikes take where routers copy them, from the best of cheap placements."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Final

import numpy as np

from ecc_lava.common import Int
from hw_mappings.chips import Address, board_positions
from hw_mappings.placement.hilbert import hilbert
from hw_mappings.placement.pair_annealing import pairs_annealed
from hw_mappings.placement.problem import PlacementProblem, tree_hops
from hw_mappings.placement.row_major import row_major
from hw_mappings.placement.trees import Trees

if TYPE_CHECKING:
    from hw_mappings.placement.tree_kernel import Board, Columns, Forest

__all__ = ["grown", "trees_annealed"]

_MOST_PER_CORE: Final = 1_000
_LEAST_PER_CORE: Final = 100
_WORK: Final = 15_000_000
"""Number of trees that are counted anew in all moves, within the bounds of moves for each core; a second."""
_LEAST_WORK, _MOST_WORK = 5_000_000, 60_000_000
"""The same however few and however many cores there are; half a second and some ten."""
_HOTTEST, _MILDEST, _COLD = 0.3, 0.02, 0.005
"""Temperatures relative to the mean change of a random exchange. The first is the higher, the more moves there are for each core."""
_HOT_MOVES: Final = 600
"""Moves for each core from which on the first temperature is the hottest."""
_START_WORK: Final = 20_000_000
"""Work of annealing pairs for a start; a fraction of a second."""
_PARTS: Final = 20
"""Number of parts after which progress is told."""
_QUIET_S: Final = 2.0
"""Seconds for which no progress is told."""
_TRIES: Final = 500
"""Number of exchanges whose mean change is the unit of temperature."""


def _members(trees: Trees, cores: int) -> tuple[Int, Int]:
    """Return the trees of every core, core after core, and where those of each core begin, (cores + 1,)."""
    numbers = np.arange(len(trees.sources))
    cores_of = np.concatenate([trees.sources, trees.targets])
    order = np.argsort(cores_of, kind="stable")
    trees_of = np.concatenate([numbers, np.repeat(numbers, np.diff(trees.starts))])[order]
    return trees_of, np.searchsorted(cores_of[order], np.arange(cores + 1))


def grown(trees: Trees, cores: int, positions: Int) -> tuple[Forest, Board, Columns]:
    """Return trees, places and columns for the compiled loop, with core c in place c, at (column, row) ``positions[c]``."""
    from hw_mappings.placement.tree_kernel import Board, Columns, Forest, grow

    places, entries = len(positions), len(trees.targets)
    grid = np.full(positions.max(axis=0) + 1, -1)
    grid[positions[:, 0], positions[:, 1]] = np.arange(places)
    members, firsts = _members(trees, cores)
    forest = Forest(trees.sources, trees.starts, trees.targets, trees.spikes, firsts, members)
    board = Board(positions, grid, np.arange(cores), np.where(np.arange(places) < cores, np.arange(places), -1))
    used, links = np.zeros((2, len(trees.sources)), np.int64)
    rows = np.zeros((entries, -(-grid.shape[1] // 64)), np.uint64)
    columns = Columns(used, links, np.zeros((entries, 3), np.int64), rows)
    grow(forest, board, columns)
    return forest, board, columns


def _exchanged(problem: PlacementProblem, trees: Trees, start: tuple[Address, ...]) -> tuple[Address, ...]:
    """Exchange cores with each other and with free places on the chips of a placement; deterministic in the seed."""
    from hw_mappings.placement.tree_kernel import Schedule, anneal, mean_change

    started, chip, cores = time.monotonic(), problem.chip, problem.cores
    free = {Address(c, core) for c in {address.chip for address in start} for core in chip.usable(c)} - set(start)
    places = [*start, *sorted(free)]
    positions = board_positions(places, chip)
    forest, board, columns = grown(trees, cores, positions - positions.min(axis=0))
    for_all = 2 * len(forest.members)  # trees that one exchange of every core touches: its own, and those of the other core
    usual = min(max(_WORK / for_all, _LEAST_PER_CORE), _MOST_PER_CORE)
    per_core = min(max(usual, _LEAST_WORK / for_all), _MOST_WORK / for_all)
    moves = int(per_core * cores)
    unit = mean_change(forest, board, columns, _TRIES, problem.seed) or 1.0
    hot = max(_MILDEST, _HOTTEST * min(1.0, per_core / _HOT_MOVES))
    for part in range(_PARTS):
        begin, stop = part * moves // _PARTS, (part + 1) * moves // _PARTS
        anneal(forest, board, columns, Schedule(begin, stop, moves, hot * unit, _COLD * unit), problem.seed * _PARTS + part + 1)
        if problem.progress is not None and time.monotonic() - started > _QUIET_S:
            problem.progress(part + 1, _PARTS)
    return tuple(places[place] for place in board.place_of)


def trees_annealed(problem: PlacementProblem) -> tuple[Address, ...]:
    """Anneal the trees of all spikes; never worse than in row-major order, along the curve, or with pairs of cores annealed for a while."""
    trees, chip = problem.multicast, problem.chip
    starts = [row_major(problem), hilbert(problem), pairs_annealed(problem, _START_WORK)]
    start = min(starts, key=lambda addresses: tree_hops(trees, addresses, chip))
    if not len(trees.targets):
        return start
    return min((_exchanged(problem, trees, start), start), key=lambda addresses: tree_hops(trees, addresses, chip))
