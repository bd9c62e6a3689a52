"""Simulated annealing over pairs of cores, from the Hilbert placement: random exchanges; worse ones are accepted ever more rarely.

One message goes to each shard that a spike reaches by a projection.
"""

from __future__ import annotations

import numpy as np

from hw_mappings.chips import Address, board_positions
from hw_mappings.placement.hilbert import hilbert
from hw_mappings.placement.problem import PlacementProblem

__all__ = ["pairs_annealed"]

_MOVES_PER_CORE = 4_000
_MOST_WORK = 500_000_000
"""Largest number of moves times the mean number of neighbours of a core; a move costs in proportion to that number."""
_START, _END = 0.3, 0.0005
"""Temperature at the start and at the end, relative to the mean change of hops in a random exchange."""


def pairs_annealed(problem: PlacementProblem, most_work: float = _MOST_WORK) -> tuple[Address, ...]:
    """Exchange cores with each other and with free places on the chips of the Hilbert placement; deterministic in the seed."""
    from hw_mappings.placement.pair_kernel import anneal

    start, chip, traffic = hilbert(problem), problem.chip, problem.traffic
    if not len(traffic.messages):
        return start
    chips = list(dict.fromkeys(address.chip for address in start))
    places = [*start, *sorted({Address(c, core) for c in chips for core in chip.usable(c)} - set(start))]
    froms = np.concatenate([traffic.sources, traffic.targets])
    order = np.argsort(froms, kind="stable")
    firsts = np.searchsorted(froms[order], np.arange(problem.cores + 1))
    others = np.concatenate([traffic.targets, traffic.sources])[order]
    messages = np.concatenate([traffic.messages, traffic.messages])[order]
    degree = max(1.0, len(others) / problem.cores)
    moves = int(min(_MOVES_PER_CORE * problem.cores, most_work / degree))
    positions = np.ascontiguousarray(board_positions(places, chip))
    found = anneal(positions, firsts, others, messages, moves, _START, _END, problem.seed)
    return tuple(places[place] for place in found)
