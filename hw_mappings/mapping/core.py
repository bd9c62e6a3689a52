"""One core of a mapping and its usage."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from ecc_lava.networks import QuantisedNetwork, Shard
from hw_mappings.chips import RESOURCES, Address, ChipSpec
from hw_mappings.resources import SynapseModel, Tiling, core_usages

__all__ = ["MappedCore", "mapped_cores"]


@dataclass(frozen=True)
class MappedCore:
    """One core.

    Attributes
    ----------
    address : Address
    shards : tuple of Shard
    usage : resource -> amount used
    """

    address: Address
    shards: tuple[Shard, ...]
    usage: dict[str, int]


def mapped_cores(
    network: QuantisedNetwork,
    tilings: dict[str, Tiling],
    addresses: Sequence[Address],
    cores: Sequence[tuple[Shard, ...]],
    chip: ChipSpec,
    model: SynapseModel,
) -> tuple[MappedCore, ...]:
    """Return the cores with the usage of each."""
    usages = core_usages(network, tilings, cores, chip, model).tolist()
    return tuple(
        MappedCore(address, shards, dict(zip(RESOURCES, usage, strict=True)))
        for address, shards, usage in zip(addresses, cores, usages, strict=True)
    )
