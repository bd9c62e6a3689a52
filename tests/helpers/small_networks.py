"""Networks of one population, in floats and in integers, and the conversion of a generated CNN."""

from __future__ import annotations

import numpy as np
from hypothesis import settings

import ecc_lava
from ecc_lava.common.arrays import Array, Shape
from ecc_lava.formats.loihi2 import LOIHI2
from ecc_lava.geometry import Conv, Dense, Geometry, Sparse, target_shape
from ecc_lava.graph.graph import Graph
from ecc_lava.inputs import InputCoding
from ecc_lava.networks import QuantisedNetwork, QuantisedPopulation, QuantisedProjection
from ecc_lava.networks.spiking import Population, Projection, SpikingNetwork
from ecc_lava.networks.wiring import Kind

MANY = settings(max_examples=50)


def converted(graph: Graph, timesteps: int = 8, recipe: str = "channel") -> tuple[SpikingNetwork, Array]:
    """Return a graph's spiking network, and what it was calibrated on."""
    x = np.random.default_rng(1).uniform(-1, 1, (4, *graph.input.shape))
    return ecc_lava.convert(graph, calibration=x, timesteps=timesteps, recipe=recipe), x


def float_network(shape: Shape, *into: Geometry, timesteps: int = 8, bias: float = 0.0) -> SpikingNetwork:
    """Return input -> a population with projections `into` (all from the input) -> a readout of one value."""
    reached = target_shape(into[0], shape)
    one, zero = np.ones((1, 1, 1)), np.zeros((1, 1, 1))
    populations = (
        Population("input", shape, Kind.INPUT, zero, one, zero, one),
        Population("p", reached, Kind.IF, bias * one, one, 0.5 * one, one),
        Population("out", (1, 1, 1), Kind.READOUT, zero, one, zero, one),
    )
    last = Dense(np.full((int(np.prod(reached)), 1), 0.5))
    projections = (*(Projection("input", "p", g) for g in into), Projection("p", "out", last))
    return SpikingNetwork(populations, projections, (InputCoding(),), timesteps)


def single(geometry: Conv | Sparse, exponent: int, bias: int = 0) -> QuantisedNetwork:
    """Return integers of input -> a population -> a readout of one value."""
    zero = np.zeros((1, 1, 1), np.int32)
    source = geometry.source if isinstance(geometry, Sparse) else (1, 1, geometry.kernel.shape[2])
    target = target_shape(geometry, source)
    populations = (
        QuantisedPopulation("input", source, Kind.INPUT, 0, zero, zero, zero),
        QuantisedPopulation("p", target, Kind.IF, 1, zero + bias, zero + 100, zero),
        QuantisedPopulation("out", (1, 1, 1), Kind.READOUT, 2, zero, zero, zero),
    )
    projections = (
        QuantisedProjection("input", "p", 0, exponent, geometry),
        QuantisedProjection("p", "out", 0, 0, Dense(np.ones((int(np.prod(target)), 1), np.int8))),
    )
    return QuantisedNetwork(populations, projections, LOIHI2, 8, (InputCoding(),), 4, (1.0,))
