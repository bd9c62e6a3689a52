"""Exchanges of cores that relieve the busiest links; compiled code."""

from __future__ import annotations

from typing import Final, NamedTuple

import numpy as np

from ecc_lava.common import Array
from hw_mappings.placement.compiled import borrowing, compiled
from hw_mappings.placement.random_kernel import below, fraction
from hw_mappings.placement.tree_columns import Place, at, ends
from hw_mappings.placement.tree_kernel import Board, Columns, Forest, change_of, drawn, exchange
from hw_mappings.placement.tree_loads import POWER, Carried, carry, reload, strain

__all__ = ["Relief", "relieve"]

_SEEN: Final = 200
"""Exchanges after which the busiest link is looked for anew."""
_MOST: Final = 0.03
"""Share of strain that one exchange is thought to relieve at most; what lengthens trees by more than that is worth is not looked at."""
_RADIUS: Final = 3
"""Most columns and rows between a core and a place tried for it."""


class Relief(NamedTuple):
    """How long to relieve links, and what that is worth.

    Attributes
    ----------
    moves, work : float
        Exchanges to try, and links and trees to count anew, at most.
    hot, cold : float
        First and last temperature, in spikes times lengths.
    scale : float
        Spikes on a link that count as strain 1.
    worth : float
        What so many spikes on the busiest link are worth, in spikes times lengths.
    """

    moves: float
    work: float
    hot: float
    cold: float
    scale: float
    worth: float


@borrowing
def _takes(columns: Columns, tree: int, source: Place, way: int, column: int, row: int) -> bool:
    """Whether a tree takes a link."""
    if way < 2:
        left, right = ends(columns.across, tree, -1, -1, source[0])
        return row == source[1] and (source[0] <= column < right if way == 0 else left <= column < source[0])
    if columns.entries[tree, column] < 0:
        return False
    first, last = ends(columns.rows, columns.entries[tree, column], -1, -1, source[1])
    return source[1] <= row < last if way == 2 else first <= row < source[1]


@borrowing
def _on_busiest(forest: Forest, board: Board, columns: Columns, loads: Array, found: Array) -> int:
    """Fill `found`, (trees,), with the trees that take the busiest link, and return their number."""
    number, most, (way, column, row) = 0, -1.0, (0, 0, 0)
    for link in np.ndindex(loads.shape):
        if loads[link] > most:
            most, (way, column, row) = loads[link], link
    for tree in range(forest.sources.shape[0]):
        if _takes(columns, tree, at(board.positions, board.place_of[forest.sources[tree]]), way, column, row):
            found[number] = tree
            number += 1
    return number


@borrowing
def _hot_core(forest: Forest, hot: Array, state: Array) -> int:
    """Return a core of one of some trees: its source as often as a target."""
    tree = hot[below(state, hot.shape[0])]
    if fraction(state) < 0.5:
        return forest.sources[tree]
    return forest.targets[forest.starts[tree] + below(state, forest.starts[tree + 1] - forest.starts[tree])]


@compiled
def relieve(forest: Forest, board: Board, columns: Columns, relief: Relief, seed: int) -> None:
    """Try exchanges of cores with places; those that lengthen trees more than they relieve links are accepted ever more rarely.

    Half of the cores are of trees that take the busiest link.
    """
    state = np.array([seed], np.uint64)
    cores, trees = board.place_of.shape[0], forest.sources.shape[0]
    tried, before, lie = np.empty((2, trees), np.int64), np.empty((2, trees), np.int64), np.empty((2, trees), np.int64)
    hot, number, work, moves = np.empty(trees, np.int64), 0, 0, 0
    carried, strained, temperature = Carried(carry(forest, board, columns), relief.scale), 0.0, relief.hot
    while moves < relief.moves and work < relief.work:
        if moves % _SEEN == 0:
            number = _on_busiest(forest, board, columns, carried.loads, hot)
            strained = strain(carried)
            temperature = relief.hot * (relief.cold / relief.hot) ** max(moves / relief.moves, work / relief.work)
        moves += 1
        core = below(state, cores)
        if number and fraction(state) < 0.5:
            core = _hot_core(forest, hot[:number], state)
        place = drawn(forest, board, core, _RADIUS, state)
        if place < 0 or place == board.place_of[core]:
            continue
        touched, longer = change_of(forest, board, columns, core, place, tried)
        most = -temperature * np.log(1.0 - fraction(state))
        norm = strained ** (1 / POWER)
        if longer > most + _MOST * relief.worth * norm:
            continue
        own, those = board.place_of[core], tried[0, :touched]
        for n in range(touched):
            before[0, n], before[1, n] = those[n], columns.lengths[those[n]]
        pair = core, board.core_at[place], board.positions[own, 0], board.positions[place, 0]
        less, links = reload(forest, board, columns, those, lie, pair, -1.0, carried)
        exchange(forest, board, columns, core, place, tried[:, :touched])
        more, others = reload(forest, board, columns, those, lie, pair, 1.0, carried)
        work += links + others + touched
        now = max(strained + less + more, 0.0)
        if longer + relief.worth * (now ** (1 / POWER) - norm) <= most:
            strained = now
            continue
        reload(forest, board, columns, those, lie, pair, -1.0, carried)
        exchange(forest, board, columns, core, own, before[:, :touched])
        reload(forest, board, columns, those, lie, pair, 1.0, carried)
