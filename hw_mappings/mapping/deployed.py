"""A network on the cores of its mapping, made once and handed to costs, report and page.

Nothing here counts events or has a price.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

from ecc_lava.backends import Result
from ecc_lava.networks import QuantisedNetwork, Shard
from hw_mappings.chips import Address
from hw_mappings.mapping.mapping import Mapping
from hw_mappings.partition import ChipNetwork
from hw_mappings.placement import PlacementProblem, Traffic, Trees, spike_trees, traffic

__all__ = ["DeployedNetwork", "deployed"]


@dataclass(frozen=True, eq=False)
class DeployedNetwork:
    """A network on the cores of its mapping.

    Attributes
    ----------
    mapping : Mapping
    on_chip : ChipNetwork
        The network that the mapping is of, with its repeaters.
    activity : Result or None
        A simulation of that network; without it, every neuron fires at every step.
    """

    mapping: Mapping
    on_chip: ChipNetwork
    activity: Result | None = None

    @property
    def network(self) -> QuantisedNetwork:
        """The network with its repeaters."""
        return self.on_chip.network

    @cached_property
    def cores(self) -> Sequence[tuple[Shard, ...]]:
        """The shards of every core."""
        return [core.shards for core in self.mapping.cores]

    @cached_property
    def addresses(self) -> tuple[Address, ...]:
        """The address of every core."""
        return tuple(core.address for core in self.mapping.cores)

    @cached_property
    def traffic(self) -> Traffic:
        """Messages between the cores: per image with activity, per step without."""
        return traffic(self.on_chip, self.mapping.tilings, self.cores, self.activity)

    @cached_property
    def spikes(self) -> Trees:
        """Spikes by the cores that they reach: per image with activity, per step without."""
        return spike_trees(self.on_chip, self.mapping.tilings, self.cores, self.activity)

    @property
    def problem(self) -> PlacementProblem:
        """The problem that a placer of these cores solves."""
        return PlacementProblem(len(self.cores), self.traffic, self.mapping.chip, spikes=self.spikes)


def deployed(mapping: Mapping, network: QuantisedNetwork, activity: Result | None = None) -> DeployedNetwork:
    """Return a network on the cores of its mapping.

    Parameters
    ----------
    mapping : Mapping
    network : QuantisedNetwork
        Without repeaters.
    activity : Result or None
        A simulation of the network.

    Raises
    ------
    InvalidNetwork
        If the mapping is of another network.
    """
    return DeployedNetwork(mapping, mapping.chip_network(network), activity)
