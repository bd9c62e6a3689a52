"""The usage of every shard of a tiling, counted without enumerating synapses.

- Compartments: neurons times compartments per neuron.
- Synaptic memory: see `hw_mappings.resources.synapses`.
- Input and output axons: see `hw_mappings.resources.axons`; they depend on the tilings of both sides.
- Delay slots: a neuron holds 1 + d timesteps of input, where d is the largest delay into it.
- Thresholds: distinct thresholds of the neurons; a population that never fires has none.
- Exponents: distinct exponents of the projections into the population.
- Memory: lists, state (with what was sent so far, where spikes have a sign), delayed input and both axon tables together.

Usage is an int64 array whose last axis follows `RESOURCES`.
"""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import Final

import numpy as np

from ecc_lava.common import Array, Int, Shape
from ecc_lava.geometry import Sparse
from ecc_lava.networks import Kind, QuantisedNetwork, QuantisedPopulation, QuantisedProjection
from hw_mappings.chips import RESOURCES, ChipSpec
from hw_mappings.resources.axes import axes_of
from hw_mappings.resources.axons import Axons, axons, host_cuts
from hw_mappings.resources.synapses import SynapseModel, source_neurons, synapse_bits
from hw_mappings.resources.tiling import Cut, Cuts, Tiling

__all__ = [
    "RESOURCE_INDEX",
    "axon_table",
    "Demand",
    "demands",
    "fits",
    "limits_of",
    "projection_axons",
    "thresholds_of",
    "usage_of",
    "usage_without_axons",
    "with_axons",
]

RESOURCE_INDEX: Final = {name: index for index, name in enumerate(RESOURCES)}
"""Index of every resource on the last axis of usage."""
_UNLIMITED: Final = 2**62


@dataclass(frozen=True, eq=False)
class Demand:
    """A population with all that its usage of cores depends on.

    Attributes
    ----------
    population : QuantisedPopulation
    into : tuple of (projection, source population)
    chip : ChipSpec
    model : SynapseModel
    """

    population: QuantisedPopulation
    into: tuple[tuple[QuantisedProjection, QuantisedPopulation], ...]
    chip: ChipSpec
    model: SynapseModel

    @property
    def name(self) -> str:
        """Name of the population."""
        return self.population.name

    @property
    def shape(self) -> Shape:
        """(H, W, C) of the population."""
        return self.population.shape

    @property
    def slots_per_neuron(self) -> int:
        """Number of timesteps of input that one neuron holds."""
        return 1 + max((p.delay for p, source in self.into if source.kind is not Kind.INPUT), default=0)

    @cached_property
    def exponents(self) -> frozenset[int]:
        """Distinct exponents of the weights into the population."""
        return frozenset(p.exponent for p, _ in self.into)

    @cached_property
    def likeness(self) -> Hashable:
        """All that the usage of any tiling depends on, so that equal layers are counted once; of thresholds, which are equal."""
        _, firsts, numbers = np.unique(self.population.vth, return_index=True, return_inverse=True)
        thresholds = self.population.vth.shape, firsts[numbers].tobytes()
        into = tuple(
            (
                id(p.geometry) if isinstance(p.geometry, Sparse) else axes_of(p.geometry, source.shape),
                *(source.shape, source.kind is Kind.INPUT, p.bits, p.delay, p.exponent),
            )
            for p, source in self.into
        )
        return self.shape, self.population.kind.spikes, self.population.payload.signed, thresholds, into


def demands(network: QuantisedNetwork, chip: ChipSpec, model: SynapseModel) -> dict[str, Demand]:
    """Return the demand of every population except the inputs, in the network's order."""
    return {
        p.name: Demand(p, tuple((q, network.by_name[q.source]) for q in network.into(p.name)), chip, model)
        for p in network.populations
        if p.kind is not Kind.INPUT
    }


def thresholds_of(population: QuantisedPopulation, tiling: Tiling) -> list[frozenset[int]]:
    """Return the distinct thresholds in every shard, in the order of `Tiling.shards`."""
    if not population.kind.spikes:
        return [frozenset()] * tiling.number
    vth = population.vth
    if vth.size == 1:
        return [frozenset(vth.ravel().tolist())] * tiling.number
    if vth.size == population.shape[2]:
        return _along_channels(tuple(vth.ravel().tolist()), tiling.cuts[2]) * (tiling.grid[0] * tiling.grid[1])
    return [frozenset(np.unique(vth[shard.slices]).tolist()) for shard in tiling.shards]


