"""The mapper: partition, then placement, then the figures of every core."""

from __future__ import annotations

from collections.abc import Mapping as MappingType
from collections.abc import Sequence

from ecc_lava.errors import DoesNotFit, InvalidInput
from ecc_lava.network import Kind
from ecc_lava.quantised import QuantisedNetwork
from ecc_lava.result import Result
from ecc_lava.shard import Shard
from hw_mappings.chips.loihi2 import LOIHI2
from hw_mappings.chips.spec import ChipSpec
from hw_mappings.lower_bound import lower_bound_cores
from hw_mappings.mapping import MappedCore, Mapping, usage_of
from hw_mappings.misfit import explain_cores
from hw_mappings.outgoing import outgoing
from hw_mappings.partition import partition
from hw_mappings.placement import PlacementProblem, Placer, sequential

__all__ = ["map_network", "traffic"]


def traffic(
    network: QuantisedNetwork, shards: MappingType[str, Sequence[Shard]], activity: Result | None = None
) -> tuple[tuple[int, int, float], ...]:
    """Return the messages between logical cores, one shard a core, numbered in the order of `shards`.

    Parameters
    ----------
    network : QuantisedNetwork
    shards : shards of every population on cores
    activity : Result or None
        Messages per sample at each population's mean firing rate; without it, per step with every neuron firing.
    """
    first: dict[str, int] = {}
    for name in shards:
        first[name] = sum(len(shards[earlier]) for earlier in first)
    edges: list[tuple[int, int, float]] = []
    for name, own in shards.items():
        spikes = 1.0 if activity is None else float(activity.spike_counts[name].mean()) / network.by_name[name].neurons
        for target in outgoing(network, name, shards):
            for offset, shard in enumerate(own):
                axons = target.axons(shard)
                edges += [(first[name] + offset, first[target.target] + int(n), float(axons[n]) * spikes) for n in axons.nonzero()[0]]
    return tuple(edges)


def map_network(
    network: QuantisedNetwork, chip: ChipSpec = LOIHI2, activity: Result | None = None, *, placer: Placer = sequential
) -> Mapping:
    """Cut a network into shards that each fit a core, and place them, one shard a core.

    The input population takes no cores: the host (or a chip's embedded processors) injects its spikes. The readout takes cores as any
    other population does.

    Parameters
    ----------
    network : QuantisedNetwork
    chip : ChipSpec
        Its number format must be the network's.
    activity : Result or None
        A simulation of the network: its spike counts weigh the traffic that a placer sees. The sequential placer does not look at it.
    placer : Placer

    Raises
    ------
    InvalidInput
        If the network was quantised for another chip's number format, or `activity` is of another network.
    DoesNotFit
        Naming the population, the resource, what it takes, the limit, and the smallest change that fits.
    """
    if network.format.name != chip.format:
        raise InvalidInput(
            f"the network's integers are in the format {network.format.name!r}, chip {chip.name!r} computes in {chip.format!r}: "
            f"quantise the network with format {chip.format!r}, or map it to a chip of format {network.format.name!r}"
        )
    placed = [p for p in network.populations if p.kind is not Kind.INPUT]
    if activity is not None:
        # a readout never fires, so its count may be missing
        missing = [p.name for p in placed if p.kind is not Kind.READOUT and p.name not in activity.spike_counts]
        if missing:
            raise InvalidInput(f"the activity has no spike counts of {', '.join(missing)}; simulate the network that is mapped")
    tilings = partition(network, chip)
    shards = {name: tiling.shards for name, tiling in tilings.items()}
    counts = {name: len(own) for name, own in shards.items()}
    if sum(counts.values()) > chip.cores_in_all:
        raise DoesNotFit(explain_cores(chip, counts))
    cores = [(shard,) for own in shards.values() for shard in own]
    edges = traffic(network, shards, activity)
    addresses = placer(PlacementProblem(len(cores), edges, chip))
    usages = usage_of(network, cores, chip)
    return Mapping(
        network_digest=network.digest,
        populations=tuple((p.name, p.shape) for p in placed),
        chip=chip,
        cores=tuple(MappedCore(*core) for core in zip(addresses, cores, usages, strict=True)),
        lower_bound_cores=lower_bound_cores(network, chip),
    )
