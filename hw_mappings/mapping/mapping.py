"""A mapping: the shards of every population on the cores of chips, and the usage of each core.

A mapping includes its chip and checks every promise that needs no network when it is made. `check` compares the mapping with its network.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from ecc_lava.common import Shape, check_sizes
from ecc_lava.errors import InvalidNetwork
from ecc_lava.networks import Kind, QuantisedNetwork, Shard
from hw_mappings.chips import RESOURCES, Address, ChipSpec
from hw_mappings.mapping.core import MappedCore, mapped_cores
from hw_mappings.mapping.file import Fields, load_mapping, save_mapping
from hw_mappings.partition import ChipNetwork, chip_network
from hw_mappings.resources import SynapseModel, Tiling, overruns, tiling_of

__all__ = ["Mapping"]


@dataclass(frozen=True)
class Mapping:
    """A network laid out on the cores of a chip.

    Attributes
    ----------
    network_digest : str
        SHA-256 of the network that the mapping is of.
    populations : tuple of (name, shape)
        Populations on cores in the network's order: with repeaters, without inputs, whose spikes the host injects.
    chip : ChipSpec
    cores : tuple of MappedCore
        Cores in the order of the network; their addresses are distinct.
    lower_bound_cores : int
        Number of cores below which no mapping exists.
    model : SynapseModel
        Model of synaptic memory that counted the usage.
    """

    network_digest: str
    populations: tuple[tuple[str, Shape], ...]
    chip: ChipSpec
    cores: tuple[MappedCore, ...]
    lower_bound_cores: int
    model: SynapseModel = SynapseModel.STRICT

    def __post_init__(self) -> None:
        if not re.fullmatch("[0-9a-f]{64}", self.network_digest):
            raise InvalidNetwork(f"the network digest {self.network_digest!r} is not a SHA-256")
        if not 1 <= self.lower_bound_cores <= len(self.cores):
            raise InvalidNetwork(f"the mapping has {len(self.cores)} cores and a lower bound of {self.lower_bound_cores}")
        check_sizes(self.populations)
        self._check_cores()
        if len({name for name, _ in self.populations}) != len(self.populations):
            raise InvalidNetwork("the mapping names a population twice")
        unknown = {shard.population for core in self.cores for shard in core.shards} - {name for name, _ in self.populations}
        if unknown:
            raise InvalidNetwork(f"the mapping has shards of unknown populations: {', '.join(sorted(unknown))}")
        self.tilings  # noqa: B018 - made now, to refuse shards that do not tile their population

    def _check_cores(self) -> None:
        chips, per_chip = self.chip.amount("chips"), self.chip.amount("cores")
        blocked = set(self.chip.blocked)
        seen: set[Address] = set()
        for core in self.cores:
            where = f"core {core.address.core} of chip {core.address.chip}"
            if not (0 <= core.address.chip < chips and 0 <= core.address.core < per_chip):
                raise InvalidNetwork(f"{where} does not exist; {self.chip.name} has {chips} chips of {per_chip} cores")
            if (core.address.chip, core.address.core) in blocked or (None, core.address.core) in blocked:
                raise InvalidNetwork(f"{where} is blocked")
            if core.address in seen:
                raise InvalidNetwork(f"{where} is used twice")
            if not core.shards:
                raise InvalidNetwork(f"{where} holds nothing")
            if set(core.usage) != set(RESOURCES) or min(core.usage.values()) < 0:
                raise InvalidNetwork(f"{where} uses {core.usage}; it must use nothing or more of each resource")
            for resource, (used, most) in overruns(core.usage, self.chip).items():
                raise InvalidNetwork(f"{where} uses {used} {resource}; the limit is {most}")
            compartments = sum(shard.neurons for shard in core.shards) * self.chip.amount("compartments_per_neuron")
            if core.usage["compartments"] != compartments:
                raise InvalidNetwork(f"{where} says it uses {core.usage['compartments']} compartments; its shards take {compartments}")
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

    @cached_property
    def tilings(self) -> dict[str, Tiling]:
        """The tiling of every population."""
        return {name: tiling_of(name, shape, self._by_population.get(name, ())) for name, shape in self.populations}

    @property
    def chips(self) -> int:
        """Number of chips with at least one core in use."""
        return len({core.address.chip for core in self.cores})

    def chip_network(self, network: QuantisedNetwork) -> ChipNetwork:
        """Return `network` as the cores of the mapping's chip run it.

        Raises
        ------
        InvalidNetwork
            If the network is another one, with both digests.
        """
        if network.digest != self.network_digest:
            raise InvalidNetwork(f"this mapping is of the network {self.network_digest}, not of {network.digest}; map the network again")
        return chip_network(network, self.chip)

    def check(self, network: QuantisedNetwork) -> None:
        """Check that this mapping is of `network`, and that the usage of every core is right.

        Raises
        ------
        InvalidNetwork
            If the network is another one, with both digests; or for the first core whose usage is wrong.
        """
        network = self.chip_network(network).network
        populations = tuple((p.name, p.shape) for p in network.populations if p.kind is not Kind.INPUT)
        if populations != self.populations:
            raise InvalidNetwork(f"the mapping has the populations {self.populations}, its network {populations}")
        shards = [core.shards for core in self.cores]
        actual = mapped_cores(network, self.tilings, [core.address for core in self.cores], shards, self.chip, self.model)
        for core, true in zip(self.cores, actual, strict=True):
            if core != true:
                raise InvalidNetwork(f"core {core.address.core} of chip {core.address.chip} says it uses {core.usage}; it is {true.usage}")

    def save(self, path: str | Path) -> None:
        """Write the mapping to a file."""
        fields = Fields(
            network_digest=self.network_digest,
            populations=self.populations,
            chip=self.chip,
            cores=self.cores,
            lower_bound_cores=self.lower_bound_cores,
            model=self.model,
        )
        save_mapping(fields, path)

    @staticmethod
    def load(path: str | Path) -> Mapping:
        """Read a mapping from a file; `FileError` if it cannot be trusted."""
        return load_mapping(path, Mapping)
