"""Simulated annealing of the links that spikes take where routers copy them, from the best of cheap placements.

Links between chips are longer than those inside a chip. The first moves weigh lengths alone, the others the busiest links too.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import TYPE_CHECKING, Final

import numpy as np

from ecc_lava.common import Int
from hw_mappings.chips import Address, ChipSpec, board_positions
from hw_mappings.placement.cut_in_order import cut_in_order
from hw_mappings.placement.hilbert import hilbert
from hw_mappings.placement.links import loads, routes
from hw_mappings.placement.pair_annealing import pairs_annealed
from hw_mappings.placement.problem import CROSSING, PlacementProblem, stretched, tree_lengths
from hw_mappings.placement.row_major import row_major
from hw_mappings.placement.trees import Trees

if TYPE_CHECKING:
    from hw_mappings.placement.tree_kernel import Board, Columns, Forest

__all__ = ["cost", "grown", "trees_annealed"]

_MOST_PER_CORE: Final = 1_000
_LEAST_PER_CORE: Final = 50
_WORK: Final = 20_000_000
"""Number of trees that are counted anew in all moves, within the bounds of moves for each core; three seconds."""
_LEAST_WORK, _MOST_WORK = 5_000_000, 60_000_000
"""The same however few and however many cores there are; a second and some ten."""
_ENOUGH_PER_CORE: Final = 10_000
"""Moves for each core beyond which none is found that helps; a handful of cores would take millions otherwise."""
_HOTTEST, _MILDEST, _COLD = 0.25, 0.02, 0.005
"""Temperatures relative to the mean change of a random exchange. The first is the higher, the more moves there are for each core."""
_HOT_MOVES: Final = 600
"""Moves for each core from which on the first temperature is the hottest."""
_START_WORK: Final = 100_000_000
"""Work of annealing pairs for a start; a fraction of a second."""
_WORTH: Final = 0.5
"""What the spikes on the busiest link are worth relative to the lengths of all trees."""
_RELIEF_MOVES: Final = 5_000
"""Most moves for each core that also weigh the busiest links."""
_RELIEF_WORK: Final = 10_000_000
"""Number of links and trees that are counted anew in all of them; about a second."""
_RELIEF_LINKS: Final = 5
"""Links of a tree that an exchange counts anew, about."""
_RELIEF_HOT: Final = 0.15
"""Their first temperature where there are many moves for each core, relative to the mean change of a random exchange."""
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


def grown(trees: Trees, cores: int, positions: Int, chip: ChipSpec, crossing: int = CROSSING) -> tuple[Forest, Board, Columns]:
    """Return trees, places and columns for the compiled loops, with core c in place c, at (column, row) ``positions[c]`` of the board."""
    from hw_mappings.placement.tree_kernel import Board, Columns, Forest, grow

    corner, (width, height) = positions.min(axis=0), np.ptp(positions, axis=0) + 1
    mesh = np.arange(max(width, height))[:, None] + corner
    across, along = (line.copy() for line in stretched(mesh, chip, crossing).T)
    positions, places, entries = positions - corner, len(positions), len(trees.targets)
    grid = np.full((width, height), -1)
    grid[positions[:, 0], positions[:, 1]] = np.arange(places)
    members, firsts = _members(trees, cores)
    forest = Forest(trees.sources, trees.starts, trees.targets, trees.spikes, firsts, members)
    core_at = np.where(np.arange(places) < cores, np.arange(places), -1)
    board = Board(positions, grid, (across[:width], along[:height]), np.arange(cores), core_at)
    used, lengths = np.zeros((2, len(trees.sources)), np.int64)
    rows = np.zeros((entries, -(-grid.shape[1] // 64)), np.uint64)
    of_column = np.full((len(trees.sources), len(grid) + 2), -1, np.int32)
    columns = Columns(used, lengths, np.zeros((entries, 4), np.int64), rows, of_column)
    grow(forest, board, columns)
    return forest, board, columns


def _exchanged(problem: PlacementProblem, trees: Trees, start: tuple[Address, ...]) -> tuple[Address, ...]:
    """Exchange cores with each other and with free places on the chips of a placement; deterministic in the seed."""
    from hw_mappings.placement.tree_kernel import Schedule, anneal, mean_change

    started, chip, cores = time.monotonic(), problem.chip, problem.cores
    free = {Address(c, core) for c in {address.chip for address in start} for core in chip.usable(c)} - set(start)
    places = [*start, *sorted(free)]
    forest, board, columns = grown(trees, cores, board_positions(places, chip), chip)
    for_all = 2 * len(forest.members)  # trees that one exchange of every core touches: its own, and those of the other core
    usual = min(max(_WORK / for_all, _LEAST_PER_CORE), _MOST_PER_CORE)
    per_core = min(max(usual, _LEAST_WORK / for_all), _MOST_WORK / for_all, _ENOUGH_PER_CORE)
    moves = int(per_core * cores)
    heat = min(1.0, per_core / _HOT_MOVES) ** 2
    unit = mean_change(*grown(trees, cores, board_positions(places, chip), chip, 1), _TRIES, problem.seed) or 1.0
    hot = max(_MILDEST * unit, _HOTTEST * heat * mean_change(forest, board, columns, _TRIES, problem.seed))
    for part in range(_PARTS):
        begin, stop = part * moves // _PARTS, (part + 1) * moves // _PARTS
        anneal(forest, board, columns, Schedule(begin, stop, moves, hot, _COLD * unit), problem.seed * _PARTS + part + 1)
        if problem.progress is not None and time.monotonic() - started > _QUIET_S:
            problem.progress(part + 1, _PARTS)
    mild = max(_MILDEST, _RELIEF_HOT * min(1.0, _RELIEF_WORK / (_RELIEF_LINKS * for_all) / _HOT_MOVES) ** 2)
    _relieved(forest, board, columns, (mild * unit, _COLD * unit), problem.seed)
    return tuple(places[place] for place in board.place_of)


def _relieved(forest: Forest, board: Board, columns: Columns, temperatures: tuple[float, float], seed: int) -> None:
    """Anneal further, from a mild temperature, by the lengths of trees and the spikes on the busiest links."""
    from hw_mappings.placement.tree_loads import carry
    from hw_mappings.placement.tree_relief import Relief, relieve

    worth, scale = _WORTH * float(forest.spikes @ columns.lengths), float(carry(forest, board, columns).max())
    if scale > 0:
        moves = _RELIEF_MOVES * len(board.place_of)
        relieve(forest, board, columns, Relief(moves, _RELIEF_WORK, *temperatures, scale, worth), seed)


def cost(trees: Trees, addresses: Sequence[Address], chip: ChipSpec) -> float:
    """Return the lengths of all trees times a root of the spikes on the busiest link.

    A percent fewer spikes on the busiest link is worth as much as `_WORTH` percent of the lengths, at any scale of either.
    """
    return tree_lengths(trees, addresses, chip) * routes(loads(trees, addresses, chip), chip).busiest_messages ** _WORTH


def trees_annealed(problem: PlacementProblem) -> tuple[Address, ...]:
    """Anneal the trees of all spikes.

    By `cost`, never worse than in row-major order, along the curve, cut in order, or with pairs of cores annealed for a while.
    """
    trees, chip = problem.multicast, problem.chip
    starts = [row_major(problem), hilbert(problem)]
    if not len(trees.targets):
        return starts[1]
    starts += [cut_in_order(problem, list(dict.fromkeys(address.chip for address in start))) for start in starts]
    starts.append(pairs_annealed(problem, _START_WORK))
    start = min(starts, key=lambda addresses: tree_lengths(trees, addresses, chip))
    return min((_exchanged(problem, trees, start), *starts), key=lambda addresses: cost(trees, addresses, chip))
