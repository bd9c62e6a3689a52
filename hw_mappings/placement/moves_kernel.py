"""Single cores move to the other side of a cut, the one that gains most first: Fiduccia and Mattheyses (DAC 1982), compiled."""

from __future__ import annotations

from typing import Final, NamedTuple

import numpy as np

from ecc_lava.common import Array
from hw_mappings.placement.compiled import borrowing, compiled
from hw_mappings.placement.nets_kernel import Nets

__all__ = ["Gains", "gains_of", "moved_in_turn"]

_LEAST: Final = 1e-9
"""Share of the spikes that cross below which a gain is a rest of sums of fractions."""
_BLOCK: Final = 64
"""Cores whose best gain is known together."""
_PATIENCE: Final = 32
"""Moves without gain after which a turn ends, beside an eighth of all cores."""


class Gains(NamedTuple):
    """How many fewer spikes cross once a core is on the other side.

    Attributes
    ----------
    of_core : float64 (cores,)
    best : int64 (blocks, 2), the core of each block and side that gains most, -1 for none
    is_new : bool (blocks,), whether gains have changed since that was found
    """

    of_core: Array
    best: Array
    is_new: Array


@compiled
def gains_of(cores: int) -> Gains:
    """Return room for the gains of cores."""
    blocks = -(-cores // _BLOCK)
    return Gains(np.empty(cores), np.empty((blocks, 2), np.int64), np.empty(blocks, np.bool_))


@borrowing
def _gain(nets: Nets, core: int, own: int, counts: Array) -> float:
    gain = 0.0
    for k in range(nets.firsts[core], nets.firsts[core + 1]):
        net = nets.members[k]
        if counts[net, own] == 1:
            gain += nets.spikes[net]
        if counts[net, 1 - own] == 0:
            gain -= nets.spikes[net]
    return gain


@borrowing
def _tell(nets: Nets, net: int, side: Array, only: int, gains: Gains, change: float) -> None:
    """Change the gains of a net's cores on one side, of all for -1."""
    for n in range(nets.starts[net], nets.starts[net + 1]):
        core = nets.pins[n]
        if only < 0 or side[core] == only:
            gains.of_core[core] += change
            gains.is_new[core // _BLOCK] = True


@borrowing
def _move(nets: Nets, core: int, side: Array, counts: Array, gains: Gains) -> None:
    """Move a core to the other side, and keep the gains of the others."""
    own = side[core]
    for k in range(nets.firsts[core], nets.firsts[core + 1]):
        net = nets.members[k]
        spikes = nets.spikes[net]
        if counts[net, 1 - own] == 0:
            _tell(nets, net, side, -1, gains, spikes)
        elif counts[net, 1 - own] == 1:
            _tell(nets, net, side, 1 - own, gains, -spikes)
        counts[net, own], counts[net, 1 - own] = counts[net, own] - 1, counts[net, 1 - own] + 1
    side[core] = 1 - own
    for k in range(nets.firsts[core], nets.firsts[core + 1]):
        net = nets.members[k]
        if counts[net, own] == 0:
            _tell(nets, net, side, -1, gains, -nets.spikes[net])
        elif counts[net, own] == 1:
            _tell(nets, net, side, own, gains, nets.spikes[net])
    gains.of_core[core] = _gain(nets, core, side[core], counts)
    gains.is_new[core // _BLOCK] = True


@borrowing
def _best(gains: Gains, side: Array, order: Array, from_0: bool, from_1: bool) -> int:
    """Return the core not yet moved that gains most, of the sides that may give one; -1 for none."""
    chosen, most, cores = -1, -np.inf, side.shape[0]
    for block in range(gains.is_new.shape[0]):
        if gains.is_new[block]:
            gains.is_new[block] = False
            gains.best[block, 0], gains.best[block, 1] = -1, -1
            for core in range(block * _BLOCK, min((block + 1) * _BLOCK, cores)):
                best = gains.best[block, side[core]]
                if order[core] < 0 and (best < 0 or gains.of_core[core] > gains.of_core[best]):
                    gains.best[block, side[core]] = core
        for own in range(2):
            core = gains.best[block, own]
            if core >= 0 and (from_1 if own else from_0) and gains.of_core[core] > most:
                chosen, most = core, gains.of_core[core]
    return chosen


@borrowing
def moved_in_turn(nets: Nets, side: Array, counts: Array, gains: Gains, order: Array, bounds: tuple[int, int], crossing: float) -> float:
    """Move every core once, the one that gains most first, and go back to where the fewest spikes crossed; return how many fewer.

    A core c on side s gains the spikes of its nets that have no other pin on s, less those of its nets that have no pin on the other side.
    Source: Fiduccia and Mattheyses, DAC 1982, a pass; a turn without gain ends early.

    Parameters
    ----------
    nets : Nets
        With the lists of each core's nets.
    side : int64 (cores,)
        0 or 1; changed.
    counts : int64 (nets, 2)
        Pins of each net on either side, fixed ones too; changed.
    gains : Gains
        Room.
    order : int64 (cores,)
        Room: when a core moved, -1 if it did not.
    bounds : (int, int)
        Fewest and most cores on side 0.
    crossing : float
        Spikes that cross now; a gain far below is rounding.
    """
    cores, moved, best, total, most, held = side.shape[0], 0, 0, 0.0, 0.0, 0
    for core in range(cores):
        gains.of_core[core] = _gain(nets, core, side[core], counts)
        order[core] = -1
        held += side[core] == 0
    gains.is_new[:] = True
    while moved < cores and moved - best < _PATIENCE + cores // 8:
        chosen = _best(gains, side, order, held >= bounds[0], held <= bounds[1])
        if chosen < 0:
            break
        held += 1 if side[chosen] == 1 else -1
        total += gains.of_core[chosen]
        order[chosen] = moved
        _move(nets, chosen, side, counts, gains)
        moved += 1
        if total > most + _LEAST * crossing and bounds[0] <= held <= bounds[1]:
            best, most = moved, total
    for core in range(cores):
        if order[core] >= best:
            _move(nets, core, side, counts, gains)
    return most
