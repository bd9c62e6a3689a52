"""The largest input of one step that calibration images make."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np

from ecc_lava.common import Array, Float, on_all_cores
from ecc_lava.conversion.at_once import images_at_once
from ecc_lava.inputs import parts
from ecc_lava.networks import Population, SpikingNetwork, clipped_rate, input_rates, remaining_rates

__all__ = ["ObservedInput"]


@dataclass(frozen=True)
class ObservedInput:
    """Measure every channel's largest |input + bias| of one step over the calibration images, at the mean payloads of its sources.

    Weights alone bound the sum of payloads so widely that few networks would fit a potential; quantisation takes these sums and a margin
    (`ecc_lava.quantisation.population.MARGIN`) in their place.
    """

    def __call__(self, network: SpikingNetwork, images: Mapping[str, Float]) -> SpikingNetwork:
        """Return the network with `observed` of every population that has an input."""

        def reached(part: Mapping[str, Float]) -> dict[str, Float]:
            largest: dict[str, Float] = {}

            def remembered(population: Population, total: Array) -> Float:
                largest[population.name] = np.abs(total).max(axis=(0, 1, 2)).astype(np.float64)
                return clipped_rate(population, total)

            remaining_rates(network, input_rates(network, part, np.float32), remembered)
            return largest

        at_once = images_at_once(sum(p.neurons for p in network.populations))
        found = on_all_cores(reached, parts(images, at_once))
        largest = {name: np.max([part[name] for part in found], axis=0) for name in found[0]}
        observed = {name: most.reshape(1, 1, -1) for name, most in largest.items()}
        return replace(network, populations=tuple(replace(p, observed=observed.get(p.name)) for p in network.populations))
