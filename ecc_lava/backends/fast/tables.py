"""Tables of windows: for every row or column of a map, what of its source lies under the window."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ecc_lava.common import Array

__all__ = ["NO_TABLE", "SynapseTable"]


@dataclass(frozen=True, eq=False)
class SynapseTable:
    """Lists of entries, int32; index i has ``entries[starts[i]:starts[i + 1]]``."""

    starts: Array
    entries: Array

    @staticmethod
    def of(lists: Sequence[Sequence[tuple[int, ...]]], columns: int) -> SynapseTable:
        """Return a table from one list of entries for each index."""
        starts = np.cumsum([0, *map(len, lists)]).astype(np.int32)
        return SynapseTable(starts, np.array([entry for part in lists for entry in part], np.int32).reshape(-1, columns))

    @property
    def longest(self) -> int:
        """The most entries that one index has."""
        return int(np.diff(self.starts).max(initial=0))


NO_TABLE = SynapseTable(np.zeros(1, np.int32), np.zeros((0, 3), np.int32))
"""The table of pieces that need none."""
