"""Repeaters: populations that only delay, where a skip is longer than the chip can delay spikes by.

A repeater has one neuron for every neuron of its source, with one synapse of weight vth and no bias: it fires one step after its source,
always. Of a projection that needs a delay of d on a chip that delays by at most m, the spikes go through d - m repeaters in a row; all
projections out of a population share them. Spikes from the host are not repeated: the host sends them later.
"""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise

import numpy as np

from ecc_lava.geometry import diagonal
from ecc_lava.networks import Kind, QuantisedNetwork, QuantisedPopulation, QuantisedProjection
from hw_mappings.chips import ChipSpec

__all__ = ["repeated", "repeater_name", "with_repeaters"]


def repeater_name(source: str, number: int) -> str:
    """Return the name of the n-th repeater behind a population, counted from 1."""
    return f"{source}.repeater{number}"


def repeated(repeater: str) -> str:
    """Return the name of the population that a repeater repeats."""
    return repeater.rsplit(".repeater", 1)[0]


def _repeaters(
    network: QuantisedNetwork, source: QuantisedPopulation, number: int
) -> tuple[list[QuantisedPopulation], list[QuantisedProjection]]:
    bits = network.format.binary_bits
    weight = 1 << network.format.dropped_bits(bits)
    vth, zero = np.full((1, 1, 1), weight << network.format.shift(0), np.int32), np.zeros((1, 1, 1), np.int32)
    one = diagonal(np.full(source.shape[2], weight, np.int8))
    names = [source.name, *(repeater_name(source.name, n) for n in range(1, number + 1))]
    populations = [
        QuantisedPopulation(name, source.shape, Kind.IF, source.depth + n, zero, vth, zero) for n, name in enumerate(names[1:], start=1)
    ]
    return populations, [QuantisedProjection(a, b, 0, 0, one, bits) for a, b in pairwise(names)]


def with_repeaters(network: QuantisedNetwork, chip: ChipSpec) -> QuantisedNetwork:
    """Return the network with the repeaters that the chip makes necessary: itself, if none."""
    most = chip.amount("delay_max")
    needed: dict[str, int] = {}
    for p in network.projections:
        if p.delay > most and network.by_name[p.source].kind is not Kind.INPUT:
            needed[p.source] = max(needed.get(p.source, 0), p.delay - most)
    if not needed:
        return network
    populations: list[QuantisedPopulation] = []
    projections: list[QuantisedProjection] = []
    for population in network.populations:
        populations.append(population)
        if population.name in needed:
            made, wires = _repeaters(network, population, needed[population.name])
            populations += made
            projections += wires
    for p in network.projections:
        extra = max(p.delay - most, 0) if p.source in needed else 0
        source = repeater_name(p.source, extra) if extra else p.source
        projections.append(replace(p, source=source, delay=p.delay - extra))
    return replace(network, populations=tuple(populations), projections=tuple(projections), trace=(*network.trace, "with_repeaters"))
