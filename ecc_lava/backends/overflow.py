"""The error of a sum that the potential cannot hold.

Binary spikes cannot cause one: quantisation refuses weights whose sum of one step might leave the potential's range. Payloads make this
bound so wide that few networks would pass, so units are chosen with a margin over the sums of calibration images, and every back end
checks every step of the populations that hear payloads.
"""

from __future__ import annotations

import numpy as np

from ecc_lava.common import Array
from ecc_lava.errors import RangeError

__all__ = ["overflow", "refuse_overflow"]


def overflow(population: str, neuron: tuple[int, ...], value: int, limit: float) -> RangeError:
    """Return the error of one neuron's input.

    Parameters
    ----------
    population : str
    neuron : (row, column, channel)
    value : int
        Input and bias of one step, in potential units.
    limit : float
        Rail of the potential.
    """
    return RangeError(
        f"neuron {neuron} of population {population!r}: one step's input is {value}; the potential holds {limit:.0f}. The image is unlike "
        "the calibration images; calibrate with images like it, or use fewer payload bits"
    )


def refuse_overflow(population: str, current: Array, limit: float) -> None:
    """Refuse an input of one step, (N, T, H, W, C), that the potential cannot hold.

    Raises
    ------
    RangeError
        Naming the neuron of the first image and step.
    """
    beyond = np.abs(current) > limit
    if beyond.any():
        where = np.unravel_index(int(beyond.argmax()), beyond.shape)
        raise overflow(population, tuple(int(i) for i in where[2:]), int(current[where]), limit)
