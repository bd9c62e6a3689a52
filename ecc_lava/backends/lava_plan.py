"""What every core of a Lava deployment needs, cut from the network: weights, neurons, wires and clock.

Plain data, made once by the caller and pickled into the process that hosts Lava. Nothing here imports Lava or does arithmetic.

Nodes are numbered: 0 is the source (the encoded inputs), k + 1 is core k. At every step a node sends one flat uint8 message: the source its
images one after the other, a core the spikes of its shards one after the other.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import accumulate
from mmap import PAGESIZE

import numpy as np

from ecc_lava.arrays import Array, Shape
from ecc_lava.backends.activity import Wanted
from ecc_lava.backends.lava_arithmetic import CoreArithmetic
from ecc_lava.backends.lava_clock import Clock
from ecc_lava.backends.lava_synapses import Piece, Synapses, cut_synapses
from ecc_lava.errors import InvalidInput
from ecc_lava.network import Kind
from ecc_lava.quantised import QuantisedNetwork, QuantisedPopulation
from ecc_lava.shard import Shard, whole

__all__ = ["SLOTS", "CorePlan", "Plan", "ShardPlan", "make_plan"]

SLOTS = 2
"""Messages that a channel holds. One is in flight at most: no process starts a step before all have finished the last."""


@dataclass(frozen=True, eq=False)
class ShardPlan:
    """One shard on one core.

    Attributes
    ----------
    shard : Shard
    fires : bool
        False for a readout.
    keeps : bool
        Whether the potential is kept from step to step; False for a step population.
    depth : int
    bias, vth, v_init : int32 arrays that broadcast to the shard's shape
    synapses : tuple of Synapses
    offset : int
        Where the shard's spikes start in its core's message.
    over_time : bool
        Whether the core reports the potential after every step of the window.
    """

    shard: Shard
    fires: bool
    keeps: bool
    depth: int
    bias: Array
    vth: Array
    v_init: Array
    synapses: tuple[Synapses, ...]
    offset: int
    over_time: bool

    @property
    def reported(self) -> int:
        """Length of the shard's report: potential and spike count of every neuron, and clips at either rail."""
        return 2 * self.shard.neurons + 2


@dataclass(frozen=True, eq=False)
class CorePlan:
    """One core.

    Attributes
    ----------
    label : str
        Name of the Lava process, for messages.
    shards : tuple of ShardPlan
    sources : tuple of int
        The other nodes whose messages it receives.
    message : int
        Length of the message it sends; 0 if nothing on it fires.
    recorded : bool
        Whether the sink receives its message as well.
    """

    label: str
    shards: tuple[ShardPlan, ...]
    sources: tuple[int, ...]
    message: int
    recorded: bool

    @property
    def report(self) -> int:
        """Length of the report that it sends to the sink."""
        return sum(part.reported for part in self.shards)

    def build(self, node: int, clock: Clock, limit: int) -> CoreArithmetic:
        """Return the core's arithmetic; called in the core's own process."""
        return CoreArithmetic(self.shards, node, clock, limit)


