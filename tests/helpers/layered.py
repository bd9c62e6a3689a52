"""Small chips, and chains of layers with zero weights, for the mapper's tests."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise
from typing import Any

import numpy as np

from ecc_lava.common.arrays import Shape
from ecc_lava.formats.loihi2 import LOIHI2 as LOIHI2_FORMAT
from ecc_lava.formats.table import number_format
from ecc_lava.geometry import Conv, Dense, Geometry, target_shape
from ecc_lava.inputs import InputCoding
from ecc_lava.networks.integer import QuantisedNetwork, QuantisedPopulation, QuantisedProjection
from ecc_lava.networks.wiring import Kind, depths
from hw_mappings import LOIHI1, LOIHI2
from hw_mappings.chips import ChipSpec, Figure

__all__ = ["CHIPS", "DISCRETE", "TINY", "chain", "chip_with", "for_chip", "same_conv"]


def chip_with(**amounts: int | None) -> ChipSpec:
    """Return Loihi 2 with some figures changed."""
    figures: dict[str, Any] = {name: Figure(value, False, "a test") for name, value in amounts.items()}
    return replace(LOIHI2, name="tiny", **figures)


DISCRETE = chip_with(population_atoms=None)
"""A chip without population axons."""
TINY = chip_with(compartments=24, memory_bits=None, synapse_bits=12_000, input_axons=150, output_axons=400, chips=1000)
CHIPS = {"loihi2": LOIHI2, "loihi1": LOIHI1, "tiny": TINY, "tiny pool": chip_with(compartments=32, memory_bits=24_000)}


def chain(shape: Shape, *layers: Geometry, skip: bool = False) -> QuantisedNetwork:
    """Return a chain of layers with zero weights and trivial neurons; with `skip` the first also feeds the readout."""
    names = ["input", *(f"p{n}" for n in range(len(layers) - 1)), "readout"]
    shapes = {"input": shape}
    wires: list[tuple[str, str, Geometry]] = []
    for (source, target), geometry in zip(pairwise(names), layers, strict=True):
        shapes[target] = target_shape(geometry, shapes[source])
        wires.append((source, target, geometry))
    if skip:
        wires.append(("p0", "readout", Dense(np.zeros((int(np.prod(shapes["p0"])), shapes["readout"][2]), np.int8))))
    depth = depths(names, [(s, t) for s, t, _ in wires])
    one = np.ones((1, 1, 1), np.int32)
    kinds = {"input": Kind.INPUT, "readout": Kind.READOUT}
    populations = tuple(QuantisedPopulation(n, shapes[n], kinds.get(n, Kind.IF), depth[n], 0 * one, one, 0 * one) for n in names)
    projections = tuple(QuantisedProjection(s, t, depth[t] - depth[s] - 1, 0, g) for s, t, g in wires)
    return QuantisedNetwork(populations, projections, LOIHI2_FORMAT, 8, (InputCoding(),), 32, (1.0,))


def for_chip(network: QuantisedNetwork, chip: ChipSpec) -> QuantisedNetwork:
    """Return the network with the chip's number format and the coding it takes, and trivial neurons if that is another format."""
    format = number_format(chip.format)
    if format == network.format:
        return network
    zero = np.zeros((1, 1, 1), np.int32)
    populations = tuple(replace(p, bias=zero, vth=zero + format.vth_min * (p.kind is Kind.IF), v_init=zero) for p in network.populations)
    codings = tuple(replace(coding, kind=format.default_coding) for coding in network.codings)
    return replace(network, populations=populations, format=format, codings=codings)


def same_conv(channels: int, out: int, size: int = 3) -> Conv:
    """Return a convolution that keeps the size of the map."""
    return Conv(np.zeros((size, size, channels, out), np.int8), padding=(size // 2,) * 4)
