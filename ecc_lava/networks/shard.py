"""The part of a population that lives on one core."""

from __future__ import annotations

from dataclasses import dataclass

from ecc_lava.common import Shape
from ecc_lava.errors import InvalidNetwork

__all__ = ["Shard", "whole"]


@dataclass(frozen=True, order=True)
class Shard:
    """A box of a population's feature map.

    Attributes
    ----------
    population : str
    y, x, c : (start, stop)
        Half-open ranges of rows, columns and channels.
    """

    population: str
    y: tuple[int, int]
    x: tuple[int, int]
    c: tuple[int, int]

    def __post_init__(self) -> None:
        for axis in ("y", "x", "c"):
            start, stop = getattr(self, axis)
            if not 0 <= start < stop:
                raise InvalidNetwork(f"a shard of {self.population!r} has the empty or negative range {axis}={start}..{stop}")

    @property
    def shape(self) -> Shape:
        """Rows, columns, channels."""
        return self.y[1] - self.y[0], self.x[1] - self.x[0], self.c[1] - self.c[0]

    @property
    def neurons(self) -> int:
        """Number of neurons."""
        height, width, channels = self.shape
        return height * width * channels

    @property
    def slices(self) -> tuple[slice, slice, slice]:
        """Index of the shard in an (H, W, C) array."""
        return slice(*self.y), slice(*self.x), slice(*self.c)


def whole(population: str, shape: Shape) -> Shard:
    """Return the shard that is the whole population."""
    return Shard(population, (0, shape[0]), (0, shape[1]), (0, shape[2]))
