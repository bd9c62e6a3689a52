"""How fine units of the potential should be, how much room the sums of payloads must have, and what is said where nothing fits."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from ecc_lava.common import Array, Float
from ecc_lava.errors import RangeError
from ecc_lava.formats import NumberFormat
from ecc_lava.networks import Kind, Population
from ecc_lava.quantisation.measured import MeasuredProjection

__all__ = ["COARSER", "MARGIN", "UNIT_MIN", "effective_bias", "finest", "unfit", "with_margin"]

UNIT_MIN = 1024.0
"""Potential units that the largest payload of a step should have at least: a bias is then off by at most 0.05 % of it per step."""

MARGIN = 4
"""How many times the largest input of one step on calibration images must fit into the potential's range, where payloads arrive and the
weights alone do not prove that every sum fits."""

COARSER = 20
"""Most attempts to make units coarser; rounding makes a few necessary."""

_WIDER = 2**7
"""Where `MARGIN` takes the place of a proof, the largest sum that weights allow may be so many times the range: 31 bits then hold it, so
that back ends see every overflow."""


def with_margin(proven: Float, seen: Float) -> Float:
    """Return the sums that must fit: what the weights allow, or `MARGIN` times what calibration images made, if that is less; all (C,)."""
    needed: Float = np.minimum(proven, np.maximum(MARGIN * seen, proven / _WIDER))
    return needed


def finest(population: Population) -> float:
    """Return how many units of the potential a threshold of 1 should have at least; a readout has none, and no scale but its weights'."""
    return 0.0 if population.kind is Kind.READOUT else UNIT_MIN / population.payload.largest


def unfit(population: Population, thresholds: Float, reach: Float, format: NumberFormat) -> RangeError:
    """Return the error of a population that no units fit, with thresholds and largest sums of one step, (C,), in the coarsest units."""
    who = f"of population {population.name!r}"
    if population.kind is not Kind.IF or reach.max() > format.potential_max:
        what = f"channel {int(reach.argmax())} {who}: one step's input can reach {reach.max():.0f} in the coarsest units"
        return RangeError(f"{what}; the potential holds {format.potential_max}. Split its inputs over two layers")
    worst = int(thresholds.argmin())
    what = f"channel {worst} {who}: one step's input can be {reach[worst] / thresholds[worst]:.3g} times its threshold"
    most = format.potential_max // format.vth_min
    return RangeError(f"{what}; {format.name} holds {most} times. Split its inputs over two layers, or raise lambda if it is nearly dead")


def effective_bias(population: Population, inputs: Iterable[MeasuredProjection]) -> Array:
    """Return the bias of a population that spikes, limited to just above what inputs can outweigh.

    A larger bias decides alone whatever its size, and would only make units coarser. A neuron that keeps its potential
    never fires if a negative bias outweighs its initial potential and every input. A step neuron compares bias and inputs with its
    threshold, so its bias is limited around the threshold.
    """
    most = np.zeros(population.shape[2])
    for entry in inputs:
        most += entry.outweighed * entry.most
    most = np.where(most > 0, 1.5 * most, 1.0)
    bias: Array = population.bias
    if population.kind.is_stateful:
        return np.maximum(bias, -most - np.maximum(population.v_init.max(axis=(0, 1)), 0.0))
    return np.clip(bias, population.vth - most, population.vth + most)
