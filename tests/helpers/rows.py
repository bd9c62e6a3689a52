"""Stored rows that note what is read of them."""

from __future__ import annotations

from ecc_lava.common.arrays import Array
from ecc_lava.inputs import ArraySource

__all__ = ["NotedRows"]


class NotedRows:
    """Rows in memory, as a file has them; `seen` are the numbers of those that were read, `most` how many at once."""

    can_be_sent = False

    def __init__(self, x: Array) -> None:
        self.x, self.seen, self.most = x, set[int](), 0
        self.shape, self.dtype = x.shape, x.dtype

    def read(self, first: int, end: int) -> Array:
        self.seen |= set(range(first, end))
        self.most = max(self.most, end - first)
        return self.x[first:end]

    def source(self) -> ArraySource:
        """Return the only input's images."""
        return ArraySource({"": self}, len(self.x))
