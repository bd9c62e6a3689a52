"""What a shard takes of a core: (used, max) for every resource, counted without enumerating synapses.

- Compartments: neurons times compartments per neuron.
- Input axons: one table entry per projection and source neuron with at least one synapse into the shard (discrete axons).
- Output axons: one per projection, neuron and destination core it has a synapse on (no multicast).
- Synaptic memory: a list of synapses is stored once for all source neurons of a channel whose in-shard targets and weights differ
  only by a shift: ::

      synapse_bits = sum over distinct lists of ceil_word(header + entries * (weight_bits + index_bits + delay_bits))

  with index_bits = ceil(log2(neurons in the shard)). Zero weights are stored like others. The weights of a Sparse are each its own, so
  that no two source neurons share a list.
- Memory: lists, state and both axon tables together, on chips where one memory holds them all.

Spikes injected by the host need no core, so the input population is not counted here.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from ecc_lava.network import Kind
from ecc_lava.quantised import QuantisedNetwork
from ecc_lava.shard import Shard
from hw_mappings.chips.spec import RESOURCES, ChipSpec
from hw_mappings.outgoing import Outgoing
from hw_mappings.reach import Reach, reach_of

__all__ = ["Incoming", "Usage", "incoming", "overruns", "shard_usage", "total"]


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
    """A projection seen from its target: what its shards need from the source, and the bits of one synapse besides its index."""

    source: str
    from_host: bool
    reach: Reach
    synapse_bits: int


def incoming(network: QuantisedNetwork, population: str) -> tuple[Incoming, ...]:
    """Return the projections into a population as the resource function takes them."""
    found = []
    for p in network.into(population):
        source = network.by_name[p.source]
        reach = reach_of(p.geometry, source.shape)
        found.append(Incoming(p.source, source.kind is Kind.INPUT, reach, p.bits + p.delay.bit_length()))
    return tuple(found)


def _list_bits(lists: tuple[tuple[int, int], ...], entry_bits: int, chip: ChipSpec) -> int:
    """Return what lists of synapses, given as (entries, lists of so many), take."""
    header, word = chip.amount("list_header_bits"), chip.amount("list_word_bits")
    return sum(number * -(-(header + entries * entry_bits) // word) * word for entries, number in lists)


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
    needs = [p.reach.profile(shard) for p in sources]
    synapse_bits = sum(_list_bits(need.lists, p.synapse_bits + index_bits, chip) for p, need in zip(sources, needs, strict=True))
    input_axons = sum(need.reached for need in needs)
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
