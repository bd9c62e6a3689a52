"""Cuts a network into the plan of a deployment."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import accumulate

import numpy as np

from ecc_lava.backends.activity import Recording
from ecc_lava.backends.lava.cores.clock import Clock
from ecc_lava.backends.lava.cores.plan import CorePlan, LavaPlan, SentBySource
from ecc_lava.backends.lava.cores.shard_plan import ShardPlan
from ecc_lava.backends.lava.cores.synapses import MapPiece, cut_synapses
from ecc_lava.common import Array
from ecc_lava.errors import InvalidInput
from ecc_lava.networks import Kind, QuantisedNetwork, QuantisedPopulation, Shard, whole

__all__ = ["lava_plan"]

_NAMED = 3
"""Most shards that a process's name lists; it gives the number of the others."""


def _check_tiling(network: QuantisedNetwork, cores: Sequence[Sequence[Shard]], once: bool) -> None:
    """Check that the shards cover every neuron outside the inputs exactly once, or without `once` at most once."""
    covered = {p.name: np.zeros(p.shape, np.uint8) for p in network.populations if p.kind is not Kind.INPUT}
    for index, shards in enumerate(cores):
        if not shards:
            raise InvalidInput(f"core {index} holds no shard; leave it out")
        for shard in shards:
            if shard.population not in covered:
                raise InvalidInput(f"core {index} holds a shard of {shard.population!r}, which is not a spiking population or the readout")
            count = covered[shard.population]
            if any(stop > size for (_, stop), size in zip((shard.y, shard.x, shard.c), count.shape, strict=True)):
                raise InvalidInput(f"{shard} on core {index} lies outside its population's shape {count.shape}")
            count[shard.slices] += 1
    for name, count in covered.items():
        wrong = count != 1 if once else count > 1
        if wrong.any():
            where = tuple(int(i) for i in np.argwhere(wrong)[0])
            raise InvalidInput(f"neuron {where} of population {name!r} is on {count[where]} shards; every neuron must be on exactly one")


def _cut(parameter: Array, shard: Shard) -> Array:
    """Return a shard's part of a (1|H, 1|W, 1|C) parameter; axes of length 1 stay."""
    return parameter[tuple(slice(None) if size == 1 else cut for size, cut in zip(parameter.shape, shard.slices, strict=True))].copy()


def _label(index: int, shards: Sequence[Shard], network: QuantisedNetwork) -> str:
    """Return a core's name, which lists its shards."""
    parts = []
    for shard in shards[:_NAMED]:
        box = ", ".join(f"{start}:{stop}" for start, stop in (shard.y, shard.x, shard.c))
        parts.append(
            shard.population if shard == whole(shard.population, network.by_name[shard.population].shape) else f"{shard.population}[{box}]"
        )
    if len(shards) > _NAMED:
        parts.append(f"and {len(shards) - _NAMED} more")
    return f"core {index} ({' '.join(parts)})"


def _sent(values: Array, population: QuantisedPopulation, is_signed: bool) -> SentBySource:
    """Return what the source sends for a population: graded values (N, H, W, C), or spikes (N, T, H, W, C)."""
    by_step = values.reshape(*(values.shape[:2] if values.ndim == 5 else (len(values), 1)), -1)
    return SentBySource(by_step.astype(np.int16 if is_signed else np.uint8, copy=False), population.depth)


def _check_heard(network: QuantisedNetwork, cores: Sequence[Sequence[Shard]], replay: Mapping[str, Array]) -> None:
    """Check that a replay holds the spikes of every population that the cores hear."""
    heard = {p.source for shards in cores for shard in shards for p in network.into(shard.population)}
    missing = heard - set(replay) - {p.name for p in network.inputs}
    if missing:
        raise InvalidInput(f"the replay lacks the spikes of {', '.join(sorted(missing))}, which the cores hear")


def _shard_plan(
    network: QuantisedNetwork, shard: Shard, offset: int, places: Mapping[str, Sequence[MapPiece]], recording: Recording
) -> ShardPlan:
    population: QuantisedPopulation = network.by_name[shard.population]
    synapses = (
        cut_synapses(network, projection, shard, places.get(projection.source, [])) for projection in network.into(shard.population)
    )
    fires = population.kind is not Kind.READOUT
    bias, vth, v_init = (_cut(array, shard) for array in (population.bias, population.vth, population.v_init))
    return ShardPlan(
        shard,
        fires,
        population.kind.is_stateful,
        population.depth,
        bias,
        vth,
        v_init,
        tuple(s for s in synapses if s),
        offset,
        over_time=recording.over_time and not fires,
        payload=population.payload,
        is_checked=network.hears_payloads(shard.population),
        theta=population.theta,
    )


def lava_plan(
    network: QuantisedNetwork,
    cores: Sequence[Sequence[Shard]],
    q: Mapping[str, Array],
    timesteps: int,
    recording: Recording,
    replay: Mapping[str, Array] | None = None,
) -> LavaPlan:
    """Cut the network into a plan for each core.

    Parameters
    ----------
    network : QuantisedNetwork
    cores : sequence of sequences of Shard
        The shards of each core. Without a replay the shards tile every population except the inputs.
    q : input name -> uint8 array (N, H, W, C), or spikes (N, T, H, W, C)
    timesteps : int
    recording : Recording
    replay : population -> what its spikes carried, (N, T, H, W, C), optional
        Spikes that the source sends to the cores in place of the other cores' spikes.

    Raises
    ------
    InvalidInput
        If the shards do not tile the populations, or the replay lacks a population that the cores hear.
    """
    _check_tiling(network, cores, once=replay is None)
    if replay is not None:
        _check_heard(network, cores, replay)
    injected = {**{p.name: q[p.name] for p in network.inputs}, **(replay or {})}
    starts = accumulate((network.by_name[name].neurons for name in injected), initial=0)
    places = {name: [MapPiece(0, start, whole(name, network.by_name[name].shape))] for name, start in zip(injected, starts, strict=False)}
    offsets: list[list[int]] = []
    for index, shards in enumerate(cores):
        lengths = [0 if network.by_name[shard.population].kind is Kind.READOUT else shard.neurons for shard in shards]
        offsets.append([0, *accumulate(lengths)])
        for shard, offset in zip(shards, offsets[-1], strict=False):
            if shard.population not in injected:
                places.setdefault(shard.population, []).append(MapPiece(index + 1, offset, shard))

    plans = []
    for index, shards in enumerate(cores):
        parts = tuple(_shard_plan(network, shard, offset, places, recording) for shard, offset in zip(shards, offsets[index], strict=False))
        sources = sorted({piece.node for part in parts for s in part.synapses for piece in s.pieces} - {index + 1})
        recorded = any(part.shard.population in recording.rasters and part.fires for part in parts)
        plans.append(CorePlan(_label(index, shards, network), parts, tuple(sources), offsets[index][-1], recorded))
    on_cores = {shard.population for shards in cores for shard in shards}
    is_signed = any(network.by_name[name].payload.signed for name in (*injected, *on_cores))
    sent = tuple(_sent(values, network.by_name[name], is_signed) for name, values in injected.items())
    clock = Clock(len(sent[0].values), timesteps, network.depth)
    shapes = {p.name: p.shape for p in network.populations if p.name in on_cores}
    return LavaPlan(sent, tuple(plans), clock, network.format.potential_max, shapes, recording, is_signed)
