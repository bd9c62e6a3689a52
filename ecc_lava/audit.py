"""The range audit: what the potentials of an integer network can reach, and what they did reach."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ecc_lava.encode import PAYLOAD_MAX
from ecc_lava.errors import RangeError
from ecc_lava.geometry import Conv, written
from ecc_lava.network import Kind
from ecc_lava.quantised import QuantisedNetwork

__all__ = ["PopulationRange", "one_step_bound"]


@dataclass(frozen=True)
class PopulationRange:
    """Bounds of one population's input, in potential units.

    Attributes
    ----------
    name : str
    one_step_low, one_step_high : int
        Least and largest input sum plus bias of one step, from the signs of the weights.
    all_steps_fit : bool
        Whether T times the bound stays in the potential's range, so that saturation is impossible.
    """

    name: str
    one_step_low: int
    one_step_high: int
    all_steps_fit: bool


def one_step_bound(network: QuantisedNetwork) -> tuple[PopulationRange, ...]:
    """Return the bounds of every population that integrates.

    ``high_c = sum_p 2**shift_p * gain_p * sent_p * sum(positive mantissas of channel c) + bias_c``

    with sent = 1 for spikes and 255 for graded input; ``low_c`` likewise with the negative mantissas.

    Raises
    ------
    RangeError
        If a one-step input sum can leave the potential's range, naming population, channel, value and limit.
    """
    limit = network.format.potential_max
    ranges = []
    for population in network.populations[1:]:
        bias = np.broadcast_to(population.bias, population.shape).reshape(-1, population.shape[2]).astype(np.int64)
        low, high = bias.min(axis=0), bias.max(axis=0)
        for projection in network.into(population.name):
            geometry = projection.geometry
            kernel = geometry.kernel.reshape(-1, geometry.kernel.shape[-1]).astype(np.int64)
            gain = int(geometry.gain.max()) if isinstance(geometry, Conv) and geometry.gain is not None else 1
            sent = PAYLOAD_MAX if network.by_name[projection.source].kind is Kind.INPUT else 1
            factor = gain * sent * 2 ** network.format.shift(projection.exponent)
            low[written(geometry)] += np.minimum(kernel, 0).sum(axis=0) * factor
            high[written(geometry)] += np.maximum(kernel, 0).sum(axis=0) * factor
        reach = np.maximum(np.abs(low), np.abs(high))
        worst = int(reach.argmax())
        if reach[worst] > limit:
            raise RangeError(
                f"channel {worst} of population {population.name!r}: one step's input can reach {int(reach[worst])}; "
                f"the potential holds {limit}. Use fewer bits"
            )
        ranges.append(PopulationRange(population.name, int(low.min()), int(high.max()), bool(reach[worst] * network.timesteps <= limit)))
    return tuple(ranges)