@dataclass(frozen=True, eq=False)
class Plan:
    """A deployment: the cores, the inputs and the clock.

    Attributes
    ----------
    q : uint8 array (N, 1 or T, values of all inputs)
        What the source sends: of graded inputs alone the same at every step.
    cores : tuple of CorePlan
    clock : Clock
    limit : int
        Where potentials saturate.
    populations : dict
        Name -> shape of everything but the inputs.
    wanted : Wanted
    """

    q: Array
    cores: tuple[CorePlan, ...]
    clock: Clock
    limit: int
    populations: Mapping[str, Shape]
    wanted: Wanted

    def message(self, node: int) -> int:
        """Return the length, in bytes, of what a node sends at every step."""
        return self.q.shape[2] if node == 0 else self.cores[node - 1].message

    def source_message(self, step: int) -> Array:
        """Return what the source sends at a step, uint8 (values of all inputs): zeros after the last sample."""
        window = self.clock.window(0, step)
        if window is None:
            return np.zeros_like(self.q[0, 0])
        sample, within = window
        message: Array = self.q[sample, min(within, self.q.shape[1] - 1)]
        return message

    @property
    def macs(self) -> int:
        """Multiplications of one step of the core that has most."""
        return max(sum(s.operator.macs for shard in core.shards for s in shard.synapses) for core in self.cores)

    @property
    def processes(self) -> int:
        """Source, cores and sink."""
        return len(self.cores) + 2

    @property
    def channels(self) -> list[int]:
        """Bytes of a message on each channel between two processes."""
        spikes = [self.message(node) for core in self.cores for node in core.sources]
        return spikes + [core.message for core in self.cores if core.recorded] + [4 * core.report for core in self.cores]

    @property
    def channel_bytes(self) -> int:
        """Shared memory that Lava's channels take: `SLOTS` messages each, in whole pages."""
        control = 2 * self.processes + 2  # to and from the runtime service, for every process and for the runtime
        return sum(-(-SLOTS * message // PAGESIZE) * PAGESIZE for message in self.channels) + control * PAGESIZE

    @property
    def open_files(self) -> int:
        """Descriptors of the process that needs most; measured with lava-nc 0.10.0, rounded up."""
        return 10 * self.processes + 2 * len(self.channels) + 40


def _check_tiling(network: QuantisedNetwork, cores: Sequence[Sequence[Shard]]) -> None:
    """Check that the shards cover every neuron of every population but the inputs exactly once."""
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
        if (count != 1).any():
            where = tuple(int(i) for i in np.argwhere(count != 1)[0])
            raise InvalidInput(f"neuron {where} of population {name!r} is on {count[where]} shards; every neuron must be on exactly one")


def _cut(parameter: Array, shard: Shard) -> Array:
    """Return the part of a (1|H, 1|W, 1|C) parameter that belongs to a shard; axes of length 1 stay."""
    return parameter[tuple(slice(None) if size == 1 else cut for size, cut in zip(parameter.shape, shard.slices, strict=True))].copy()


def _label(index: int, shards: Sequence[Shard], network: QuantisedNetwork) -> str:
    """Name a core by what it holds."""
    parts = []
    for shard in shards:
        box = ", ".join(f"{start}:{stop}" for start, stop in (shard.y, shard.x, shard.c))
        parts.append(
            shard.population if shard == whole(shard.population, network.by_name[shard.population].shape) else f"{shard.population}[{box}]"
        )
    return f"core {index} ({' '.join(parts)})"


def _messages(sent: Sequence[Array]) -> Array:
    """Return what all inputs send, (N, 1 or T, values): graded values (N, H, W, C) are repeated where others send (N, T, H, W, C)."""
    flat = [x.reshape(*(x.shape[:2] if x.ndim == 5 else (len(x), 1)), -1) for x in sent]
    steps = max(x.shape[1] for x in flat)
    return np.concatenate([np.broadcast_to(x, (len(x), steps, x.shape[2])) for x in flat], axis=2)


def make_plan(network: QuantisedNetwork, cores: Sequence[Sequence[Shard]], q: Mapping[str, Array], timesteps: int, wanted: Wanted) -> Plan:
    """Cut the network into what each core needs.

    Parameters
    ----------
    network : QuantisedNetwork
    cores : sequence of sequences of Shard
        The shards of each core; together they tile every population but the inputs.
    q : input name -> uint8 array (N, H, W, C), or spikes (N, T, H, W, C)
    timesteps : int
    wanted : Wanted

    Raises
    ------
    InvalidInput
        If the shards do not tile the populations.
    """
    _check_tiling(network, cores)
    starts = accumulate((p.neurons for p in network.inputs), initial=0)
    places = {p.name: [Piece(0, start, whole(p.name, p.shape))] for p, start in zip(network.inputs, starts, strict=False)}
    offsets: list[list[int]] = []
    for index, shards in enumerate(cores):
        lengths = [0 if network.by_name[shard.population].kind is Kind.READOUT else shard.neurons for shard in shards]
        offsets.append([0, *accumulate(lengths)])
        for shard, offset in zip(shards, offsets[-1], strict=False):
            places.setdefault(shard.population, []).append(Piece(index + 1, offset, shard))

    def shard_plan(shard: Shard, offset: int) -> ShardPlan:
        population: QuantisedPopulation = network.by_name[shard.population]
        synapses = (cut_synapses(network, projection, shard, places[projection.source]) for projection in network.into(shard.population))
        fires = population.kind is not Kind.READOUT
        bias, vth, v_init = (_cut(array, shard) for array in (population.bias, population.vth, population.v_init))
        over_time = wanted.over_time and not fires
        return ShardPlan(
            shard, fires, population.kind.keeps, population.depth, bias, vth, v_init, tuple(s for s in synapses if s), offset, over_time
        )

    plans = []
    for index, shards in enumerate(cores):
        parts = tuple(shard_plan(shard, offset) for shard, offset in zip(shards, offsets[index], strict=False))
        sources = sorted({piece.node for part in parts for s in part.synapses for piece in s.pieces} - {index + 1})
        recorded = any(part.shard.population in wanted.rasters and part.fires for part in parts)
        plans.append(CorePlan(_label(index, shards, network), parts, tuple(sources), offsets[index][-1], recorded))
    images = _messages([q[p.name] for p in network.inputs])
    clock = Clock(len(images), timesteps, network.depth)
    shapes = {p.name: p.shape for p in network.populations if p.kind is not Kind.INPUT}
    return Plan(images, tuple(plans), clock, network.format.potential_max, shapes, wanted)
