"""Repeaters: populations that only delay spikes, where a projection needs a longer delay than the chip has.

A repeater has one neuron for every neuron of its source, with one synapse of weight vth, no bias and the source's payload. It always sends
what its source sent one step earlier, signs included: it holds no rest, and never takes back more than it sent. If a projection needs a
delay of d and the chip delays by at most m, the spikes pass through d - m repeaters in a row. All projections out of a population share its
repeaters. Spikes from the host are not repeated: the host sends them later.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import lru_cache
from itertools import chain, pairwise, repeat

import numpy as np

from ecc_lava.backends import Result
from ecc_lava.common import Int, check_sizes
from ecc_lava.errors import InvalidInput
from ecc_lava.geometry import diagonal
from ecc_lava.networks import Kind, QuantisedNetwork, QuantisedPopulation, QuantisedProjection
from hw_mappings.chips import ChipSpec

__all__ = ["ChipNetwork", "chip_network"]


@dataclass(frozen=True, eq=False)
class ChipNetwork:
    """A network as the cores of a chip run it.

    Attributes
    ----------
    chip : ChipSpec
    original : QuantisedNetwork
        Without repeaters; the network whose digest a mapping stores.
    network : QuantisedNetwork
        With the repeaters that the chip needs; `original` itself if it needs none.
    repeats : repeater -> the population of `original` whose spikes it repeats
    """

    chip: ChipSpec
    original: QuantisedNetwork
    network: QuantisedNetwork
    repeats: Mapping[str, str]

    def origin(self, population: str) -> str:
        """Return the population of `original` that fires the spikes of a population of `network`."""
        return self.repeats.get(population, population)

    def sent(self, population: str, activity: Result) -> Int:
        """Return the number of spikes of every neuron of a population of `network` over all images, (H, W, C).

        Raises
        ------
        InvalidInput
            If the activity has no record of the population.
        """
        known = self.origin(population)
        if known not in activity.counts:
            raise InvalidInput(f"the activity lacks the counts of {known!r}; simulate with record=[p.name for p in network.populations]")
        total: Int = activity.messages(known).sum(axis=0, dtype=np.int64)
        return total


def _repeaters(
    network: QuantisedNetwork, source: QuantisedPopulation, number: int
) -> tuple[list[QuantisedPopulation], list[QuantisedProjection]]:
    bits = network.format.binary_bits
    weight = 1 << network.format.dropped_bits(bits)
    vth, zero = np.full((1, 1, 1), weight << network.format.shift(0), np.int32), np.zeros((1, 1, 1), np.int32)
    one = diagonal(np.full(source.shape[2], weight, np.int8))
    names = [_name(source.name, n) for n in range(number + 1)]
    populations = [
        QuantisedPopulation(name, source.shape, Kind.IF, source.depth + n, zero, vth, zero, source.payload)
        for n, name in enumerate(names[1:], start=1)
    ]
    return populations, [QuantisedProjection(a, b, 0, 0, one, bits) for a, b in pairwise(names)]


def _name(source: str, number: int) -> str:
    """Return the name of the n-th repeater behind a population, counted from 1; the 0th is the population itself."""
    return f"{source}.repeater{number}" if number else source


@lru_cache(maxsize=4)
def chip_network(network: QuantisedNetwork, chip: ChipSpec) -> ChipNetwork:
    """Return the network with the repeaters that the chip makes necessary, made once for each of the latest networks and chips."""
    most = chip.amount("delay_max")
    needed: dict[str, int] = {}
    for p in network.projections:
        if p.delay > most and network.by_name[p.source].kind is not Kind.INPUT:
            needed[p.source] = max(needed.get(p.source, 0), p.delay - most)
    if not needed:
        return ChipNetwork(chip, network, network, {})
    copies = (repeat((p.name, p.shape), 1 + needed.get(p.name, 0)) for p in network.populations)
    check_sizes(chain.from_iterable(copies))  # before any is made
    populations: list[QuantisedPopulation] = []
    projections: list[QuantisedProjection] = []
    repeats: dict[str, str] = {}
    for population in network.populations:
        populations.append(population)
        if population.name in needed:
            repeaters, links = _repeaters(network, population, needed[population.name])
            populations += repeaters
            projections += links
            repeats |= {repeater.name: population.name for repeater in repeaters}
    for p in network.projections:
        extra = max(p.delay - most, 0) if p.source in needed else 0
        projections.append(replace(p, source=_name(p.source, extra), delay=p.delay - extra))
    with_repeaters = replace(
        network, populations=tuple(populations), projections=tuple(projections), trace=(*network.trace, "with_repeaters")
    )
    return ChipNetwork(chip, network, with_repeaters, repeats)
