"""What happens on the chips while one image is shown, counted from measured activity. Nothing here has a price."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ecc_lava.backends import Result
from ecc_lava.common import Float
from ecc_lava.networks import Kind, QuantisedNetwork
from hw_mappings.chips import board_positions
from hw_mappings.mapping import Mapping
from hw_mappings.partition import with_repeaters
from hw_mappings.placement import Routes, loads, mean_rate, routes, traffic
from hw_mappings.resources import edges, host_cuts, projection_axons, synapse_counts

__all__ = ["Events", "events"]


@dataclass(frozen=True, eq=False)
class Events:
    """Means per image.

    Attributes
    ----------
    timesteps, depth : int
        T and D: an image takes T steps of every core, and T + D steps from its first spike to its output.
    synops : float64 array (cores,)
        Spikes through synapses on each core, at each population's mean rate.
    input_macs : float
        Of them, those of a graded input: multiplications.
    updates : float64 array (cores,)
        Compartments updated on each core; all of them at every step, since a bias changes each.
    messages : float64 array (cores,)
        That each core sends to cores.
    hops : float64 array (cores, 2)
        Of these messages, along rows and along columns.
    routes : Routes
    host_spikes : float
        Messages from the host to cores.
    resets, outputs : int
        Potentials that the host writes before an image, and reads after it.
    chips : int
    fullest_chip : float
        Part of a chip's cores that are in use, of the chip with most.
    """

    timesteps: int
    depth: int
    synops: Float
    input_macs: float
    updates: Float
    messages: Float
    hops: Float
    routes: Routes
    host_spikes: float
    resets: int
    outputs: int
    chips: int
    fullest_chip: float


def events(mapping: Mapping, network: QuantisedNetwork, activity: Result) -> Events:
    """Count events.

    Parameters
    ----------
    mapping : Mapping
    network : QuantisedNetwork
        The one that the mapping is of.
    activity : Result
        A simulation of it.
    """
    network = with_repeaters(network, mapping.chip)
    cores = [core.shards for core in mapping.cores]
    home = {shard: number for number, shards in enumerate(cores) for shard in shards}
    synops, input_macs, host_spikes = np.zeros(len(cores)), 0.0, 0.0
    for p in network.projections:
        source, tiling = network.by_name[p.source], mapping.tilings[p.target]
        is_host = source.kind is Kind.INPUT
        mean = mean_rate(network, p.source, activity)
        counts = synapse_counts(p.geometry, source.shape, tiling).ravel() * mean
        np.add.at(synops, [home[shard] for shard in tiling.shards], counts)
        if is_host:
            input_macs += float(counts.sum()) * (network.largest_sent[p.source] > 1)
            cuts = host_cuts(source.shape, mapping.chip)
            link = projection_axons(p, source, None, tiling.cuts, mapping.chip)
            host_spikes += mean * float(edges(p.geometry, source.shape, cuts, tiling.cuts, link.population).senders.sum())
    carried = traffic(network, mapping.tilings, cores, mapping.chip, activity)
    addresses = [core.address for core in mapping.cores]
    places = board_positions(addresses, mapping.chip)
    distances = np.abs(places[carried.sources] - places[carried.targets])
    weights = (carried.messages, carried.messages * distances[:, 0], carried.messages * distances[:, 1])
    sent = np.array([np.bincount(carried.sources, weight, len(cores)) for weight in weights], np.float64)
    on_chip = np.unique([address.chip for address in addresses], return_counts=True)[1]
    return Events(
        timesteps=activity.timesteps,
        depth=network.depth,
        synops=synops,
        input_macs=input_macs,
        updates=np.array([core.usage["compartments"] for core in mapping.cores], np.float64) * activity.timesteps,
        messages=sent[0],
        hops=sent[1:].T,
        routes=routes(loads(carried, addresses, mapping.chip)),
        host_spikes=host_spikes,
        resets=sum(p.neurons for p in network.populations if p.kind.is_stateful),
        outputs=sum(p.neurons for p in network.readouts),
        chips=mapping.chips,
        fullest_chip=float(on_chip.max()) / mapping.chip.amount("cores"),
    )
