"""Potentials at the start, such that SANA-FE's neuron does within a population's window what the chip's does.

SANA-FE's neuron fires above the threshold, the chip's at it: potentials begin half a unit higher, and are then never equal to one. Its bias
acts from the first step on, d steps before the window of a population of depth d opens: potentials begin lower by what it will have
added. Where a neuron would fire in these steps, it begins lower still, and the host lifts it when the window opens. When it has closed, the
host pushes all neurons down to where potentials saturate, as their spikes would be counted.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np

from ecc_lava.common import Array, Int
from ecc_lava.errors import InvalidInput
from ecc_lava.networks import Kind, QuantisedPopulation

__all__ = ["DOWN", "HALF", "Neurons", "neurons_of"]

HALF: Final = 0.5

DOWN: Final = -(2**24)
"""What the host adds when a window has closed: more than the range of potentials of 24 bits."""

_NEVER: Final = 2**30
"""The threshold of a readout."""


@dataclass(frozen=True, eq=False)
class Neurons:
    """A population's neurons, (neurons,).

    Attributes
    ----------
    bias, threshold : int64 arrays
    start : int64 array
        The potential before the first step, less half a unit.
    lift : int64 array
        What the host adds at the first step of the window, if it is not 0.
    """

    bias: Int
    threshold: Int
    start: Int
    lift: Int


def neurons_of(population: QuantisedPopulation, current: Int, depth: int, limit: int) -> Neurons:
    """Return a population's neurons.

    Parameters
    ----------
    population : QuantisedPopulation
    current : int64 array (neurons,)
        What a graded input adds at every step.
    depth : int
        D of the network.
    limit : int
        Where potentials saturate.

    Raises
    ------
    InvalidInput
        If a potential would saturate outside the window, or climb out of there to the threshold.
    """
    bias, v_init = _each(population, population.bias) + current, _each(population, population.v_init)
    steps = population.depth
    if population.kind is Kind.READOUT:
        threshold, lift = np.full(population.neurons, _NEVER), np.zeros(population.neurons, np.int64)
    else:
        threshold = _each(population, population.vth)
        highest = np.maximum(v_init, v_init - (steps - 1) * bias)  # before the window, of a neuron that does not fire
        lift = np.maximum(highest - threshold + 1, 0)
    start = v_init - steps * bias - lift
    outside = int(np.abs(bias).max()) * max(steps, depth - steps)
    if max(int(np.abs(start).max()), outside) > limit:
        raise InvalidInput(
            f"population {population.name!r} adds a bias of up to {np.abs(bias).max()} in each of {max(steps, depth - steps)} steps "
            f"outside its window, which leaves +-{limit}, where potentials saturate. Export a network of fewer layers"
        )
    return Neurons(bias, threshold, start, lift)


def _each(population: QuantisedPopulation, values: Array) -> Int:
    return np.broadcast_to(values, population.shape).astype(np.int64).ravel()
