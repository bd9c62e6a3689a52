"""Put shards of several populations on one core.

The usage of a core's shards adds up to at most its limits; thresholds and exponents that shards have in common count once. Shards of equal
usage are of one type. A core is filled greedily: first with the type that is hardest to place, then each time with the type that uses most,
where a resource weighs by its scarcity and by what the core has left of it. The same filling is repeated while shards for it remain.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

import numpy as np

from ecc_lava.common import Float, Int
from ecc_lava.networks import QuantisedNetwork, Shard
from hw_mappings.chips import ChipSpec
from hw_mappings.partition.search import Partition
from hw_mappings.resources import ADDITIVE, RESOURCE_INDEX, SynapseModel, demands, limits_of, thresholds_of

__all__ = ["Core", "packed"]

Core: TypeAlias = tuple[Shard, ...]


@dataclass(frozen=True, eq=False)
class _Types:
    """Shards by their usage.

    Attributes
    ----------
    usage : int64 array (types, additive resources)
    thresholds, exponents : per type, a set of values as the bits of a number
    members : per type, numbers of the shards in the network's order
    """

    usage: Int
    thresholds: list[int]
    exponents: list[int]
    members: list[list[int]]


def _as_bits(values: frozenset[int], known: dict[int, int]) -> int:
    return sum(1 << known.setdefault(value, len(known)) for value in values)


def _types(network: QuantisedNetwork, chip: ChipSpec, partition: Partition) -> tuple[list[Shard], _Types]:
    shards: list[Shard] = []
    members: dict[tuple[bytes, int, int], list[int]] = {}
    rows: dict[tuple[bytes, int, int], Int] = {}
    known: tuple[dict[int, int], dict[int, int]] = ({}, {})
    for name, demand in demands(network, chip, SynapseModel.STRICT).items():
        tiling = partition.tilings[name]
        usage = partition.usage[name].reshape(tiling.number, -1)[:, ADDITIVE]
        exponents = _as_bits(demand.exponents, known[1])
        bits: dict[frozenset[int], int] = {}
        limited = chip.limit("thresholds") is not None
        for shard, row, thresholds in zip(tiling.shards, usage, thresholds_of(demand.population, tiling), strict=True):
            if limited and thresholds not in bits:
                bits[thresholds] = _as_bits(thresholds, known[0])
            key = row.tobytes(), bits.get(thresholds, 0), exponents
            members.setdefault(key, []).append(len(shards))
            rows.setdefault(key, row)
            shards.append(shard)
    keys = list(members)
    return shards, _Types(np.stack([rows[k] for k in keys]), [k[1] for k in keys], [k[2] for k in keys], [members[k] for k in keys])


def _within(bits: int, most: int) -> bool:
    return bits.bit_count() <= most


def _filling(types: _Types, left: Int, first: int, limits: Int, weights: Float, most: tuple[int, int]) -> dict[int, int]:
    """Return the number of shards of each type on one core that starts with a shard of type `first`."""
    left = left.copy()
    chosen: dict[int, int] = {}
    room = limits.copy()
    held = [0, 0]
    option = first
    while True:
        chosen[option] = chosen.get(option, 0) + 1
        left[option] -= 1
        room = room - types.usage[option]
        held = [held[0] | types.thresholds[option], held[1] | types.exponents[option]]
        possible = np.flatnonzero((left > 0) & (types.usage <= room).all(axis=1))
        possible = np.array(
            [t for t in possible if _within(held[0] | types.thresholds[t], most[0]) and _within(held[1] | types.exponents[t], most[1])], int
        )
        if not len(possible):
            return chosen
        # a nearly exhausted resource weighs less than a plentiful one: use what would be wasted
        scores = types.usage[possible] / limits @ (weights * (room / limits))
        option = int(possible[scores.argmax()])


def packed(network: QuantisedNetwork, chip: ChipSpec, partition: Partition, weights: Float) -> list[Core]:
    """Return the shards of every core, in the order of the network.

    Parameters
    ----------
    network : QuantisedNetwork
    chip : ChipSpec
    partition : Partition
    weights : float64 array (resources,)
        Scarcity of each resource.
    """
    shards, types = _types(network, chip, partition)
    limits = limits_of(chip)
    most = int(limits[RESOURCE_INDEX["thresholds"]]), int(limits[RESOURCE_INDEX["exponents"]])
    limits, weights = limits[ADDITIVE], weights[ADDITIVE]
    left = np.array([len(members) for members in types.members])
    hardest = (types.usage / limits).max(axis=1)
    order = np.argsort(-hardest, kind="stable")
    taken = [0] * len(left)
    cores: list[list[int]] = []
    for first in order:
        while left[first]:
            filling = _filling(types, left, int(first), limits, weights, most)
            for _ in range(min(int(left[t]) // n for t, n in filling.items())):
                core = []
                for option, number in filling.items():
                    core += types.members[option][taken[option] : taken[option] + number]
                    taken[option] += number
                    left[option] -= number
                cores.append(sorted(core))
    return [tuple(shards[n] for n in core) for core in sorted(cores)]
