"""Cores and the mesh are cut in two again and again, between chips first, such that few spikes cross each cut."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

import numpy as np

from hw_mappings.chips import Address, board_positions
from hw_mappings.placement.hilbert import along_a_curve
from hw_mappings.placement.problem import PlacementProblem
from hw_mappings.placement.trees import Trees, members

if TYPE_CHECKING:
    from hw_mappings.placement.nets_kernel import Nets

__all__ = ["bisected", "pins_of", "rectangles"]


def pins_of(trees: Trees, cores: int) -> Nets:
    """Return trees as nets: the source of each and its targets."""
    from hw_mappings.placement.nets_kernel import Nets

    pins, (trees_of, firsts) = np.insert(trees.targets, trees.starts[:-1], trees.sources), members(trees, cores)
    starts = trees.starts + np.arange(len(trees.starts))
    return Nets(starts, pins, trees.spikes, firsts, trees_of, np.zeros((len(trees.sources), 2), np.int64))


def rectangles(problem: PlacementProblem) -> Iterator[list[int]]:
    """Yield the chips of ever more rows of the board, each a rectangle of chips that hold all cores, the last row perhaps in part."""
    chip, fewest = problem.chip, problem.chips
    columns, all_chips = chip.amount("board_columns"), chip.amount("chips")
    for rows in range(1, min(fewest, chip.amount("board_rows")) + 1):
        for width in range(-(-fewest // rows), columns + 1):
            held, chips = 0, []
            for number in (row * columns + column for row in range(rows) for column in range(width)):
                if held < problem.cores and number < all_chips:
                    held += len(chip.usable(number))
                    chips.append(number)
            if held >= problem.cores:
                yield chips
                break


def bisected(problem: PlacementProblem, chips: Sequence[int]) -> tuple[Address, ...]:
    """Place cores on some chips. Spikes to or from cores elsewhere pull cores to that side of a cut.

    Chips take as many cores as they hold, so that cuts between them find their own sizes. Within a chip, cores stand together along a
    curve.
    """
    from hw_mappings.placement.bisected_kernel import bisect

    chip = problem.chip
    mesh = along_a_curve(chip.amount("mesh_columns"), chip.amount("mesh_rows"))
    places = [Address(number, core) for number in chips for usable in [set(chip.usable(number))] for core in mesh if core in usable]
    size = np.array([chip.amount("mesh_columns"), chip.amount("mesh_rows")])
    place_of = bisect(pins_of(problem.multicast, problem.cores), problem.cores, board_positions(places, chip), size)
    return tuple(places[place] for place in place_of)
