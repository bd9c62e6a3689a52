"""What a shard takes of a core: (used, max) for every resource, counted without enumerating synapses.

- Compartments: neurons times compartments per neuron.
- Input axons: one table entry per projection and source neuron with at least one synapse into the shard (discrete axons).
- Output axons: one per projection, neuron and destination core it has a synapse on (no multicast).
- Synaptic memory: a list of synapses is stored once for all source neurons of a channel whose in-shard targets and weights differ
  only by a shift: ::

      synapse_bits = sum over distinct lists of ceil_word(header + entries * (weight_bits + index_bits + delay_bits))

  with index_bits = ceil(log2(neurons in the shard)). Zero weights are stored like others.
- Memory: lists, state and both axon tables together, on chips where one memory holds them all.

Spikes injected by the host need no core, so the input population is not counted here.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from ecc_lava.arrays import Int, Shape
from ecc_lava.network import Kind
from ecc_lava.quantised import QuantisedNetwork
from ecc_lava.shard import Shard
from hw_mappings.axes import Axis, axes_of, profile, reach_prefix
from hw_mappings.chips.spec import RESOURCES, ChipSpec

__all__ = ["Incoming", "Outgoing", "Usage", "incoming", "outgoing", "overruns", "ranges", "shard_usage", "total"]


@dataclass(frozen=True)
class Usage:
    """What is used of one core, by resource."""

    compartments: int
    synapse_bits: int
    memory_bits: int
    input_axons: int
    output_axons: int

    def against(self, chip: ChipSpec) -> dict[str, tuple[int, int | None]]:
        """Return (used, max) per resource; max is None where the chip does not limit it."""
        return {name: (getattr(self, name), chip.limit(name)) for name in RESOURCES}


@dataclass(frozen=True)
class Incoming:
    """A projection seen from its target: its axes, and the bits of one synapse besides its index."""

    source: str
    from_host: bool
    axes: tuple[Axis, Axis, Axis]
    synapse_bits: int


@dataclass(frozen=True, eq=False)
class Outgoing:
    """A projection seen from its source: where its destinations' cores reach.

    Attributes
    ----------
    target : str
    prefixes : three arrays (distinct ranges, size + 1)
        Per axis, how many of the first n source indices each distinct range of targets reads.
    indices : three arrays (cores,)
        Which of the distinct ranges each destination core has.
    """

    target: str
    prefixes: tuple[Int, Int, Int]
    indices: tuple[Int, Int, Int]

    def along(self, axis: int, start: int, stop: int) -> Int:
        """Return, per distinct range of an axis, how many source indices in `start` to `stop` it reads."""
        prefix = self.prefixes[axis]
        counts: Int = prefix[:, stop] - prefix[:, start]
        return counts

    def axons(self, shard: Shard) -> Int:
        """Return the number of the shard's neurons with a synapse on each destination core, (cores,)."""
        counts = [self.along(axis, *bounds)[self.indices[axis]] for axis, bounds in enumerate(ranges(shard))]
        result: Int = counts[0] * counts[1] * counts[2]
        return result


def ranges(shard: Shard) -> tuple[tuple[int, int], tuple[int, int], tuple[int, int]]:
    """Return the shard's row, column and channel range."""
    return shard.y, shard.x, shard.c


def incoming(network: QuantisedNetwork, population: str) -> tuple[Incoming, ...]:
    """Return the projections into a population as the resource function takes them."""
    found = []
    for p in network.into(population):
        source = network.by_name[p.source]
        axes = axes_of(p.geometry, source.shape)
        found.append(Incoming(p.source, source.kind is Kind.INPUT, axes, network.bits + p.delay.bit_length()))
    return tuple(found)


def _outgoing(target: str, axes: tuple[Axis, Axis, Axis], destinations: Sequence[Shard]) -> Outgoing:
    prefixes, indices = [], []
    for axis, bounds in zip(axes, zip(*(ranges(d) for d in destinations), strict=True), strict=True):
        distinct = {span: number for number, span in enumerate(dict.fromkeys(bounds))}
        prefixes.append(np.stack([reach_prefix(axis, *span) for span in distinct]))
        indices.append(np.array([distinct[span] for span in bounds], np.int64))
    return Outgoing(target, (prefixes[0], prefixes[1], prefixes[2]), (indices[0], indices[1], indices[2]))


def outgoing(network: QuantisedNetwork, population: str, partition: Mapping[str, Sequence[Shard]]) -> tuple[Outgoing, ...]:
    """Return the projections out of a population, given the shards (one a core) of the populations they end in."""
    shape: Shape = network.by_name[population].shape
    return tuple(
        _outgoing(p.target, axes_of(p.geometry, shape), partition[p.target]) for p in network.projections if p.source == population
    )


def _list_bits(projection: Incoming, shard: Shard, index_bits: int, chip: ChipSpec) -> int:
    header, word = chip.amount("list_header_bits"), chip.amount("list_word_bits")
    entry = projection.synapse_bits + index_bits
    rows, columns, channels = (profile(a, *r).lists for a, r in zip(projection.axes, ranges(shard), strict=True))
    bits = 0
    for row_targets, row_lists in rows:
        for column_targets, column_lists in columns:
            for channel_targets, channel_lists in channels:
                words = -(-(header + row_targets * column_targets * channel_targets * entry) // word)
                bits += row_lists * column_lists * channel_lists * words * word
    return bits


def _input_axons(projection: Incoming, shard: Shard) -> int:
    rows, columns, channels = (profile(a, *r).reached for a, r in zip(projection.axes, ranges(shard), strict=True))
    return rows * columns * channels


def shard_usage(shard: Shard, sources: Sequence[Incoming], targets: Sequence[Outgoing], chip: ChipSpec) -> Usage:
    """Return what `shard` takes of a core of a chip.

    Parameters
    ----------
    shard : Shard
    sources : the projections into its population
    targets : the projections out of it, with their destinations' shards
    chip : ChipSpec
    """
    index_bits = (shard.neurons - 1).bit_length()
    compartments = shard.neurons * chip.amount("compartments_per_neuron")
    synapse_bits = sum(_list_bits(p, shard, index_bits, chip) for p in sources)
    input_axons = sum(_input_axons(p, shard) for p in sources)
    output_axons = sum(int(p.axons(shard).sum()) for p in targets)
    memory_bits = (
        synapse_bits
        + compartments * chip.amount("state_bits")
        + input_axons * chip.amount("input_axon_bits")
        + output_axons * chip.amount("output_axon_bits")
    )
    return Usage(compartments, synapse_bits, memory_bits, input_axons, output_axons)


def total(usages: Sequence[Usage]) -> Usage:
    """Return what several shards on one core take together."""
    sums = {name: sum(getattr(usage, name) for usage in usages) for name in RESOURCES}
    return Usage(**sums)


def overruns(usage: Usage, chip: ChipSpec) -> dict[str, tuple[int, int]]:
    """Return (used, max) of every resource whose limit is exceeded."""
    return {name: (used, most) for name, (used, most) in usage.against(chip).items() if most is not None and used > most}
