"""Which physical core each logical core becomes: the problem, and what a placement of it is worth."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TypeAlias

import numpy as np

from ecc_lava.common import Float, Int
from ecc_lava.errors import InvalidInput
from hw_mappings.chips import Address, ChipSpec, board_positions

__all__ = ["PlacementProblem", "Placer", "Traffic", "hop_weighted"]


@dataclass(frozen=True, eq=False)
class Traffic:
    """Messages between logical cores, those between the same two added up.

    Attributes
    ----------
    sources, targets : int64 arrays (pairs,)
    messages : float64 array (pairs,)
        Per sample where activity was measured, else per step with every neuron firing.
    """

    sources: Int
    targets: Int
    messages: Float


@dataclass(frozen=True, eq=False)
class PlacementProblem:
    """What a placer knows.

    Attributes
    ----------
    cores : int
        Logical cores 0..cores-1, in the order of the network.
    traffic : Traffic
    chip : ChipSpec
    seed : int
        Of algorithms that draw random numbers.
    """

    cores: int
    traffic: Traffic
    chip: ChipSpec
    seed: int = 0

    def __post_init__(self) -> None:
        if not 1 <= self.cores <= self.chip.cores_in_all:
            raise InvalidInput(f"{self.cores} cores to place on the {self.chip.cores_in_all} of {self.chip.name}")

    @cached_property
    def chips(self) -> int:
        """The fewest chips that hold all cores, taken in order."""
        held, chip = 0, 0
        while held < self.cores:
            held += len(self.chip.usable(chip))
            chip += 1
        return chip


Placer: TypeAlias = Callable[[PlacementProblem], tuple[Address, ...]]
"""Returns one distinct address per logical core, the same for the same problem."""


def hop_weighted(problem: PlacementProblem, addresses: Sequence[Address]) -> float:
    """Return the sum over all messages of the hops that they travel, along columns and then rows."""
    places = board_positions(addresses, problem.chip)
    traffic = problem.traffic
    hops = np.abs(places[traffic.sources] - places[traffic.targets]).sum(axis=1)
    return float(hops @ traffic.messages)
