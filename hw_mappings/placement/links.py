"""Messages on every link of the mesh: a message travels along its row first, then along its column."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ecc_lava.common import Float, Int
from hw_mappings.chips import Address, ChipSpec, board_positions
from hw_mappings.placement.problem import Traffic

__all__ = ["Loads", "Routes", "loads", "routes"]


@dataclass(frozen=True, eq=False)
class Loads:
    """Messages on every link between neighbours, within the part of the board's mesh that holds the cores.

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
    """Hops of all messages, and the busiest link.

    Attributes
    ----------
    horizontal, vertical : float
        Hops of all messages along rows and along columns.
    busiest : (from, to), each (column, row) on the board's mesh, or None where no message leaves its core
    busiest_messages : float
    """

    horizontal: float
    vertical: float
    busiest: tuple[tuple[int, int], tuple[int, int]] | None
    busiest_messages: float


def _carried(lanes: Int, starts: Int, stops: Int, messages: Float, shape: tuple[int, int]) -> tuple[Float, Float]:
    """Return the messages on the links in both directions of an axis, (lanes, length): entry n is the link between n and n + 1."""
    both = []
    for ahead, low, high in ((stops > starts, starts, stops), (stops < starts, stops, starts)):
        steps = np.zeros((shape[0], shape[1] + 1))
        np.add.at(steps, (lanes[ahead], low[ahead]), messages[ahead])
        np.add.at(steps, (lanes[ahead], high[ahead]), -messages[ahead])
        both.append(steps.cumsum(axis=1)[:, :-1])
    return both[0], both[1]


def loads(traffic: Traffic, addresses: Sequence[Address], chip: ChipSpec) -> Loads:
    """Route all messages and return the messages on every link."""
    places = board_positions(addresses, chip)
    corner = places.min(axis=0)
    columns, rows = (places - corner).T
    width, height = columns.max() + 1, rows.max() + 1
    sources, targets, messages = traffic.sources, traffic.targets, traffic.messages
    right, left = _carried(rows[sources], columns[sources], columns[targets], messages, (height, width))
    down, up = _carried(columns[targets], rows[sources], rows[targets], messages, (width, height))
    return Loads((int(corner[0]), int(corner[1])), right, left, down, up)


def routes(carried: Loads) -> Routes:
    """Return the hops and the busiest link of routed messages."""
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
    return Routes(float(right.sum() + left.sum()), float(down.sum() + up.sum()), busiest, most)
