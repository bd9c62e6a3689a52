"""A population cut along rows, columns and channels: every combination of spans is a shard."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise, product
from math import prod
from typing import TypeAlias

import numpy as np

from ecc_lava.common import Int, Shape
from ecc_lava.errors import InvalidNetwork
from ecc_lava.networks import Shard

__all__ = ["Cut", "Cuts", "Span", "Tiling", "even_cut", "tiling_of", "useful_parts"]

Span: TypeAlias = tuple[int, int]
Cut: TypeAlias = tuple[Span, ...]
"""Consecutive spans that cover one axis."""
Cuts: TypeAlias = tuple[Cut, Cut, Cut]
"""Rows, columns, channels."""


@dataclass(frozen=True)
class Tiling:
    """A population and its cuts."""

    population: str
    cuts: Cuts

    @property
    def grid(self) -> Shape:
        """Number of spans along rows, columns and channels."""
        rows, columns, channels = self.cuts
        return len(rows), len(columns), len(channels)

    @property
    def number(self) -> int:
        """Number of shards."""
        return prod(self.grid)

    @property
    def shards(self) -> tuple[Shard, ...]:
        """All shards; channels vary fastest, so that shards that read the same spikes are neighbours."""
        return tuple(Shard(self.population, *spans) for spans in product(*self.cuts))

    @property
    def neurons(self) -> Int:
        """Neurons of every shard, (rows, columns, channels)."""
        y, x, c = (np.array([stop - start for start, stop in spans], np.int64) for spans in self.cuts)
        sizes: Int = y[:, None, None] * x[:, None] * c
        return sizes


class _Spans(tuple[Span, ...]):
    """Spans that are looked up again and again: their hash is computed once."""

    _hash: int

    def __hash__(self) -> int:
        try:
            return self._hash
        except AttributeError:
            self._hash = super().__hash__()
            return self._hash


@lru_cache(maxsize=1 << 12)
def even_cut(length: int, parts: int) -> Cut:
    """Cut ``range(length)`` into spans whose lengths differ by at most one."""
    return _Spans(pairwise([part * length // parts for part in range(parts + 1)]))


def useful_parts(length: int) -> list[int]:
    """Return the numbers of parts worth trying: for each longest span, the fewest parts."""
    return sorted({-(-length // longest) for longest in range(1, length + 1)})


def tiling_of(population: str, shape: Shape, shards: Sequence[Shard]) -> Tiling:
    """Return the tiling that consists of the given shards.

    Raises
    ------
    InvalidNetwork
        If the shards overlap, leave neurons out, reach outside the population, or are not all combinations of spans.
    """
    if len(shape) != 3 or min(shape) < 1:
        raise InvalidNetwork(f"population {population!r} has shape {shape}; all of (H, W, C) must be at least 1")
    ranges = [(shard.y, shard.x, shard.c) for shard in shards]
    cuts = tuple(tuple(sorted({spans[axis] for spans in ranges})) for axis in range(3))
    for length, along, name in zip(shape, cuts, ("rows", "columns", "channels"), strict=True):
        if not along or [start for start, _ in along] != [0, *(stop for _, stop in along[:-1])] or along[-1][1] != length:
            raise InvalidNetwork(f"the shards of {population!r} cut its {length} {name} at {along!r:.200}; they must cover each once")
    if len(ranges) != len(set(ranges)) or len(ranges) != prod(len(along) for along in cuts):
        raise InvalidNetwork(
            f"{len(ranges)} shards of {population!r} do not fill the grid of {'x'.join(str(len(a)) for a in cuts)} parts once"
        )
    return Tiling(population, (cuts[0], cuts[1], cuts[2]))
