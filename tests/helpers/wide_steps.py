"""Networks of one step population of wide weights, and the signs that whole numbers give it."""

from __future__ import annotations

from fractions import Fraction

import numpy as np

from ecc_lava.common.arrays import Array, Shape
from ecc_lava.geometry import Dense, Geometry, apply, scaled_by_target, target_shape, with_kernel
from ecc_lava.inputs import InputCoding
from ecc_lava.networks.spiking import Population, Projection, SpikingNetwork
from ecc_lava.networks.wiring import Kind

__all__ = ["exact_signs", "step_network"]


def step_network(shape: Shape, bias: Array, *into: Geometry, timesteps: int = 1, coding: str = "graded") -> SpikingNetwork:
    """Return inputs, one for each projection -> steps "s" -> steps "t" of few of them -> a readout of one value."""
    reached = target_shape(into[0], shape)
    neurons = int(np.prod(reached))
    one, zero = np.ones((1, 1, 1)), np.zeros((1, 1, 1))
    inputs = [Population(f"x{i}", shape, Kind.INPUT, zero, one, zero, one) for i in range(len(into))]
    populations = (
        *inputs,
        Population("s", reached, Kind.STEP, bias, zero, zero, one),
        Population("t", (1, 1, 3), Kind.STEP, -one, zero, zero, one),
        Population("out", (1, 1, 1), Kind.READOUT, zero, one, zero, one),
    )
    projections = (
        *(Projection(p.name, "s", geometry) for p, geometry in zip(inputs, into, strict=True)),
        Projection("s", "t", Dense(np.random.default_rng(0).normal(size=(neurons, 3)))),
        Projection("t", "out", Dense(np.ones((3, 1)))),
    )
    codings = tuple(InputCoding(coding, uint8_scale=1.0, scale=1.0) for _ in inputs)
    return SpikingNetwork(populations, projections, codings, timesteps)


def exact_signs(network: SpikingNetwork, images: dict[str, Array], units: Array) -> Array:
    """Return the signs of "s" in whole numbers of any size, for weights rounded in these units and biases that are not."""
    population = network.by_name["s"]
    total: Array = np.zeros((len(next(iter(images.values()))), *population.shape), object)
    for p in network.into("s"):
        whole = np.rint(scaled_by_target(p.geometry, units)).astype(np.int64)
        total = total + apply(with_kernel(p.geometry, whole), images[p.source].astype(np.int64)).astype(object)
    exact = np.vectorize(Fraction)(np.broadcast_to(population.bias, population.shape)) * np.vectorize(Fraction)(units)
    return (total + exact >= 0).astype(np.uint8)
