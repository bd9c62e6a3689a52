"""The placement problem: give every logical core a physical core; and the cost of a placement."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Final, TypeAlias

import numpy as np

from ecc_lava.common import Float, Int, StageProgress
from ecc_lava.errors import InvalidInput
from hw_mappings.chips import Address, ChipSpec, board_positions
from hw_mappings.placement.trees import Trees, hops_of, one_by_one

__all__ = ["CROSSING", "PlacementProblem", "Placer", "Traffic", "hop_weighted", "stretched", "tree_hops", "tree_lengths"]

CROSSING: Final = 32
"""Length of a link between chips for placers; one inside a chip is 1 long. No chip publishes the ratio of their costs."""


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

    @cached_property
    def one_by_one(self) -> Trees:
        """The same messages as trees, each to one core."""
        return one_by_one(self.sources, self.targets, self.messages)


@dataclass(frozen=True, eq=False)
class PlacementProblem:
    """All that a placer knows.

    Attributes
    ----------
    cores : int
        Logical cores 0..cores-1, in the order of the network.
    traffic : Traffic
        Messages, one for each shard that a spike reaches by a projection.
    chip : ChipSpec
    seed : int
        Seed of placers that draw random numbers.
    spikes : Trees or None
        The same spikes by the set of cores that each reaches; without them, every message is a spike of its own.
    progress : callable (done, total), optional
        Called by placers that take long.
    """

    cores: int
    traffic: Traffic
    chip: ChipSpec
    seed: int = 0
    spikes: Trees | None = None
    progress: StageProgress | None = None

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

    @property
    def multicast(self) -> Trees:
        """The spikes as routers that copy them carry them."""
        return self.traffic.one_by_one if self.spikes is None else self.spikes

    @property
    def routed(self) -> Trees:
        """The spikes as the chip carries them: multicast, or one message for each core."""
        return self.multicast if self.chip.amount("multicast") else self.traffic.one_by_one


Placer: TypeAlias = Callable[[PlacementProblem], tuple[Address, ...]]
"""A function that returns one distinct address per logical core, and equal addresses for equal problems."""


def tree_hops(trees: Trees, addresses: Sequence[Address], chip: ChipSpec) -> float:
    """Return the sum over all spikes of the links that their routes take, along rows and columns."""
    return float(hops_of(trees, board_positions(addresses, chip)).sum(axis=1) @ trees.spikes)


def stretched(positions: Int, chip: ChipSpec, crossing: int = CROSSING) -> Int:
    """Return positions, (..., 2), column and row, on a mesh whose links between chips are `crossing` long."""
    moved: Int = positions + (crossing - 1) * (positions // np.array([chip.amount("mesh_columns"), chip.amount("mesh_rows")]))
    return moved


def tree_lengths(trees: Trees, addresses: Sequence[Address], chip: ChipSpec) -> float:
    """Return the sum over all spikes of the lengths of their routes, where a link between chips is `CROSSING` long."""
    return float(hops_of(trees, stretched(board_positions(addresses, chip), chip)).sum(axis=1) @ trees.spikes)


def hop_weighted(problem: PlacementProblem, addresses: Sequence[Address]) -> float:
    """Return the sum over all messages of their hops along rows and columns, with one message for each shard that a spike reaches."""
    return tree_hops(problem.traffic.one_by_one, addresses, problem.chip)
