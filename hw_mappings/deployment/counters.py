"""Counters of every core of a mapping, predicted from a simulation. A deployment compares its measured counters with them."""

from __future__ import annotations

from collections.abc import Mapping as MappingOf
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ecc_lava.backends import Result
from ecc_lava.common import Array, Int
from ecc_lava.networks import QuantisedNetwork, Shard
from hw_mappings.mapping import Mapping
from hw_mappings.partition import chip_network
from hw_mappings.resources import arrivals

__all__ = ["CoreCounters", "by_core", "predicted_counters"]


@dataclass(frozen=True)
class CoreCounters:
    """Counters of one core over all images together.

    Attributes
    ----------
    spikes_in : int
        Spikes, and nonzero events of a graded input, from sources with a synapse on the core, once per projection and shard. Spikes of the
        core's own neurons count too.
    spikes_out : int
        Spikes of the core's neurons, of whatever payload.
    synops : int
        Synapses that these events passed; each is a multiplication for a graded input, and for spikes with a payload.
    updates : int
        Updates of compartments: each at every step.
    """

    spikes_in: int
    spikes_out: int
    synops: int
    updates: int


def by_core(mapping: Mapping, of_shards: MappingOf[Shard, Array], numbers: Sequence[int] | None = None) -> tuple[CoreCounters, ...]:
    """Return the sums over the shards of every core, in the order of the mapping.

    Parameters
    ----------
    mapping : Mapping
    of_shards : shard -> (spikes in, spikes out, synops, updates of neurons)
    numbers : sequence of int, optional
        Return these cores alone.
    """
    per_neuron = mapping.chip.amount("compartments_per_neuron")
    counters = []
    for core in mapping.cores if numbers is None else [mapping.cores[number] for number in numbers]:
        spikes_in, spikes_out, synops, updates = np.sum([of_shards[shard] for shard in core.shards], axis=0).tolist()
        counters.append(CoreCounters(spikes_in, spikes_out, synops, updates * per_neuron))
    return tuple(counters)


def predicted_counters(mapping: Mapping, network: QuantisedNetwork, activity: Result) -> tuple[CoreCounters, ...]:
    """Return the counters of every core, in the order of the mapping.

    Parameters
    ----------
    mapping : Mapping
    network : QuantisedNetwork
        The network that the mapping is of.
    activity : Result
        A simulation of that network with every population recorded.

    Raises
    ------
    InvalidInput
        If a population is not recorded.
    """
    on_chip = chip_network(network, mapping.chip)
    deployed = on_chip.network
    images = activity.images
    counts = {p.name: on_chip.sent(p.name, activity) for p in deployed.populations}
    of_shards: dict[Shard, Int] = {}
    for name, tiling in mapping.tilings.items():
        for shard in tiling.shards:
            fired = int(counts[name][shard.slices].sum())
            of_shards[shard] = np.array([0, fired, 0, shard.neurons * activity.timesteps * images], np.int64)
        for p in deployed.into(name):
            spikes, synops = arrivals(p.geometry, deployed.by_name[p.source].shape, counts[p.source], tiling.cuts)
            for shard, arrived, passed in zip(tiling.shards, spikes.tolist(), synops.tolist(), strict=True):
                of_shards[shard] += np.array([arrived, 0, passed, 0], np.int64)
    return by_core(mapping, of_shards)