@lru_cache(maxsize=4096)
def _along_channels(vth: tuple[int, ...], channels: Cut) -> list[frozenset[int]]:
    return [frozenset(vth[start:stop]) for start, stop in channels]


def usage_without_axons(demand: Demand, tiling: Tiling) -> Int:
    """Return the usage of every shard without axons, (rows, columns, channels, resources)."""
    chip, neurons = demand.chip, tiling.neurons
    usage = np.zeros((*tiling.grid, len(RESOURCES)), np.int64)
    compartments = neurons * chip.amount("compartments_per_neuron")
    slots = neurons * demand.slots_per_neuron
    state = compartments * chip.amount("state_bits") + neurons * chip.amount("signed_state_bits") * demand.population.payload.signed
    bits = sum(
        synapse_bits(p.geometry, source.shape, tiling, p.bits, p.delay.bit_length() * (source.kind is not Kind.INPUT), chip, demand.model)
        for p, source in demand.into
    )
    parts: dict[str, Int | int] = {
        "compartments": compartments,
        "synapse_bits": bits,
        "memory_bits": bits + state + (slots - neurons) * chip.amount("delay_slot_bits"),
        "delay_slots": slots,
        "thresholds": np.array([len(t) for t in thresholds_of(demand.population, tiling)]).reshape(tiling.grid),
        "exponents": len(demand.exponents),
    }
    for resource, amount in parts.items():
        usage[..., RESOURCE_INDEX[resource]] = amount
    return usage


def with_axons(own: Int, arriving: Int | int, leaving: Int | int, chip: ChipSpec) -> Int:
    """Return usage with arriving and leaving axons added, each an array (rows, columns, channels)."""
    usage = own.copy()
    for added, resource, bits in ((arriving, "input_axons", "input_axon_bits"), (leaving, "output_axons", "output_axon_bits")):
        if isinstance(added, np.ndarray) or added:
            usage[..., RESOURCE_INDEX[resource]] += added
            if chip.amount(bits):
                usage[..., RESOURCE_INDEX["memory_bits"]] += added * chip.amount(bits)
    return usage


def axon_table(chip: ChipSpec) -> Int:
    """Return the indices of input axons, output axons and memory, and the bits of memory that an axon of either kind takes, (5,)."""
    indices = [RESOURCE_INDEX[name] for name in ("input_axons", "output_axons", "memory_bits")]
    return np.array([*indices, chip.amount("input_axon_bits"), chip.amount("output_axon_bits")], np.int64)


def projection_axons(
    projection: QuantisedProjection, source: QuantisedPopulation, sources: Cuts | None, targets: Cuts, chip: ChipSpec
) -> Axons:
    """Return the axons of a projection; the source is the host if `sources` is None."""
    return axons(projection.geometry, source.shape, host_cuts(source.shape, chip) if sources is None else sources, targets, chip)


def least_arriving(projection: QuantisedProjection, source: QuantisedPopulation, targets: Tiling, chip: ChipSpec) -> Int:
    """Return the fewest axons that arrive in every shard for any cuts of the source."""
    whole = host_cuts(source.shape, chip)
    fewest = axons(projection.geometry, source.shape, whole, targets.cuts, chip).arriving
    return np.minimum(fewest, source_neurons(projection.geometry, source.shape, targets))


def usage_of(network: QuantisedNetwork, tilings: Mapping[str, Tiling], chip: ChipSpec, model: SynapseModel) -> dict[str, Int]:
    """Return the usage of every shard, population -> (rows, columns, channels, resources)."""
    found = demands(network, chip, model)
    usage = {name: usage_without_axons(demand, tilings[name]) for name, demand in found.items()}
    for name, demand in found.items():
        for projection, source in demand.into:
            sources = tilings[source.name].cuts if source.name in found else None
            link = projection_axons(projection, source, sources, tilings[name].cuts, chip)
            usage[name] = with_axons(usage[name], link.arriving, 0, chip)
            if sources is not None:
                usage[source.name] = with_axons(usage[source.name], 0, link.leaving, chip)
    return usage


def limits_of(chip: ChipSpec) -> Int:
    """Return a core's limits in the order of `RESOURCES`; a missing limit becomes a number larger than any usage."""
    values = [chip.limit(name) for name in RESOURCES]
    return np.array([_UNLIMITED if value is None else value for value in values], np.int64)


def fits(usage: Array, limits: Int) -> bool:
    """Whether no shard exceeds a core's limits."""
    return bool((usage <= limits).all())
