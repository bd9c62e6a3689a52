"""Chip after chip, core after core, in the order of the network."""

from __future__ import annotations

from itertools import islice

from hw_mappings.chips import Address
from hw_mappings.placement.problem import PlacementProblem

__all__ = ["row_major"]


def row_major(problem: PlacementProblem) -> tuple[Address, ...]:
    """Fill every chip row by row; traffic plays no part."""
    places = (Address(chip, core) for chip in range(problem.chips) for core in problem.chip.usable(chip))
    return tuple(islice(places, problem.cores))
