"""Weights that the model has quantised itself: the units in which their mantissas are the model's own.

A unit of the potential that is ``2**shift`` over a channel's step makes the mantissas of this channel the model's own whole numbers.
Weights that lie on no grid are rounded in these units, as finely as their format allows.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ecc_lava.common import Float
from ecc_lava.geometry import STEPS_ALIKE
from ecc_lava.quantisation.measured import MeasuredProjection

__all__ = ["OwnSteps", "own_steps", "warn_of_lost_steps"]

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class OwnSteps:
    """The steps of the weights into a population.

    Attributes
    ----------
    steps : array (C,)
        Step of a weight of exponent 0; 0 in channels that no weight on a grid reaches.
    relative : list of int
        Exponent of each projection, beyond that of `steps`.
    """

    steps: Float
    relative: list[int]


def own_steps(inputs: Sequence[MeasuredProjection]) -> OwnSteps | None:
    """Return the steps of the weights into a population; None if no weights lie on a grid, or if two grids differ by no power of two."""
    first = next((entry.steps for entry in inputs if entry.steps is not None), None)
    if first is None:
        return None
    steps = first.copy()
    relative: list[int | None] = []
    for entry in inputs:
        if entry.steps is None:
            relative.append(None)
            continue
        both = (entry.steps > 0) & (steps > 0)
        powers = np.log2(entry.steps[both] / steps[both])
        power = round(float(np.median(powers))) if powers.size else 0
        if np.abs(powers - power).max(initial=0.0) > STEPS_ALIKE:
            return None
        relative.append(power)
        steps = np.where(steps > 0, steps, entry.steps / 2.0**power)
    return OwnSteps(steps, [_fitting(entry, steps) if power is None else power for entry, power in zip(inputs, relative, strict=True)])


def _fitting(entry: MeasuredProjection, steps: Float) -> int:
    """Return the least exponent at which the weights of a projection fit their mantissas in units of such steps."""
    used = (steps > 0) & (entry.largest > 0)
    share = float((entry.largest[used] / steps[used]).max(initial=0.0)) / entry.mantissa_max
    return int(np.ceil(np.log2(share) - STEPS_ALIKE)) if share > 0 else 0


def warn_of_lost_steps(name: str, inputs: Sequence[MeasuredProjection], bits: int) -> None:
    """Log that weights into a population lose the model's own steps, if the width would hold them."""
    if any(entry.projection.grid is not None and entry.projection.grid.bits <= bits for entry in inputs):
        _log.warning(
            "weights into %s do not keep the model's own steps: no units of its potential suit them all, beside each other and in "
            "thresholds that the format has; train with scales that are powers of two, or use a format with a threshold for every neuron",
            name,
        )
