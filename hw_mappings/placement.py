"""Which physical core each logical core becomes. Every placer is a pure function `PlacementProblem -> addresses`."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeAlias

from ecc_lava.errors import InvalidInput
from hw_mappings.chips.spec import ChipSpec

__all__ = ["Address", "PlacementProblem", "Placer", "mesh_position", "sequential"]


@dataclass(frozen=True, order=True)
class Address:
    """A physical core.

    Attributes
    ----------
    chip, core : int
        Chip on the board, and core on the chip; core = row * mesh columns + column.
    """

    chip: int
    core: int


@dataclass(frozen=True)
class PlacementProblem:
    """What a placer knows.

    Attributes
    ----------
    cores : int
        Logical cores 0..cores-1, in the order of the network.
    traffic : tuple of (from, to, messages)
        Messages between logical cores, per sample where activity was measured, else per step with every neuron firing.
    chip : ChipSpec
    """

    cores: int
    traffic: tuple[tuple[int, int, float], ...]
    chip: ChipSpec

    def __post_init__(self) -> None:
        if not 1 <= self.cores <= self.chip.cores_in_all:
            raise InvalidInput(f"{self.cores} cores to place on the {self.chip.cores_in_all} of {self.chip.name}")


Placer: TypeAlias = Callable[[PlacementProblem], tuple[Address, ...]]
"""Returns one distinct address per logical core, the same for the same problem."""


def mesh_position(address: Address, chip: ChipSpec) -> tuple[int, int]:
    """Return (column, row) of a core on its chip's mesh."""
    row, column = divmod(address.core, chip.amount("mesh_columns"))
    return column, row


def sequential(problem: PlacementProblem) -> tuple[Address, ...]:
    """Fill chip after chip in the order of the core index; traffic is not looked at."""
    per_chip = problem.chip.amount("cores")
    return tuple(Address(*divmod(index, per_chip)) for index in range(problem.cores))
