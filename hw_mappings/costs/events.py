"""Events on the chips while one image is shown, counted from the activity of a simulation. Nothing here has a price."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ecc_lava.analysis import ImageEvents, image_events
from ecc_lava.backends import Result
from ecc_lava.common import Float
from ecc_lava.errors import InvalidInput
from ecc_lava.networks import Kind
from hw_mappings.chips import board_positions
from hw_mappings.mapping import DeployedNetwork
from hw_mappings.placement import Routes, hops_of, loads, mean_rate, routes
from hw_mappings.resources import arrivals, edges, host_cuts, projection_axons

__all__ = ["Events", "events"]


@dataclass(frozen=True, eq=False)
class Events:
    """Means per image, or per frame of a stream.

    Attributes
    ----------
    timesteps, depth : int
        T and D: an image takes T steps of every core, and T + D steps from its first spike to its output.
    network : ImageEvents
        Events of the network itself, as any run of it counts them.
    synops : float64 array (cores,)
        Spikes and graded events through the synapses on each core, of whatever payload; their sum is that of the network and its repeaters.
    repeater_synops, repeater_updates : float
        Events of any payload through the synapses of repeaters, and updates of their neurons; the network itself has none of them.
    updates : float64 array (cores,)
        Compartments updated on each core: all of them at every step, because a bias changes every neuron.
    messages : float64 array (cores,)
        Messages from each core to cores: one for each shard that a spike reaches by a projection, each with an input axon
        of its own, so that a core with several such shards gets several.
    message_bits : float
        Bits that all these messages carry: one for a binary spike, else the payload's and one for its sign.
    hops : float64 array (cores, 2)
        Hops of these spikes along rows and along columns, as the chip routes them: where it has multicast, a spike takes a link once.
    routes : Routes
    host_spikes : float
        Messages from the host to cores.
    resets, outputs : int
        Potentials that the host writes before an image, none before a frame of a stream, and that it reads afterwards.
    chips : int
    fullest_chip : float
        Largest fraction of a chip's cores that are in use.
    """

    timesteps: int
    depth: int
    network: ImageEvents
    synops: Float
    repeater_synops: float
    repeater_updates: float
    updates: Float
    messages: Float
    message_bits: float
    hops: Float
    routes: Routes
    host_spikes: float
    resets: int
    outputs: int
    chips: int
    fullest_chip: float


@dataclass(frozen=True, eq=False)
class _SynapseEvents:
    synops: Float
    repeater_synops: float
    host_spikes: float


def _synapse_events(deployed: DeployedNetwork, activity: Result) -> _SynapseEvents:
    mapping, network, chip = deployed.mapping, deployed.network, deployed.mapping.chip
    core_of = {shard: number for number, shards in enumerate(deployed.cores) for shard in shards}
    synops, repeater_synops, host_spikes = np.zeros(len(deployed.cores), np.int64), 0, 0.0
    for p in network.projections:
        source, tiling = network.by_name[p.source], mapping.tilings[p.target]
        _, passed = arrivals(p.geometry, source.shape, deployed.on_chip.sent(p.source, activity), tiling.cuts)
        np.add.at(synops, [core_of[shard] for shard in tiling.shards], passed)
        if p.target in deployed.on_chip.repeats:
            repeater_synops += int(passed.sum())
        if source.kind is Kind.INPUT:
            cuts = host_cuts(source.shape, chip)
            link = projection_axons(p, source, None, tiling.cuts, chip)
            senders = float(edges(p.geometry, source.shape, cuts, tiling.cuts, link.population).senders.sum())
            host_spikes += mean_rate(deployed.on_chip, p.source, activity) * senders
    images = activity.images
    return _SynapseEvents(synops / images, repeater_synops / images, host_spikes)


def _sent(deployed: DeployedNetwork) -> Float:
    """Return what every core sends to cores: messages, hops along rows and hops along columns as the chip routes, (3, cores)."""
    traffic, routed, cores = deployed.traffic, deployed.problem.routed, len(deployed.cores)
    hops = hops_of(routed, board_positions(deployed.addresses, deployed.mapping.chip)) * routed.spikes[:, None]
    messages = np.bincount(traffic.sources, traffic.messages, cores)
    return np.array([messages, *(np.bincount(routed.sources, along, cores) for along in hops.T)], np.float64)


def events(deployed: DeployedNetwork) -> Events:
    """Count events.

    Raises
    ------
    InvalidInput
        If there is no activity to count, or the activity lacks a record of a population's spikes.
    """
    activity, mapping, network = deployed.activity, deployed.mapping, deployed.network
    if activity is None:
        raise InvalidInput("events are counted from activity; simulate the network and deploy it with the result")
    passed = _synapse_events(deployed, activity)
    sent = _sent(deployed)
    cores_per_chip = np.unique([address.chip for address in deployed.addresses], return_counts=True)[1]
    return Events(
        timesteps=activity.timesteps,
        depth=network.depth,
        network=image_events(activity, deployed.on_chip.original),
        synops=passed.synops,
        repeater_synops=passed.repeater_synops,
        repeater_updates=sum(network.by_name[name].neurons for name in deployed.on_chip.repeats) * activity.timesteps,
        updates=np.array([core.usage["compartments"] for core in mapping.cores], np.float64) * activity.timesteps,
        messages=sent[0],
        message_bits=deployed.traffic.payload_bits,
        hops=sent[1:].T,
        routes=routes(loads(deployed.problem.routed, deployed.addresses, mapping.chip), mapping.chip),
        host_spikes=passed.host_spikes,
        resets=0 if network.is_stream else sum(p.neurons for p in network.populations if p.kind.is_stateful),
        outputs=sum(p.neurons for p in network.readouts),
        chips=mapping.chips,
        fullest_chip=float(cores_per_chip.max()) / mapping.chip.amount("cores"),
    )
