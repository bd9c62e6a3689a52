"""Simulated annealing of the hops that spikes take on the problem's chip."""

from __future__ import annotations

from hw_mappings.chips import Address
from hw_mappings.placement.pair_annealing import pairs_annealed
from hw_mappings.placement.problem import PlacementProblem
from hw_mappings.placement.tree_annealing import trees_annealed

__all__ = ["annealed"]


def annealed(problem: PlacementProblem) -> tuple[Address, ...]:
    """Anneal the trees of spikes where routers copy them, else pairs of cores; deterministic in the seed."""
    return trees_annealed(problem) if problem.chip.amount("multicast") else pairs_annealed(problem)
