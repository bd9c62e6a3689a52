"""Simulated annealing of the links that spikes take where routers copy them, mostly from a placement by cuts.

Links between chips are longer than those inside a chip. The first moves weigh lengths alone, the others the busiest links too.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import TYPE_CHECKING, Final

import numpy as np

from ecc_lava.common import Int
from hw_mappings.chips import Address, ChipSpec, board_positions
from hw_mappings.placement.bisected import bisected, rectangles
from hw_mappings.placement.hilbert import hilbert
from hw_mappings.placement.links import loads, routes
from hw_mappings.placement.problem import CROSSING, PlacementProblem, stretched, tree_lengths
from hw_mappings.placement.row_major import row_major
from hw_mappings.placement.trees import Trees, members

if TYPE_CHECKING:
    from hw_mappings.placement.tree_kernel import Board, Columns, Forest

__all__ = ["cost", "grown", "trees_annealed"]

_WORK_PER_CORE: Final = 40_000
"""Number of trees that are counted anew in all moves, for each core; about two milliseconds."""
_MOST_WORK: Final = 100_000_000
"""The same of all cores; some five seconds."""
_MOST_PER_CORE: Final = 2_000
"""Moves for each core beyond which longer annealing gains little."""
_HOT: Final = 24e-6
"""First temperature for each move of a core, relative to the mean change of a random exchange: few would not mend what a hot one breaks."""
_MILDEST: Final = 0.001
"""The least of that temperature."""
_COLD, _COOLED = 0.005, 0.25
"""The last temperature at most, in the same unit and relative to the first."""
_WORTH: Final = 0.5
"""What the spikes on the busiest link are worth relative to the lengths of all trees."""
_RELIEF_MOVES: Final = 5_000
"""Most moves for each core that also weigh the busiest links."""
_RELIEF_PER_CORE, _MOST_RELIEF = 30_000, 60_000_000
"""Number of links and trees that are counted anew in all of them, for each core and of all cores; about a millisecond and two seconds."""
_RELIEF_HEAT: Final = 0.5
"""Their temperatures relative to those of the moves before."""
_PARTS: Final = 20
"""Number of parts after which progress is told."""
_QUIET_S: Final = 2.0
"""Seconds for which no progress is told."""
_TRIES: Final = 500
"""Number of exchanges whose mean change is the unit of temperature."""


def grown(trees: Trees, cores: int, positions: Int, chip: ChipSpec, crossing: int = CROSSING) -> tuple[Forest, Board, Columns]:
    """Return trees, places and columns for the compiled loops, with core c in place c, at (column, row) ``positions[c]`` of the board."""
    from hw_mappings.placement.tree_kernel import Board, Columns, Forest, grow

    corner, (width, height) = positions.min(axis=0), np.ptp(positions, axis=0) + 1
    mesh = np.arange(max(width, height))[:, None] + corner
    across, along = (line.copy() for line in stretched(mesh, chip, crossing).T)
    positions, places, entries = positions - corner, len(positions), len(trees.targets)
    grid = np.full((width, height), -1)
    grid[positions[:, 0], positions[:, 1]] = np.arange(places)
    trees_of, firsts = members(trees, cores)
    forest = Forest(trees.sources, trees.starts, trees.targets, trees.spikes, firsts, trees_of)
    core_at = np.where(np.arange(places) < cores, np.arange(places), -1)
    board = Board(positions, grid, np.arange(cores), core_at)
    used, lengths = np.zeros((2, len(trees.sources)), np.int64)
    rows, wide = (np.zeros((number, -(-bits // 64)), np.uint64) for number, bits in ((entries, height), (len(trees.sources), width)))
    of_column = np.full((len(trees.sources), width), -1, np.int32)
    columns = Columns(used, lengths, np.zeros(entries, np.int64), rows, of_column, wide, (across[:width], along[:height]))
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
    per_core = min(min(_WORK_PER_CORE * cores, _MOST_WORK) / for_all, _MOST_PER_CORE)
    moves = max(1, int(per_core * cores))
    unit = mean_change(*grown(trees, cores, board_positions(places, chip), chip, 1), _TRIES, problem.seed) or 1.0
    hot = max(_HOT * per_core, _MILDEST) * unit
    cold = min(_COLD * unit, _COOLED * hot)
    for part in range(_PARTS):
        begin, stop = part * moves // _PARTS, (part + 1) * moves // _PARTS
        anneal(forest, board, columns, Schedule(begin, stop, moves, hot, cold), problem.seed * _PARTS + part + 1)
        if problem.progress is not None and time.monotonic() - started > _QUIET_S:
            problem.progress(part + 1, _PARTS)
    _relieved(forest, board, columns, (_RELIEF_HEAT * hot, _RELIEF_HEAT * cold), problem.seed)
    return tuple(places[place] for place in board.place_of)


def _relieved(forest: Forest, board: Board, columns: Columns, temperatures: tuple[float, float], seed: int) -> None:
    """Anneal anew by the lengths of trees and the spikes on the busiest links."""
    from hw_mappings.placement.tree_loads import carry
    from hw_mappings.placement.tree_relief import Relief, relieve

    worth, scale = _WORTH * float(forest.spikes @ columns.lengths), float(carry(forest, board, columns).max())
    if scale > 0:
        cores = len(board.place_of)
        work = min(_RELIEF_PER_CORE * cores, _MOST_RELIEF)
        relieve(forest, board, columns, Relief(_RELIEF_MOVES * cores, work, *temperatures, scale, worth), seed)


def cost(trees: Trees, addresses: Sequence[Address], chip: ChipSpec) -> float:
    """Return the lengths of all trees times a root of the spikes on the busiest link.

    A percent fewer spikes on the busiest link is worth as much as `_WORTH` percent of the lengths, at any scale of either.
    """
    return tree_lengths(trees, addresses, chip) * routes(loads(trees, addresses, chip), chip).busiest_messages ** _WORTH


def _cut(problem: PlacementProblem) -> tuple[Address, ...]:
    """Return the placement by cuts with the shortest trees, over ever more rows of chips until they are longer."""
    found = None
    for chips in rectangles(problem):
        addresses = bisected(problem, chips)
        length = tree_lengths(problem.multicast, addresses, problem.chip)
        if found is not None and length > found[0]:
            break
        found = length, addresses
    assert found is not None, "no chips that hold all cores"
    return found[1]


def trees_annealed(problem: PlacementProblem) -> tuple[Address, ...]:
    """Anneal the trees of all spikes from the shortest of a placement by cuts, row-major order and the curve; by `cost`, never worse."""
    trees, chip = problem.multicast, problem.chip
    if not len(trees.targets):
        return hilbert(problem)
    starts = _cut(problem), row_major(problem), hilbert(problem)
    start = min(starts, key=lambda addresses: tree_lengths(trees, addresses, chip))
    return min((_exchanged(problem, trees, start), *starts), key=lambda addresses: cost(trees, addresses, chip))
