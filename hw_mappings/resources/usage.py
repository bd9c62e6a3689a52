"""The usage of whole cores: the sum over their shards; thresholds and exponents that shards have in common count once."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

import numpy as np

from ecc_lava.common import Int
from ecc_lava.networks import QuantisedNetwork, Shard
from hw_mappings.chips import RESOURCES, ChipSpec
from hw_mappings.resources.cores import RESOURCE_INDEX, demands, thresholds_of, usage_of
from hw_mappings.resources.synapses import SynapseModel
from hw_mappings.resources.tiling import Tiling

__all__ = ["ADDITIVE", "core_usages", "overruns"]

ADDITIVE: Final = [index for name, index in RESOURCE_INDEX.items() if name not in ("thresholds", "exponents")]
"""Indices of the resources whose usage adds up."""


def core_usages(
    network: QuantisedNetwork, tilings: Mapping[str, Tiling], cores: Sequence[tuple[Shard, ...]], chip: ChipSpec, model: SynapseModel
) -> Int:
    """Return the usage of every core, (cores, resources)."""
    usage = usage_of(network, tilings, chip, model)
    found = demands(network, chip, model)
    of_shard: dict[Shard, tuple[Any, frozenset[int], frozenset[int]]] = {}
    for name, tiling in tilings.items():
        thresholds = thresholds_of(found[name].population, tiling)
        rows = usage[name].reshape(tiling.number, -1)
        of_shard |= {s: (row, t, found[name].exponents) for s, row, t in zip(tiling.shards, rows, thresholds, strict=True)}
    result = np.zeros((len(cores), len(RESOURCES)), np.int64)
    for number, shards in enumerate(cores):
        parts = [of_shard[shard] for shard in shards]
        result[number] = sum(row for row, *_ in parts)
        result[number, RESOURCE_INDEX["thresholds"]] = len(frozenset().union(*(t for _, t, _ in parts)))
        result[number, RESOURCE_INDEX["exponents"]] = len(frozenset().union(*(e for *_, e in parts)))
    return result


def overruns(usage: Mapping[str, int], chip: ChipSpec) -> dict[str, tuple[int, int]]:
    """Return (used, max) of every resource that exceeds its limit."""
    limits = {name: chip.limit(name) for name in RESOURCES}
    return {name: (usage[name], most) for name, most in limits.items() if most is not None and usage[name] > most}
