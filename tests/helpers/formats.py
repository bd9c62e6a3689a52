"""Single layers in each number format."""

from __future__ import annotations

import numpy as np
import pytest

from ecc_lava.common.arrays import Array
from ecc_lava.formats.table import FORMATS
from ecc_lava.geometry import Conv, Dense
from ecc_lava.inputs import InputCoding
from ecc_lava.networks.spiking import Population, Projection, SpikingNetwork
from ecc_lava.networks.wiring import Kind

__all__ = ["BY_NAME", "one_layer", "random_kernel"]

BY_NAME = pytest.mark.parametrize("format", FORMATS.values(), ids=list(FORMATS))


def one_layer(kernel: Array, bias: Array | float = 0.0, timesteps: int = 8) -> SpikingNetwork:
    """Return input -> "p" -> a readout "out" of one value, rate-coded."""
    one, zero = np.ones((1, 1, 1)), np.zeros((1, 1, 1))
    channels = kernel.shape[3]
    populations = (
        Population("input", (4, 4, kernel.shape[2]), Kind.INPUT, zero, one, zero, one),
        Population("p", (4, 4, channels), Kind.IF, zero + bias, one, 0.5 * one, one),
        Population("out", (1, 1, 1), Kind.READOUT, zero, one, zero, one),
    )
    side = kernel.shape[0] // 2
    projections = (
        Projection("input", "p", Conv(kernel, padding=(side,) * 4)),
        Projection("p", "out", Dense(np.linspace(-0.01, 0.01, 16 * channels)[:, None])),
    )
    return SpikingNetwork(populations, projections, (InputCoding("rate"),), timesteps)


def random_kernel(channels: int, spread: float = 0.5, seed: int = 0) -> Array:
    """Return 3x3 weights whose channels are of different sizes."""
    rng = np.random.default_rng(seed)
    return rng.normal(0, 0.1, (3, 3, 3, channels)) * np.exp(rng.normal(0, spread, channels))
