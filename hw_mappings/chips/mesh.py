"""Physical cores and their positions on the board's mesh."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ecc_lava.common import Int
from hw_mappings.chips.spec import ChipSpec

__all__ = ["Address", "board_positions", "mesh_position"]


@dataclass(frozen=True, order=True)
class Address:
    """A physical core.

    Attributes
    ----------
    chip, core : int
        Chip on the board, and core on the chip; each is row * columns + column.
    """

    chip: int
    core: int


def mesh_position(address: Address, chip: ChipSpec) -> tuple[int, int]:
    """Return (column, row) of a core on its chip's mesh."""
    row, column = divmod(address.core, chip.amount("mesh_columns"))
    return column, row


def board_positions(addresses: Sequence[Address], chip: ChipSpec) -> Int:
    """Return (column, row) of cores on the mesh of the whole board, (cores, 2): the meshes of neighbouring chips join."""
    numbers = np.array([(address.chip, address.core) for address in addresses], np.int64).reshape(-1, 2)
    board_row, board_column = np.divmod(numbers[:, 0], chip.amount("board_columns"))
    row, column = np.divmod(numbers[:, 1], chip.amount("mesh_columns"))
    return np.stack([board_column * chip.amount("mesh_columns") + column, board_row * chip.amount("mesh_rows") + row], axis=1)
