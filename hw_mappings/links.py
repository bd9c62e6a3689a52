"""What every link of the mesh carries: a message goes along its row first, then along its column."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ecc_lava.arrays import Float, Int
from hw_mappings.chips.spec import ChipSpec
from hw_mappings.placement.problem import Address, Traffic, board_positions

__all__ = ["Routes", "routes"]


@dataclass(frozen=True)
class Routes:
    """Messages on the mesh.

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


def _loads(lanes: Int, starts: Int, stops: Int, messages: Float, shape: tuple[int, int]) -> tuple[Float, Float]:
    """Return what the links up and down an axis carry, (lanes, length): entry n is the link between n and n + 1."""
    both = []
    for ahead, low, high in ((stops > starts, starts, stops), (stops < starts, stops, starts)):
        steps = np.zeros((shape[0], shape[1] + 1))
        np.add.at(steps, (lanes[ahead], low[ahead]), messages[ahead])
        np.add.at(steps, (lanes[ahead], high[ahead]), -messages[ahead])
        both.append(steps.cumsum(axis=1)[:, :-1])
    return both[0], both[1]


def routes(traffic: Traffic, addresses: Sequence[Address], chip: ChipSpec) -> Routes:
    """Route all messages and return the links' loads."""
    places = board_positions(addresses, chip)
    corner = places.min(axis=0)
    columns, rows = (places - corner).T
    width, height = columns.max() + 1, rows.max() + 1
    sources, targets, messages = traffic.sources, traffic.targets, traffic.messages
    right, left = _loads(rows[sources], columns[sources], columns[targets], messages, (height, width))
    down, up = _loads(columns[targets], rows[sources], rows[targets], messages, (width, height))
    busiest, most = None, 0.0
    for loads, step, is_row in ((right, 1, True), (left, -1, True), (down, 1, False), (up, -1, False)):
        lane, at = (int(n) for n in np.unravel_index(int(loads.argmax()), loads.shape))
        if loads[lane, at] > most:
            most = float(loads[lane, at])
            ends = (at, at + 1)[::step]
            here, there = (((n, lane) if is_row else (lane, n)) for n in ends)
            offset = (int(corner[0]), int(corner[1]))
            busiest = ((here[0] + offset[0], here[1] + offset[1]), (there[0] + offset[0], there[1] + offset[1]))
    return Routes(float(right.sum() + left.sum()), float(down.sum() + up.sum()), busiest, most)
