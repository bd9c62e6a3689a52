"""Put shards of several populations on one core.

The usage of a core's shards adds up to at most its limits; thresholds and exponents that shards have in common count once. Shards of equal
usage are of one type. A core is filled greedily; see `hw_mappings.partition.packing_kernel`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final, TypeAlias

import numpy as np

from ecc_lava.common import Array, Float, Int
from ecc_lava.networks import Shard
from hw_mappings.chips import ChipSpec
from hw_mappings.resources import ADDITIVE, RESOURCE_INDEX, Demand, Tiling, limits_of, thresholds_of

__all__ = ["Core", "Packing", "ShardTypes"]

Core: TypeAlias = tuple[Shard, ...]

_WORD: Final = 64
_ADDITIVE: Final = np.array(ADDITIVE)


@dataclass(frozen=True, eq=False)
class ShardTypes:
    """The shards of one population by their usage.

    Attributes
    ----------
    usage : int64 array (types, additive resources)
    counts : int64 array (types,)
    kept : uint64 array (types, words)
        Thresholds, then exponents, as bits.
    of_shard : int64 array (shards,)
        Type of every shard.
    """

    usage: Int
    counts: Int
    kept: Array
    of_shard: Int


def _as_words(bits: int, words: int) -> list[int]:
    return [bits >> _WORD * word & 2**_WORD - 1 for word in range(words)]


class Packing:
    """What all packings of a network's shards have in common.

    Parameters
    ----------
    demands : population -> Demand
    chip : ChipSpec
    """

    def __init__(self, demands: Mapping[str, Demand], chip: ChipSpec) -> None:
        self._demands = demands
        limits = limits_of(chip)
        self._limits, self._all_limits = limits[ADDITIVE], limits
        self._most = np.array([limits[RESOURCE_INDEX["thresholds"]], limits[RESOURCE_INDEX["exponents"]]])
        limited = [chip.limit("thresholds") is not None, chip.limit("exponents") is not None]
        thresholds = (
            {int(v) for d in demands.values() if d.population.kind.spikes for v in np.unique(d.population.vth)} if limited[0] else set()
        )
        exponents = set().union(*(d.exponents for d in demands.values())) if limited[1] else set()
        self._bit = [{value: bit for bit, value in enumerate(sorted(values))} for values in (thresholds, exponents)]
        self._words = [-(-len(values) // _WORD) for values in self._bit]
        self._exponents = {name: self._bits(1, demand.exponents) for name, demand in demands.items()}
        self._of_tiling: dict[int, tuple[Tiling, Int, Array]] = {}  # by identity, which is held

    def _bits(self, group: int, values: frozenset[int]) -> list[int]:
        return _as_words(sum(1 << self._bit[group][value] for value in values) if self._words[group] else 0, self._words[group])

    def _thresholds(self, tiling: Tiling) -> tuple[Int, Array]:
        """Return the kind of thresholds of every shard, and the bits of each kind, (kinds, words)."""
        if id(tiling) not in self._of_tiling:
            kinds: dict[frozenset[int], int] = {}
            population = self._demands[tiling.population].population
            of_shard = np.array([kinds.setdefault(each, len(kinds)) for each in thresholds_of(population, tiling)])
            words = np.array([self._bits(0, thresholds) for thresholds in kinds], np.uint64)
            self._of_tiling[id(tiling)] = tiling, of_shard, words
        return self._of_tiling[id(tiling)][1:]

    def types(self, tiling: Tiling, usage: Int) -> ShardTypes:
        """Return the types of a population's shards, of usage (rows, columns, channels, resources)."""
        rows = np.zeros((tiling.number, len(ADDITIVE) + 1), np.int64)
        rows[:, :-1] = usage.reshape(tiling.number, -1).take(ADDITIVE, axis=1)
        return self._typed(tiling, rows)

    def types_with(self, tiling: Tiling, own: Int, arriving: Int, leaving: Int, table: Int) -> ShardTypes | None:
        """Return the types of shards with more axons, as `types` of `with_axons`; None where a shard does not fit.

        Parameters
        ----------
        tiling : Tiling
        own : int64 array (rows, columns, channels, resources)
        arriving, leaving : int64 arrays (rows, columns, channels)
        table : as `axon_table` returns it
        """
        from hw_mappings.partition.packing_kernel import rows_within

        shards = own.reshape(tiling.number, -1)
        fit, rows = rows_within(shards, (arriving.ravel(), leaving.ravel()), table, self._all_limits, _ADDITIVE)
        return self._typed(tiling, rows) if fit else None

    def _typed(self, tiling: Tiling, rows: Int) -> ShardTypes:
        """Return the types of shards that use so much of the resources that add up; the last column takes their thresholds."""
        from hw_mappings.partition.packing_kernel import distinct

        if self._words[0]:
            rows[:, -1], words = self._thresholds(tiling)
        firsts, of_shard_type, counts = distinct(rows)
        kept = np.zeros((len(firsts), sum(self._words)), np.uint64)
        kept[:, self._words[0] :] = self._exponents[tiling.population]
        if self._words[0]:
            kept[:, : self._words[0]] = words[rows[firsts, -1]]
        return ShardTypes(np.ascontiguousarray(rows[firsts, : len(ADDITIVE)]), counts, kept, of_shard_type)

    def all_types(self, tilings: Mapping[str, Tiling], usage: Mapping[str, Int]) -> list[ShardTypes]:
        """Return the types of every population's shards."""
        return [self.types(tiling, usage[name]) for name, tiling in tilings.items()]

    def fillings(self, types: Sequence[ShardTypes], weights: Float) -> tuple[int, Int, Int]:
        """Return the number of cores, and their fillings; `weights`, (resources,), are the scarcity of each resource.

        A filling has entries (number of the filling, type, shards on each core); the third array has the number of cores of each filling.
        """
        from hw_mappings.partition.packing_kernel import distinct, pack

        usage, counts, kept = (np.concatenate(parts) for parts in zip(*((t.usage, t.counts, t.kept) for t in types), strict=True))
        firsts, group_of, sizes = distinct(usage)
        groups = firsts, np.argsort(group_of, kind="stable"), np.concatenate([[0], np.cumsum(sizes)])
        order = np.argsort(-(usage / self._limits).max(axis=1), kind="stable")
        bounds = self._limits, self._most, weights[ADDITIVE]
        packed: tuple[int, Int, Int] = pack(usage, groups, order, counts, kept, self._words[0], bounds)
        return packed

    def cores(self, tilings: Sequence[Tiling], types: Sequence[ShardTypes], weights: Float) -> list[Core]:
        """Return the shards of every core, in the order of the network."""
        shards = [shard for tiling in tilings for shard in tiling.shards]
        starts = np.cumsum([0, *(len(t.counts) for t in types)])
        of_shard = np.concatenate([start + t.of_shard for start, t in zip(starts, types, strict=False)])
        waiting = [list(np.flatnonzero(of_shard == kind)[::-1]) for kind in range(starts[-1])]
        _, entries, repeats = self.fillings(types, weights)
        cores: list[list[int]] = []
        for filling, times in enumerate(repeats):
            held = entries[entries[:, 0] == filling, 1:]
            cores += [sorted(int(waiting[kind].pop()) for kind, number in held for _ in range(number)) for _ in range(times)]
        return [tuple(shards[n] for n in core) for core in sorted(cores)]
