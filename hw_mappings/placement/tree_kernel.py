"""The compiled loop of simulated annealing over trees."""

from __future__ import annotations

from typing import Final, NamedTuple

import numpy as np

from ecc_lava.common import Array
from hw_mappings.placement.compiled import compiled
from hw_mappings.placement.tree_columns import (
    Columns,
    at,
    change_moved,
    has_target,
    length_after,
    settle,
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
    lines : int64 (columns,), int64 (rows,), where columns and rows lie; a link is as long as its ends are apart
    place_of : int64 (cores,)
    core_at : int64 (places,), -1 for none
    """

    positions: Array
    grid: Array
    lines: tuple[Array, Array]
    place_of: Array
    core_at: Array


class Schedule(NamedTuple):
    """Moves `begin` to `stop` of `moves`, and the temperatures of the first and the last of all, in spikes times lengths."""

    begin: int
    stop: int
    moves: int
    hot: float
    cold: float


@compiled
def grow(forest: Forest, board: Board, columns: Columns) -> None:
    """Fill `columns` with the trees of cores in their places."""
    spans, rows = columns.spans, columns.rows
    for tree in range(forest.sources.shape[0]):
        begin = stop = forest.starts[tree]
        for n in range(begin, forest.starts[tree + 1]):
            stop = with_target(spans, rows, begin, stop, at(board.positions, board.place_of[forest.targets[n]]))
        source = at(board.positions, board.place_of[forest.sources[tree]])
        columns.used[tree] = stop - begin
        columns.lengths[tree] = length_after(spans, rows, board.lines, begin, stop, (-1, -1), (-1, -1), source)
        settle(spans, columns.entries, board.lines[1], tree, begin, stop, source[1])


@compiled
def drawn(forest: Forest, board: Board, core: int, radius: int) -> int:
    """Return a place to try for a core: near its own, or near that of another core of one of its trees; -1 if there is none."""
    around = board.place_of[core]
    begin, stop = forest.firsts[core], forest.firsts[core + 1]
    if begin < stop and np.random.random() < 0.5:
        tree = forest.members[np.random.randint(begin, stop)]
        partner = forest.sources[tree]
        if partner == core or np.random.random() < 0.5:
            partner = forest.targets[np.random.randint(forest.starts[tree], forest.starts[tree + 1])]
        around, radius = board.place_of[partner], min(radius, _NEAR)
    width, height = board.grid.shape
    column = board.positions[around, 0] + np.random.randint(-radius, radius + 1)
    row = board.positions[around, 1] + np.random.randint(-radius, radius + 1)
    return board.grid[min(max(column, 0), width - 1), min(max(row, 0), height - 1)]


@compiled
def change_of(forest: Forest, board: Board, columns: Columns, core: int, place: int, tried: Array) -> tuple[int, float]:
    """Return how many trees an exchange of a core with a place touches, and its change.

    `tried`, (2, trees), gets each of these trees and its length after the exchange.
    """
    spans, rows, entries, lines = columns.spans, columns.rows, columns.entries, board.lines
    own, other = board.place_of[core], board.core_at[place]
    here, there = at(board.positions, own), at(board.positions, place)
    number, change = 0, 0.0
    for moved in (core, other):
        if moved < 0:
            break
        for n in range(forest.firsts[moved], forest.firsts[moved + 1]):
            tree = forest.members[n]
            source, begin = forest.sources[tree], forest.starts[tree]
            if moved == other and (source == core or has_target(rows, entries, tree, here)):
                continue  # counted with the first core
            stop = begin + columns.used[tree]
            if source in (core, other):
                length = length_after(spans, rows, lines, begin, stop, here, there, there if source == core else here)
            else:
                stays = at(board.positions, board.place_of[source])
                length = columns.lengths[tree] + change_moved(spans, rows, entries, lines, tree, (begin, stop), (here, there), stays)
            tried[0, number], tried[1, number] = tree, length
            change += forest.spikes[tree] * (length - columns.lengths[tree])
            number += 1
    return number, change


@compiled
def exchange(forest: Forest, board: Board, columns: Columns, core: int, place: int, tried: Array) -> None:
    """Exchange a core with a place whose change is known."""
    spans, rows, entries, lines = columns.spans, columns.rows, columns.entries, board.lines
    own, other = board.place_of[core], board.core_at[place]
    here, there = at(board.positions, own), at(board.positions, place)
    for n in range(tried.shape[1]):
        tree = tried[0, n]
        begin, columns.lengths[tree] = forest.starts[tree], tried[1, n]
        source, stop = forest.sources[tree], begin + columns.used[tree]
        is_here, is_there = has_target(rows, entries, tree, here), has_target(rows, entries, tree, there)
        if is_here != is_there:
            gone, come = (here, there) if is_here else (there, here)
            stop = with_target(spans, rows, begin, without_target(spans, rows, begin, stop, gone), come)
            columns.used[tree], entries[tree, gone[0]] = stop - begin, -1
        if is_here != is_there or source in (core, other):
            now = place if source == core else own if source == other else board.place_of[source]
            settle(spans, entries, lines[1], tree, begin, stop, board.positions[now, 1])
    board.place_of[core], board.core_at[place], board.core_at[own] = place, core, other
    if other >= 0:
        board.place_of[other] = own


@compiled
def mean_change(forest: Forest, board: Board, columns: Columns, tries: int, seed: int) -> float:
    """Return the mean size of the change of a random exchange."""
    np.random.seed(seed)
    cores, places, sum_of_all = board.place_of.shape[0], board.core_at.shape[0], 0.0
    tried = np.empty((2, forest.sources.shape[0]), np.int64)
    for _ in range(tries):
        core, place = np.random.randint(cores), np.random.randint(places)
        if place != board.place_of[core]:
            sum_of_all += abs(change_of(forest, board, columns, core, place, tried)[1])
    return sum_of_all / tries


@compiled
def anneal(forest: Forest, board: Board, columns: Columns, schedule: Schedule, seed: int) -> None:
    """Try exchanges of cores with places; worse ones are accepted with probability ``exp(-change / temperature)``.

    Temperatures fall geometrically. Places are tried ever closer to the core.
    """
    np.random.seed(seed)
    cores, longest = board.place_of.shape[0], max(board.grid.shape)
    tried = np.empty((2, forest.sources.shape[0]), np.int64)
    for move in range(schedule.begin, schedule.stop):
        done = move / schedule.moves
        core = np.random.randint(cores)
        place = drawn(forest, board, core, max(1, int(longest * (1 - done))))
        if place < 0 or place == board.place_of[core]:
            continue
        number, change = change_of(forest, board, columns, core, place, tried)
        temperature = schedule.hot * (schedule.cold / schedule.hot) ** done
        if change <= 0 or np.random.random() < np.exp(-change / temperature):
            exchange(forest, board, columns, core, place, tried[:, :number])
