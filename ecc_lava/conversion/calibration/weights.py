"""The weights into one population, refitted to the rates that really arrive there."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np

from ecc_lava.common import Array, Float
from ecc_lava.conversion.calibration.changes import with_numbers
from ecc_lava.conversion.calibration.presynaptic import PresynapticInput
from ecc_lava.conversion.calibration.regression import Regression
from ecc_lava.conversion.calibration.weight_sharing import Sharing
from ecc_lava.geometry import Conv, Dense, Geometry, is_binary, with_kernel
from ecc_lava.networks import Population, SpikingNetwork

__all__ = ["RefittedWeights", "is_refittable", "refitted"]


@dataclass(frozen=True)
class RefittedWeights:
    """The projections into a population whose weights are refitted.

    Attributes
    ----------
    shared : place among the network's projections -> Sharing
    regression : Regression
        Its weights are the shared kernels of all these projections, one below the other.
    """

    shared: Mapping[int, Sharing]
    regression: Regression

    def added(self, network: SpikingNetwork, change: Float) -> SpikingNetwork:
        """Return the network with a change, (K, C), added to these projections' weights."""
        projections, start = list(network.projections), 0
        for place, sharing in self.shared.items():
            kernel = projections[place].geometry.kernel
            stop = start + kernel[..., 0].size // len(sharing.basis) * sharing.basis.shape[1]
            added = sharing.expanded(change[start:stop]).reshape(kernel.shape)
            geometry = with_kernel(projections[place].geometry, kernel + added)
            projections[place], start = replace(projections[place], geometry=geometry), stop
        return replace(network, projections=tuple(projections))


def refitted(
    network: SpikingNetwork, population: Population, ideal: Array, arrivals: PresynapticInput
) -> tuple[SpikingNetwork, RefittedWeights | None]:
    """Return the network with the weights into a population corrected towards its ideal input where that helps, and these weights.

    The weights are None if the population has none that can be refitted.
    """
    name = population.name
    chosen = {
        place: p
        for place, p in enumerate(network.projections)
        if p.target == name and is_refittable(p.geometry) and not arrivals.is_constant(p.source)
    }
    if not chosen:
        return network, None
    shared = {place: Sharing.of(p.geometry.kernel, network.by_name[p.source].shape[2]) for place, p in chosen.items()}
    rates = np.concatenate([shared[place].reduced(arrivals.rates_read(p)) for place, p in chosen.items()], axis=1)
    weights = RefittedWeights(shared, Regression(rates))
    missing = arrivals.sampled(population, (ideal - arrivals.sums(network, name)).astype(np.float32))
    found = weights.regression.correction(missing)
    if found is not None:
        network = with_numbers(weights.added(network, found.weights), name, bias=network.by_name[name].bias + found.bias)
    return network, weights


def is_refittable(geometry: Geometry) -> bool:
    """Whether any change of the weights is an operator of the same geometry, and worth it."""
    if is_binary(geometry):
        return False
    return isinstance(geometry, Dense) or (
        isinstance(geometry, Conv) and geometry.groups == 1 and geometry.gain is None and geometry.kernel.shape[2] > 1
    )
