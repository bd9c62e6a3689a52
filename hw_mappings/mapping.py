"""A mapping: which shard of which population is on which core of which chip, and what each core uses.

A mapping is complete in itself: the chip is part of it, and every promise that needs no network is checked at birth. `check` compares
it with the network it is for.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np

from ecc_lava.arrays import Shape
from ecc_lava.errors import InvalidNetwork
from ecc_lava.network import Kind
from ecc_lava.quantised import QuantisedNetwork
from ecc_lava.shard import Shard
from hw_mappings.chips.spec import RESOURCES, ChipSpec
from hw_mappings.outgoing import outgoing, ranges
from hw_mappings.placement import Address
from hw_mappings.resources import Usage, incoming, overruns, shard_usage, total

__all__ = ["MappedCore", "Mapping", "usage_of"]


@dataclass(frozen=True)
class MappedCore:
    """One core: where it is, what lives on it, what that takes."""

    address: Address
    shards: tuple[Shard, ...]
    usage: Usage


@dataclass(frozen=True)
class Mapping:
    """A network laid out on the cores of a chip.

    Attributes
    ----------
    network_digest : str
        SHA-256 of the network it was made for.
    populations : tuple of (name, shape)
        Those on cores, in the network's order. The input is not among them: the host injects its spikes.
    chip : ChipSpec
    cores : tuple of MappedCore
        In the order of the network; addresses are distinct.
    lower_bound_cores : int
        Cores below which no mapping exists.
    """

    network_digest: str
    populations: tuple[tuple[str, Shape], ...]
    chip: ChipSpec
    cores: tuple[MappedCore, ...]
    lower_bound_cores: int

    def __post_init__(self) -> None:
        if not re.fullmatch("[0-9a-f]{64}", self.network_digest):
            raise InvalidNetwork(f"the network digest {self.network_digest!r} is not a SHA-256")
        if not 1 <= self.lower_bound_cores <= len(self.cores):
            raise InvalidNetwork(f"the mapping has {len(self.cores)} cores and a lower bound of {self.lower_bound_cores}")
        self._check_cores()
        if len({name for name, _ in self.populations}) != len(self.populations):
            raise InvalidNetwork("the mapping names a population twice")
        unknown = {shard.population for core in self.cores for shard in core.shards} - {name for name, _ in self.populations}
        if unknown:
            raise InvalidNetwork(f"the mapping has shards of unknown populations: {', '.join(sorted(unknown))}")
        for name, shape in self.populations:
            _check_tiles(name, shape, self.shards_of(name))

    def _check_cores(self) -> None:
        chips, per_chip = self.chip.amount("chips"), self.chip.amount("cores")
        seen: set[Address] = set()
        for core in self.cores:
            where = f"core {core.address.core} of chip {core.address.chip}"
            if not (0 <= core.address.chip < chips and 0 <= core.address.core < per_chip):
                raise InvalidNetwork(f"{where} does not exist; {self.chip.name} has {chips} chips of {per_chip} cores")
            if core.address in seen:
                raise InvalidNetwork(f"{where} is used twice")
            if not core.shards:
                raise InvalidNetwork(f"{where} holds nothing")
            if min(getattr(core.usage, resource) for resource in RESOURCES) < 0:
                raise InvalidNetwork(f"{where} uses less than nothing")
            for resource, (used, most) in overruns(core.usage, self.chip).items():
                raise InvalidNetwork(f"{where} uses {used} {resource}; the limit is {most}")
            compartments = sum(shard.neurons for shard in core.shards) * self.chip.amount("compartments_per_neuron")
            if core.usage.compartments != compartments:
                raise InvalidNetwork(f"{where} says it uses {core.usage.compartments} compartments; its shards take {compartments}")
            seen.add(core.address)

    @cached_property
    def _by_population(self) -> dict[str, tuple[Shard, ...]]:
        found: dict[str, list[Shard]] = {name: [] for name, _ in self.populations}
        for core in self.cores:
            for shard in core.shards:
                found.setdefault(shard.population, []).append(shard)
        return {name: tuple(shards) for name, shards in found.items()}

    def shards_of(self, population: str) -> tuple[Shard, ...]:
        """Return the shards of a population in the order of the cores."""
        return self._by_population[population]

    @property
    def chips(self) -> int:
        """Number of chips with at least one core in use."""
        return len({core.address.chip for core in self.cores})

    def check(self, network: QuantisedNetwork) -> None:
        """Check that this mapping is one of `network`, and that every core's usage is what the network makes it.

        Raises
        ------
        InvalidNetwork
            If the network is another one, with both digests, or the first core whose figures differ.
        """
        if network.digest != self.network_digest:
            raise InvalidNetwork(f"this mapping is of the network {self.network_digest}, not of {network.digest}; map the network again")
        populations = tuple((p.name, p.shape) for p in network.populations if p.kind is not Kind.INPUT)
        if populations != self.populations:
            raise InvalidNetwork(f"the mapping has the populations {self.populations}, its network {populations}")
        usages = usage_of(network, [core.shards for core in self.cores], self.chip)
        for core, usage in zip(self.cores, usages, strict=True):
            if core.usage != usage:
                raise InvalidNetwork(f"core {core.address.core} of chip {core.address.chip} says it uses {core.usage}; it is {usage}")

    def save(self, path: str | Path) -> None:
        """Write the mapping to a file."""
        from hw_mappings.mapping_file import save_mapping

        save_mapping(self, path)

    @staticmethod
    def load(path: str | Path) -> Mapping:
        """Read a mapping from a file; `FileError` if it cannot be trusted."""
        from hw_mappings.mapping_file import load_mapping

        return load_mapping(path)


def usage_of(network: QuantisedNetwork, cores: Sequence[tuple[Shard, ...]], chip: ChipSpec) -> list[Usage]:
    """Return what each core uses, given the shards on every core."""
    partition: dict[str, list[Shard]] = {p.name: [] for p in network.populations}
    for shards in cores:
        for shard in shards:
            partition[shard.population].append(shard)
    sources = {name: incoming(network, name) for name in partition}
    targets = {name: outgoing(network, name, partition) for name in partition}
    return [total([shard_usage(s, sources[s.population], targets[s.population], chip) for s in shards]) for shards in cores]


def _check_tiles(population: str, shape: Shape, shards: Sequence[Shard]) -> None:
    """Check that the shards cover every neuron of a population exactly once."""
    if len(shape) != 3 or min(shape) < 1:
        raise InvalidNetwork(f"population {population!r} has shape {shape}; all of (H, W, C) must be at least 1")
    for shard in shards:
        if any(stop > length for (_, stop), length in zip(ranges(shard), shape, strict=True)):
            raise InvalidNetwork(f"{shard} reaches outside its population of shape {shape}")
    neurons = sum(shard.neurons for shard in shards)
    if neurons != shape[0] * shape[1] * shape[2]:
        raise InvalidNetwork(f"the shards of {population!r} hold {neurons} neurons; the population has {shape[0] * shape[1] * shape[2]}")
    # painted on the grid of all edges, not of all neurons: as small as the tiling is simple
    edges = [np.unique([edge for shard in shards for edge in ranges(shard)[axis]]) for axis in range(3)]
    covered = np.zeros([len(along) for along in edges], bool)
    for shard in shards:
        box = tuple(slice(*np.searchsorted(along, span)) for along, span in zip(edges, ranges(shard), strict=True))
        if covered[box].any():
            raise InvalidNetwork(f"{shard} overlaps another shard of {population!r}")
        covered[box] = True
