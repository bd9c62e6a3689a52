"""The range audit: the values that the potentials of an integer network can reach."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from ecc_lava.common import Array, Int
from ecc_lava.errors import RangeError
from ecc_lava.geometry import Conv, Geometry, added, sums_by_sign, with_kernel
from ecc_lava.networks import QuantisedNetwork, QuantisedPopulation

__all__ = ["PopulationRange", "one_step_bound"]


@dataclass(frozen=True)
class PopulationRange:
    """Bounds of one population's input, in potential units.

    Attributes
    ----------
    name : str
    one_step_low, one_step_high : int
        Least and largest input sum plus bias of one step, from the signs of the weights.
    one_step_fits : bool
        Whether this proves that the sum of one step stays in the potential's range. It may not where payloads arrive; every back end then
        checks every step.
    worst_channel : int
        The channel whose input can be largest.
    all_steps : int
        Bound of its potential over all T steps: T times the one-step bound, or the one-step bound for neurons that keep nothing. In a
        stream the bound over any number of frames: what arrived in all is what the sources' activations of one frame would send.
    all_steps_fit : bool
        Whether `all_steps` stays in the potential's range. If so, no potential saturates; otherwise back ends count saturation.
    """

    name: str
    one_step_low: int
    one_step_high: int
    one_step_fits: bool
    worst_channel: int
    all_steps: int
    all_steps_fit: bool


def one_step_bound(network: QuantisedNetwork) -> tuple[PopulationRange, ...]:
    """Return the bounds of every population that integrates.

    ``high_c = sum_p 2**shift_p * gain_p * sent_p * sum(positive mantissas of channel c) + bias_c``

    with sent the largest payload: 1 for binary spikes, 255 for graded input; ``low_c`` likewise with the negative mantissas. A signed
    payload adds its largest value times the other mantissas to both. The neurons of a Sparse differ, so a channel's bounds are those of
    its widest neuron on either side. In a stream the changes of one frame have signs; the sum of all changes from a source lies between 0
    and its largest payload, so that the potential stays within v_init and the bound of unsigned payloads.

    Raises
    ------
    RangeError
        If a one-step input sum of binary spikes and inputs can leave the potential's range, naming population, channel, value and limit.
    """
    limit = network.format.potential_max
    ranges = []
    for population in network.populations[len(network.inputs) :]:
        low, high = _sums(network, population, population.bias, network.sent_range)
        reach = np.maximum(np.abs(low), np.abs(high))
        worst = int(reach.argmax())
        fits = int(reach[worst]) <= limit
        if not fits and not network.hears_payloads(population.name):
            raise RangeError(
                f"channel {worst} of population {population.name!r}: one step's input can reach {int(reach[worst])}; "
                f"the potential holds {limit}. Use fewer bits"
            )
        all_steps = int(reach[worst]) * (network.timesteps if population.kind.is_stateful else 1)
        if network.is_stream:
            activations = {name: (0, most) for name, most in network.largest_sent.items()}
            all_steps = max(int(np.abs(side).max()) for side in _sums(network, population, population.v_init, activations))
        ranges.append(PopulationRange(population.name, int(low.min()), int(high.max()), fits, worst, all_steps, all_steps <= limit))
    return tuple(ranges)


def _sums(
    network: QuantisedNetwork, population: QuantisedPopulation, constant: Array, sent_range: Mapping[str, tuple[int, int]]
) -> tuple[Int, Int]:
    """Return the least and the largest input plus a constant of each channel, (C,), if every source sends within its range."""
    constants = np.broadcast_to(constant, population.shape).reshape(-1, population.shape[2]).astype(np.int64)
    low, high = constants.min(axis=0), constants.max(axis=0)
    for source, geometry, factor in _operators(network, population):
        factor *= int(geometry.gain.max()) if isinstance(geometry, Conv) and geometry.gain is not None else 1
        least, most = sent_range[source]
        negative, positive = sums_by_sign(geometry)
        low += (negative * most + positive * least).min(axis=0) * factor
        high += (positive * most + negative * least).max(axis=0) * factor
    return low, high


def _operators(network: QuantisedNetwork, population: QuantisedPopulation) -> list[tuple[str, Geometry, int]]:
    """Return sources with the operators from them, in units of the potential that are given.

    Several projections of a source that lie alike, as those of weights of two synapses, are one: their weights have no two signs.
    """
    into, result = network.into(population.name), list[tuple[str, Geometry, int]]()
    for projection in into:
        source, geometry, factor = projection.source, projection.geometry, 2 ** network.format.shift(projection.exponent)
        if sum(other.source == source for other in into) > 1:
            geometry, factor = with_kernel(geometry, geometry.kernel.astype(np.int64) * factor), 1
            alike = ((i, added(geometry, g)) for i, (known, g, _) in enumerate(result) if known == source)
            place, joined = next(((i, both) for i, both in alike if both is not None), (len(result), None))
            geometry = geometry if joined is None else joined
            result[place : place + 1] = [(source, geometry, factor)]
        else:
            result.append((source, geometry, factor))
    return result
