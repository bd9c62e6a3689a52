"""The compiled loop of simulated annealing over trees."""

from __future__ import annotations

from typing import Final, NamedTuple

import numpy as np

from ecc_lava.common import Array
from hw_mappings.placement.compiled import borrowing, compiled
from hw_mappings.placement.random_kernel import below, fraction
from hw_mappings.placement.tree_columns import (
    Columns,
    at,
    change_moved,
    has_target,
    length_after,
    length_of,
    with_target,
    without_target,
)

__all__ = ["Board", "Columns", "Forest", "Schedule", "anneal", "change_of", "drawn", "exchange", "grow", "mean_change"]

_NEAR: Final = 2
"""Most columns and rows between a partner of a core and a place tried beside the partner."""


class Forest(NamedTuple):
    """What does not change: trees as in `Trees`; the trees of core c are ``members[firsts[c] : firsts[c + 1]]``."""

    sources: Array
    starts: Array
    targets: Array
    spikes: Array
    firsts: Array
    members: Array


class Board(NamedTuple):
    """Places and the cores on them.

    Attributes
    ----------
    positions : int64 (places, 2), column and row
    grid : int64 (columns, rows), the place there, -1 for none
    place_of : int64 (cores,)
    core_at : int64 (places,), -1 for none
    """

    positions: Array
    grid: Array
    place_of: Array
    core_at: Array


class Schedule(NamedTuple):
    """Moves `begin` to `stop` of `moves`, and the temperatures of the first and the last of all, in spikes times lengths."""

    begin: int
    stop: int
    moves: int
    hot: float
    cold: float


@borrowing
def grow(forest: Forest, board: Board, columns: Columns) -> None:
    """Fill `columns` with the trees of cores in their places."""
    for tree in range(forest.sources.shape[0]):
        begin = forest.starts[tree]
        for n in range(begin, forest.starts[tree + 1]):
            with_target(columns, tree, begin, at(board.positions, board.place_of[forest.targets[n]]))
        columns.lengths[tree] = length_of(columns, tree, begin, at(board.positions, board.place_of[forest.sources[tree]]))


@borrowing
def drawn(forest: Forest, board: Board, core: int, radius: int, state: Array) -> int:
    """Return a place to try for a core: near its own, or near that of another core of one of its trees; -1 if there is none."""
    around = board.place_of[core]
    begin, stop = forest.firsts[core], forest.firsts[core + 1]
    if begin < stop and fraction(state) < 0.5:
        tree = forest.members[begin + below(state, stop - begin)]
        partner = forest.sources[tree]
        if partner == core or fraction(state) < 0.5:
            partner = forest.targets[forest.starts[tree] + below(state, forest.starts[tree + 1] - forest.starts[tree])]
        around, radius = board.place_of[partner], min(radius, _NEAR)
    width, height = board.grid.shape
    column = board.positions[around, 0] + below(state, 2 * radius + 1) - radius
    row = board.positions[around, 1] + below(state, 2 * radius + 1) - radius
    return board.grid[min(max(column, 0), width - 1), min(max(row, 0), height - 1)]


@borrowing
def change_of(forest: Forest, board: Board, columns: Columns, core: int, place: int, tried: Array) -> tuple[int, float]:
    """Return how many trees an exchange of a core with a place touches, and its change.

    `tried`, (2, trees), gets each of these trees and its length after the exchange.
    """
    own, other = board.place_of[core], board.core_at[place]
    here, there = at(board.positions, own), at(board.positions, place)
    number, change = 0, 0.0
    for moved in (core, other):
        if moved < 0:
            break
        for n in range(forest.firsts[moved], forest.firsts[moved + 1]):
            tree = forest.members[n]
            source, length = forest.sources[tree], columns.lengths[tree]
            if moved == other and (source == core or has_target(columns, tree, here)):
                continue  # counted with the first core
            if source in (core, other):
                length = length_after(columns, tree, forest.starts[tree], here, there, there if source == core else here)
            elif moved == core and has_target(columns, tree, there):
                continue  # it has targets at both places before and after
            else:
                gone, come = (here, there) if moved == core else (there, here)
                length += change_moved(columns, tree, gone, come, at(board.positions, board.place_of[source]))
            tried[0, number], tried[1, number] = tree, length
            change += forest.spikes[tree] * (length - columns.lengths[tree])
            number += 1
    return number, change


@borrowing
def exchange(forest: Forest, board: Board, columns: Columns, core: int, place: int, tried: Array) -> None:
    """Exchange a core with a place whose change is known."""
    own, other = board.place_of[core], board.core_at[place]
    here, there = at(board.positions, own), at(board.positions, place)
    for n in range(tried.shape[1]):
        tree = tried[0, n]
        begin, columns.lengths[tree] = forest.starts[tree], tried[1, n]
        is_here = has_target(columns, tree, here)
        if is_here != has_target(columns, tree, there):
            without_target(columns, tree, begin, here if is_here else there)
            with_target(columns, tree, begin, there if is_here else here)
    board.place_of[core], board.core_at[place], board.core_at[own] = place, core, other
    if other >= 0:
        board.place_of[other] = own


@compiled
def mean_change(forest: Forest, board: Board, columns: Columns, tries: int, seed: int) -> float:
    """Return the mean size of the change of a random exchange."""
    state = np.array([seed], np.uint64)
    cores, places, sum_of_all = board.place_of.shape[0], board.core_at.shape[0], 0.0
    tried = np.empty((2, forest.sources.shape[0]), np.int64)
    for _ in range(tries):
        core, place = below(state, cores), below(state, places)
        if place != board.place_of[core]:
            sum_of_all += abs(change_of(forest, board, columns, core, place, tried)[1])
    return sum_of_all / tries


@compiled
def anneal(forest: Forest, board: Board, columns: Columns, schedule: Schedule, seed: int) -> None:
    """Try exchanges of cores with places; worse ones are accepted with probability ``exp(-change / temperature)``.

    Temperatures fall geometrically. Places are tried ever closer to the core.
    """
    state = np.array([seed], np.uint64)
    cores, longest = board.place_of.shape[0], max(board.grid.shape)
    tried, cooling = np.empty((2, forest.sources.shape[0]), np.int64), (schedule.cold / schedule.hot) ** (1 / schedule.moves)
    temperature = schedule.hot * cooling**schedule.begin
    for move in range(schedule.begin, schedule.stop):
        done = move / schedule.moves
        temperature *= cooling
        core = below(state, cores)
        place = drawn(forest, board, core, max(1, int(longest * (1 - done))), state)
        if place < 0 or place == board.place_of[core]:
            continue
        number, change = change_of(forest, board, columns, core, place, tried)
        if change <= 0 or fraction(state) < np.exp(-change / temperature):
            exchange(forest, board, columns, core, place, tried[:, :number])
