"""Shards of whole populations, and random ones, on cores."""

from __future__ import annotations

from itertools import pairwise, product

import numpy as np

from ecc_lava.common.arrays import Shape
from ecc_lava.networks import QuantisedNetwork
from ecc_lava.networks.shard import Shard, whole
from ecc_lava.networks.wiring import Kind
from hw_mappings import Mapping
from hw_mappings.chips import ChipSpec
from hw_mappings.chips.mesh import Address
from hw_mappings.mapping.core import mapped_cores
from hw_mappings.partition.repeaters import chip_network
from hw_mappings.resources.synapses import SynapseModel
from hw_mappings.resources.tiling import tiling_of
from tests.helpers.chips import ROOMY

__all__ = ["random_mapping", "random_tiling", "whole_cores"]


def whole_cores(network: QuantisedNetwork) -> list[list[Shard]]:
    """Return a core for every population."""
    return [[whole(p.name, p.shape)] for p in network.populations if p.kind is not Kind.INPUT]


def _cuts(rng: np.random.Generator, size: int) -> list[tuple[int, int]]:
    """Cut an axis in up to three ranges."""
    inner = rng.choice(np.arange(1, size), min(size - 1, int(rng.integers(0, 3))), replace=False).tolist() if size > 1 else []
    return list(pairwise([0, *sorted(inner), size]))


def _boxes(rng: np.random.Generator, name: str, shape: Shape, grid: bool) -> list[Shard]:
    """Cut a population at random along each axis; the cuts of one range go on through the others only in a grid."""
    if grid:
        return [Shard(name, *spans) for spans in product(*(_cuts(rng, size) for size in shape))]
    return [Shard(name, y, x, c) for y in _cuts(rng, shape[0]) for x in _cuts(rng, shape[1]) for c in _cuts(rng, shape[2])]


def _dealt(rng: np.random.Generator, shards: list[Shard], cores: int) -> list[list[Shard]]:
    """Deal shards to cores at random, so that none stays empty."""
    cores = min(cores, len(shards))
    dealt: list[list[Shard]] = [[] for _ in range(cores)]
    for place, index in enumerate(rng.permutation(len(shards)).tolist()):
        dealt[place if place < cores else int(rng.integers(cores))].append(shards[index])
    return dealt


def random_tiling(rng: np.random.Generator, network: QuantisedNetwork, cores: int) -> list[list[Shard]]:
    """Cut every population into random boxes and deal them to cores at random."""
    shards = [box for p in network.populations if p.kind is not Kind.INPUT for box in _boxes(rng, p.name, p.shape, grid=False)]
    return _dealt(rng, shards, cores)


def random_mapping(rng: np.random.Generator, network: QuantisedNetwork, cores: int, chip: ChipSpec = ROOMY) -> Mapping:
    """Cut every population into a random grid and deal the shards to cores at random."""
    deployed = chip_network(network, chip).network
    on_cores = [p for p in deployed.populations if p.kind is not Kind.INPUT]
    tilings = {p.name: tiling_of(p.name, p.shape, _boxes(rng, p.name, p.shape, grid=True)) for p in on_cores}
    held = [tuple(core) for core in _dealt(rng, [shard for tiling in tilings.values() for shard in tiling.shards], cores)]
    addresses = [Address(0, number) for number in range(len(held))]
    usages = mapped_cores(deployed, tilings, addresses, held, chip, SynapseModel.STRICT)
    return Mapping(network.digest, tuple((p.name, p.shape) for p in on_cores), chip, usages, 1)
