"""What the host writes to give a population other weights, such as the exemplar of a tracker."""

from __future__ import annotations

from typing import NamedTuple

from ecc_lava.errors import InvalidInput
from ecc_lava.networks import QuantisedNetwork
from hw_mappings.mapping import Mapping
from hw_mappings.resources import RESOURCE_INDEX, demands, usage_without_axons

__all__ = ["Reload", "reload_cost"]


class Reload(NamedTuple):
    """The rewriting of a population's synapses on a chip.

    Attributes
    ----------
    cores : int
        Cores that hold a part of the population: each is written.
    weight_bits : int
        The new weights once, as the host knows them.
    written_bits : int
        Synaptic memory of the population on all its cores: the lists with headers and indices, which repeat a weight in every core and
        for every kind of border. All else on the chip stays: neurons, axons, routes and the other populations.
    chip_bits : int
        Synaptic memory of all populations, which a new network would write.
    """

    cores: int
    weight_bits: int
    written_bits: int
    chip_bits: int


def reload_cost(mapping: Mapping, network: QuantisedNetwork, population: str) -> Reload:
    """Return what it costs the host to write other weights into a population of a mapped network.

    Bits, not time: how long a host takes to write a core's memory is not public of Loihi 2.

    Parameters
    ----------
    mapping : Mapping
    network : QuantisedNetwork
        Of the mapping.
    population : str
        One that hears others.

    Raises
    ------
    InvalidInput
        If the network has no such population on cores.
    InvalidNetwork
        If the mapping is of another network.
    """
    held = mapping.chip_network(network).network
    known = demands(held, mapping.chip, mapping.model)
    if population not in known:
        raise InvalidInput(f"no population {population!r} is on cores; there are {', '.join(known)}")
    bits = {
        name: int(usage_without_axons(demand, mapping.tilings[name])[..., RESOURCE_INDEX["synapse_bits"]].sum())
        for name, demand in known.items()
    }
    return Reload(
        sum(any(shard.population == population for shard in core.shards) for core in mapping.cores),
        sum(p.geometry.kernel.size * p.bits for p in held.into(population)),
        bits[population],
        sum(bits.values()),
    )
