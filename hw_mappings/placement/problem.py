"""The placement problem: give every logical core a physical core; and the cost of a placement."""

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
    """Messages between logical cores, one entry for each pair that communicates.

    Attributes
    ----------
    sources, targets : int64 arrays (pairs,)
    messages : float64 array (pairs,)
        Per sample with activity, else per step with every neuron firing.
    payload_bits : float
        Bits that all these messages carry: one for a binary spike, else the payload's and one for its sign.
    """

    sources: Int
    targets: Int
    messages: Float
    payload_bits: float = 0.0


@dataclass(frozen=True, eq=False)
class PlacementProblem:
    """All that a placer knows.

    Attributes
    ----------
    cores : int
        Logical cores 0..cores-1, in the order of the network.
    traffic : Traffic
    chip : ChipSpec
    seed : int
        Seed of placers that draw random numbers.
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
"""A function that returns one distinct address per logical core, and equal addresses for equal problems."""


def hop_weighted(problem: PlacementProblem, addresses: Sequence[Address]) -> float:
    """Return the sum over all messages of their hops along rows and columns."""
    places = board_positions(addresses, problem.chip)
    traffic = problem.traffic
    hops = np.abs(places[traffic.sources] - places[traffic.targets]).sum(axis=1)
    return float(hops @ traffic.messages)
