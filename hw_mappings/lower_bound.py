"""Fewest cores that any mapping could need, from the network and the chip alone.

For a population p and a resource r let n(p, r) be what all its shards together take at least, whatever the cut, over a core's limit::

    cores >= max( neurons / capacity , sum over p of max over r of n(p, r) )

What is taken at least: every neuron's compartments; every weight that has a synapse once, without index, header or rounding; one input
axon per source neuron with a synapse; one output axon per neuron and projection with a synapse. Nothing here uses the mapper's
counting, so that each checks the other. Cores may be shared by populations, hence the fractions are summed before rounding up.
"""

from __future__ import annotations

from fractions import Fraction
from math import ceil

import numpy as np

from ecc_lava.geometry import Conv, Dense, Geometry, Sparse, fan_out, target_shape
from ecc_lava.network import Kind
from ecc_lava.quantised import QuantisedNetwork
from hw_mappings.chips.spec import RESOURCES, ChipSpec

__all__ = ["lower_bound_cores"]


def _taps_in_use(conv: Conv, axis: int, size: int, out: int) -> int:
    """Return how many taps of the kernel's rows (axis 0) or columns (1) read a source index for at least one target."""
    taps = np.arange(conv.kernel.shape[axis]) * conv.dilation[axis]
    reads = np.arange(out)[:, None] * conv.strides[axis] + taps[None, :] - conv.padding[2 * axis]
    sources, between = np.divmod(reads, conv.input_dilation[axis])
    return int(((between == 0) & (sources >= 0) & (sources < size)).any(axis=0).sum())


def _weights_in_use(geometry: Geometry, source: tuple[int, int, int]) -> int:
    """Return the number of weights that at least one synapse has."""
    match geometry:
        case Dense(kernel=kernel) | Sparse(kernel=kernel):
            return int(kernel.size)
        case Conv(kernel=kernel):
            out = target_shape(geometry, source)
            rows, columns = (_taps_in_use(geometry, axis, source[axis], out[axis]) for axis in (0, 1))
            return rows * columns * int(kernel.shape[2] * kernel.shape[3])


def _senders(geometry: Geometry, source: tuple[int, int, int]) -> int:
    """Return the number of source neurons with at least one synapse."""
    return int((fan_out(geometry, source) > 0).sum())


def _least(network: QuantisedNetwork, population: str, chip: ChipSpec) -> dict[str, int]:
    shapes = {p.name: p.shape for p in network.populations}
    compartments = network.by_name[population].neurons * chip.amount("compartments_per_neuron")
    into = network.into(population)
    synapse_bits = sum(_weights_in_use(p.geometry, shapes[p.source]) for p in into) * network.bits
    input_axons = sum(_senders(p.geometry, shapes[p.source]) for p in into)
    output_axons = sum(_senders(p.geometry, shapes[population]) for p in network.projections if p.source == population)
    memory_bits = (
        synapse_bits
        + compartments * chip.amount("state_bits")
        + input_axons * chip.amount("input_axon_bits")
        + output_axons * chip.amount("output_axon_bits")
    )
    return dict(zip(RESOURCES, (compartments, synapse_bits, memory_bits, input_axons, output_axons), strict=True))


def lower_bound_cores(network: QuantisedNetwork, chip: ChipSpec) -> int:
    """Return a number of cores below which no mapping of the network on this chip exists."""
    neurons, shares = 0, Fraction(0)
    for population in network.populations:
        if population.kind is Kind.INPUT:
            continue
        neurons += population.neurons
        least = _least(network, population.name, chip)
        limits = {name: chip.limit(name) for name in RESOURCES}
        shares += max(Fraction(least[name], limit) for name, limit in limits.items() if limit is not None)
    capacity = Fraction(neurons * chip.amount("compartments_per_neuron"), chip.amount("compartments"))
    return max(1, ceil(capacity), ceil(shares))
