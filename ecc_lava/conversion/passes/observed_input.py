"""The largest input of one step that calibration images make."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np

from ecc_lava.common import Array, Float
from ecc_lava.inputs import parts
from ecc_lava.networks import Population, SpikingNetwork, clipped_rate, input_rates, remaining_rates

__all__ = ["ObservedInput"]

BATCH = 32
"""Images evaluated at once."""


@dataclass(frozen=True)
class ObservedInput:
    """Measure every channel's largest |input + bias| of one step over the calibration images, at the mean payloads of its sources.

    Weights alone bound the sum of payloads so widely that few networks would fit a potential; quantisation takes these sums and a margin
    (`ecc_lava.quantisation.population.MARGIN`) in their place.
    """

    def __call__(self, network: SpikingNetwork, images: Mapping[str, Float]) -> SpikingNetwork:
        """Return the network with `observed` of every population that has an input."""
        largest: dict[str, Float] = {}

        def remembered(population: Population, total: Array) -> Float:
            reached = np.abs(total).max(axis=(0, 1, 2))
            largest[population.name] = np.maximum(largest.get(population.name, 0.0), reached.astype(np.float64))
            return clipped_rate(population, total)

        for part in parts(images, BATCH):
            remaining_rates(network, input_rates(network, part, np.float32), remembered)
        observed = {name: reached.reshape(1, 1, -1) for name, reached in largest.items()}
        return replace(network, populations=tuple(replace(p, observed=observed.get(p.name)) for p in network.populations))
