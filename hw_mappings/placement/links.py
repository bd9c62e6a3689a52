"""Spikes on every link of the mesh: a spike travels along its row first, then along columns.

That order is published for Loihi 2 (Timcheck et al., arXiv 2601.10035, 2026) and assumed for every other chip.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ecc_lava.common import Float, Int
from hw_mappings.chips import Address, ChipSpec, board_positions
from hw_mappings.placement.trees import Trees, branches

__all__ = ["Loads", "Routes", "loads", "routes"]


@dataclass(frozen=True, eq=False)
class Loads:
    """Spikes on every link between neighbours, within the part of the board's mesh that holds the cores.

    Attributes
    ----------
    corner : (column, row) of the part's first place on the board's mesh
    right, left : float64 arrays (rows, columns)
        Entry (r, c) is the link between columns c and c + 1 of row r; the last column has none.
    down, up : float64 arrays (columns, rows)
        Entry (c, r) is the link between rows r and r + 1 of column c; the last row has none.
    """

    corner: tuple[int, int]
    right: Float
    left: Float
    down: Float
    up: Float


@dataclass(frozen=True)
class Routes:
    """Hops of all spikes, and the busiest link.

    Attributes
    ----------
    horizontal, vertical : float
        Hops of all spikes along rows and along columns.
    between_chips : float
        Those among them from one chip to the next.
    busiest : (from, to), each (column, row) on the board's mesh, or None where no spike leaves its core
    busiest_messages : float
        Spikes on that link.
    """

    horizontal: float
    vertical: float
    between_chips: float
    busiest: tuple[tuple[int, int], tuple[int, int]] | None
    busiest_messages: float


def _carried(lanes: Int, starts: Int, between: tuple[Int, Int], spikes: Float, shape: tuple[int, int]) -> tuple[Float, Float]:
    """Return the spikes on the links ahead and back of an axis, each (lanes, length): entry n is the link between n and n + 1.

    Spikes spread from `starts` over everything that lies `between` (first, last). A link of no tree has none exactly: the number of trees
    tells, as sums of fractions leave a rest.
    """
    both = []
    for low, high in ((starts, between[1]), (between[0], starts)):
        steps = np.zeros((2, shape[0], shape[1] + 1))
        for step, amount in zip(steps, (spikes, (spikes > 0).astype(np.float64)), strict=True):
            np.add.at(step, (lanes, low), amount)
            np.add.at(step, (lanes, high), -amount)
        carried, trees = steps.cumsum(axis=2)[:, :, :-1]
        both.append(np.where(trees > 0, np.maximum(carried, 0.0), 0.0))
    return both[0], both[1]


def loads(trees: Trees, addresses: Sequence[Address], chip: ChipSpec) -> Loads:
    """Route all spikes and return the spikes on every link."""
    places = board_positions(addresses, chip)
    corner = places.min(axis=0)
    places = places - corner
    width, height = places.max(axis=0) + 1
    lie, (columns, rows) = branches(trees, places), places[trees.sources].T
    along, spikes = rows[lie.trees], trees.spikes[lie.trees]
    right, left = _carried(rows, columns, (lie.left, lie.right), trees.spikes, (height, width))
    down, up = _carried(lie.columns, along, (lie.top, lie.bottom), spikes, (width, height))
    return Loads((int(corner[0]), int(corner[1])), right, left, down, up)


def _between_chips(links: Float, corner: int, length: int) -> float:
    """Return the hops on links from one chip to the next along an axis whose chips are `length` long."""
    last = (np.arange(links.shape[1]) + corner) % length == length - 1
    return float(links[:, last].sum())


def routes(carried: Loads, chip: ChipSpec) -> Routes:
    """Return the hops and the busiest link of routed spikes."""
    right, left, down, up = carried.right, carried.left, carried.down, carried.up
    busiest, most = None, 0.0
    for links, step, is_row in ((right, 1, True), (left, -1, True), (down, 1, False), (up, -1, False)):
        lane, at = (int(n) for n in np.unravel_index(int(links.argmax()), links.shape))
        if links[lane, at] > most:
            most = float(links[lane, at])
            ends = (at, at + 1)[::step]
            here, there = (((n, lane) if is_row else (lane, n)) for n in ends)
            column, row = carried.corner
            busiest = ((here[0] + column, here[1] + row), (there[0] + column, there[1] + row))
    across, along = (
        _between_chips(links, n, chip.amount(size))
        for links, n, size in ((right + left, carried.corner[0], "mesh_columns"), (down + up, carried.corner[1], "mesh_rows"))
    )
    return Routes(float(right.sum() + left.sum()), float(down.sum() + up.sum()), across + along, busiest, most)
