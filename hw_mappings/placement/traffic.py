"""Messages between the cores of a plan."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from ecc_lava.backends import Result
from ecc_lava.common import Float, Int
from ecc_lava.networks import Shard
from hw_mappings.partition import ChipNetwork
from hw_mappings.placement.problem import Traffic
from hw_mappings.resources import Tiling, edges, projection_axons

__all__ = ["homes_of", "mean_rate", "rates_of", "traffic"]


def mean_rate(on_chip: ChipNetwork, population: str, activity: Result) -> float:
    """Return the mean spikes of a neuron of a population per image or frame, of whatever payload; a repeater fires as its source does."""
    name = population if population in activity.spike_counts else on_chip.origin(population)
    return float(activity.spike_counts[name].mean()) / on_chip.network.by_name[population].neurons


def rates_of(on_chip: ChipNetwork, tiling: Tiling, activity: Result | None) -> Float:
    """Return the mean spikes of a neuron of every shard, (shards,): per image or frame, or 1 a step without activity.

    The rate is the mean over the shard's recorded spikes, or the population's mean without a record.
    """
    name = tiling.population
    if activity is None:
        return np.ones(tiling.number)
    if name in activity.counts:
        mean = activity.messages(name).sum(axis=0, dtype=np.int64) / activity.images
        return np.array([float(mean[shard.slices].mean()) for shard in tiling.shards])
    return np.full(tiling.number, mean_rate(on_chip, name, activity))


def homes_of(tilings: Mapping[str, Tiling], cores: Sequence[tuple[Shard, ...]]) -> dict[str, Int]:
    """Return the core of every shard, population -> int64 array (shards,), in the order of `Tiling.shards`."""
    home = {shard: number for number, shards in enumerate(cores) for shard in shards}
    return {name: np.array([home[shard] for shard in tiling.shards]) for name, tiling in tilings.items()}


def traffic(on_chip: ChipNetwork, tilings: Mapping[str, Tiling], cores: Sequence[tuple[Shard, ...]], activity: Result | None) -> Traffic:
    """Return the messages between logical cores, without the spikes from the host.

    Parameters
    ----------
    on_chip : ChipNetwork
    tilings : population -> its tiling
    cores : shards of every core
    activity : Result or None
        Messages per sample at each shard's mean firing rate; without it, per step with every neuron firing.
    """
    network = on_chip.network
    homes = homes_of(tilings, cores)
    pairs, messages, payload_bits = [np.zeros(0, np.int64)], [np.zeros(0)], 0.0
    for p in network.projections:
        if p.source not in tilings:
            continue
        source, sources, targets = network.by_name[p.source], tilings[p.source].cuts, tilings[p.target].cuts
        link = projection_axons(p, source, sources, targets, on_chip.chip)
        joined = edges(p.geometry, source.shape, sources, targets, link.population)
        pairs.append(homes[p.source][joined.sources] * len(cores) + homes[p.target][joined.targets])
        messages.append(joined.senders * rates_of(on_chip, tilings[p.source], activity)[joined.sources])
        payload_bits += float(messages[-1].sum()) * (source.payload.bits + source.payload.signed)
    distinct, index = np.unique(np.concatenate(pairs), return_inverse=True)
    summed = np.bincount(index.ravel(), np.concatenate(messages), len(distinct)).astype(np.float64)
    return Traffic(distinct // len(cores), distinct % len(cores), summed, payload_bits)
