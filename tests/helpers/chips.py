"""Small chips, networks in a chip's own format, and spikes between cores, for the mapper's tests."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from ecc_lava.formats.table import number_format
from ecc_lava.geometry import with_kernel
from ecc_lava.networks import QuantisedNetwork, QuantisedProjection
from ecc_lava.networks.wiring import Kind
from hw_mappings import LOIHI2
from hw_mappings.chips import BOARDS, ChipSpec, Figure
from hw_mappings.chips import CHIPS as BUILT_IN
from hw_mappings.placement import Trees

__all__ = ["CHIPS", "DISCRETE", "ROOMY", "TINY", "chip_with", "for_chip", "random_trees", "with_multicast"]


def chip_with(**amounts: int | None) -> ChipSpec:
    """Return Loihi 2 with some figures changed."""
    figures: dict[str, Any] = {name: Figure(value, False, "a test") for name, value in amounts.items()}
    return replace(LOIHI2, name="tiny", **figures)


def with_multicast(chip: ChipSpec, value: int) -> ChipSpec:
    """Return a chip whose routers copy spikes (1) or whose cores send a message to each core (0)."""
    return replace(chip, multicast=Figure(value, False, "a test"))


def random_trees(rng: np.random.Generator, cores: int) -> Trees:
    """Return spikes of random cores to random sets of other cores; of one core there are none."""
    lengths = rng.integers(1, max(cores, 2), int(rng.integers(1, 40)) if cores > 1 else 0)
    sources = rng.integers(0, cores, len(lengths))
    targets = [
        rng.choice(np.delete(np.arange(cores), source), length, replace=False) for source, length in zip(sources, lengths, strict=True)
    ]
    starts = np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64)
    return Trees(sources, starts, np.concatenate([np.zeros(0, np.int64), *targets]), rng.integers(1, 9, len(lengths)).astype(float))


DISCRETE = chip_with(population_atoms=None)
"""A chip without population axons."""
TINY = chip_with(compartments=24, memory_bits=None, synapse_bits=12_000, input_axons=150, output_axons=400, chips=1000)
ROOMY = chip_with(compartments=10**9, memory_bits=None, delay_max=1)
"""A core holds anything, but delays by one step only, so that longer skips take repeaters."""
CHIPS = {
    **{name: chip for name, chip in BUILT_IN.items() if chip not in BOARDS},
    "tiny": TINY,
    "tiny pool": chip_with(compartments=32, memory_bits=24_000),
}


def for_chip(network: QuantisedNetwork, chip: ChipSpec) -> QuantisedNetwork:
    """Return the network with the chip's number format and the coding it takes.

    If that is another format, neurons are trivial and weights wider than it holds lose their low bits.
    """
    format = number_format(chip.format)
    if format == network.format:
        return network
    zero = np.zeros((1, 1, 1), np.int32)
    populations = tuple(replace(p, bias=zero, vth=zero + format.vth_min * (p.kind is Kind.IF), v_init=zero) for p in network.populations)
    codings = tuple(replace(coding, kind=format.default_coding) for coding in network.codings)
    widest = format.weight_bits
    projections = tuple(_narrowed(p, widest) if p.bits > widest else p for p in network.projections)
    bits = min(network.bits, widest)
    return replace(network, populations=populations, projections=projections, format=format, bits=bits, codings=codings)


def _narrowed(projection: QuantisedProjection, bits: int) -> QuantisedProjection:
    geometry, step = projection.geometry, 2 ** (projection.bits - bits)
    return replace(projection, geometry=with_kernel(geometry, np.trunc(geometry.kernel / step).astype(np.int8)), bits=bits)
