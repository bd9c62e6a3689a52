"""Networks of one layer or one neuron."""

from __future__ import annotations

import numpy as np

from ecc_lava.common.arrays import Shape
from ecc_lava.geometry import Dense, Geometry, target_shape
from ecc_lava.inputs import InputCoding
from ecc_lava.networks import QuantisedNetwork
from ecc_lava.networks.spiking import Population, Projection, SpikingNetwork
from ecc_lava.networks.wiring import Kind
from tests.helpers.networks import Neurons, Wire, integer_network

__all__ = ["one_projection", "one_readout", "through_one_neuron"]


def one_projection(shape: Shape, geometry: Geometry) -> QuantisedNetwork:
    """Return input -> p -> readout with `geometry` between the first two, and a p that fires on its own."""
    rng = np.random.default_rng(0)
    target = target_shape(geometry, shape)

    def neurons(name: str, of: Shape) -> Neurons:
        if name != "p":
            return Neurons(Kind.INPUT if name == "input" else Kind.READOUT)
        return Neurons(Kind.IF, *(rng.integers(low, high, of).astype(np.int32) for low, high in ((-500, 9000), (3000, 9000), (0, 9000))))

    shapes = {"input": shape, "p": target, "readout": (1, 1, 3)}
    dense = Dense(np.random.default_rng(2).integers(-127, 128, (int(np.prod(target)), 3)).astype(np.int8))
    return integer_network(shapes, [Wire("input", "p", -5, geometry), Wire("p", "readout", -3, dense)], neurons)


def one_readout() -> QuantisedNetwork:
    """Return an input and a dense readout without bias."""
    kinds = {"input": Kind.INPUT, "readout": Kind.READOUT}
    kernel = np.random.default_rng(1).integers(-10, 11, (18, 5)).astype(np.int8)
    wire = Wire("input", "readout", 1, Dense(kernel))
    return integer_network({"input": (3, 3, 2), "readout": (1, 1, 5)}, [wire], lambda name, _: Neurons(kinds[name]), timesteps=8)


def through_one_neuron(middle: Population, timesteps: int) -> SpikingNetwork:
    """Return a float network input -> one neuron -> readout on events, all weights 1."""
    source, readout = Population.ideal("x", (1, 1, 1), Kind.INPUT), Population.ideal("r", (1, 1, 1), Kind.READOUT)
    wires = Projection("x", middle.name, Dense(np.ones((1, 1)))), Projection(middle.name, "r", Dense(np.ones((1, 1))))
    return SpikingNetwork((source, middle, readout), wires, (InputCoding("events"),), timesteps)
