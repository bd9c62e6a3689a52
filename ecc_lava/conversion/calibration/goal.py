"""What an integrate-and-fire population should answer."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ecc_lava.common import Array, Float
from ecc_lava.conversion.at_once import by_images
from ecc_lava.conversion.calibration.candidates import best_gains
from ecc_lava.conversion.calibration.response import moments
from ecc_lava.networks import Population, SpikingNetwork, own_rate

__all__ = ["Goal", "rows_of"]


@dataclass(frozen=True, eq=False)
class Goal:
    """What an integrate-and-fire population should answer.

    Attributes
    ----------
    population : Population
        Before calibration.
    rates : float32 array (N, H, W, C)
        Ideal rates, at most the model's own ceiling.
    largest_gain : array (C,)
        Largest factor on lambda, by the model's own ceiling.
    together : bool
        Whether all channels have one threshold and one gain, as binarised weights and weights of the model's own rounding read them.
    fixed : bool
        Whether lambda and gain stay as they are: weights that the model has rounded ask for thresholds of powers of two (`own_grids`).
    """

    population: Population
    rates: Array
    largest_gain: Array
    together: bool
    fixed: bool

    @staticmethod
    def of(network: SpikingNetwork, population: Population, ideal: Array) -> Goal:
        """Return the goal of a population with an ideal input sum, (N, H, W, C)."""
        most = np.broadcast_to(population.ceiling / population.lambda_, (1, 1, population.shape[2]))
        together = any(p.source == population.name and p.needs_one_lambda for p in network.projections)
        joined = [*network.into(population.name), *(p for p in network.projections if p.source == population.name)]
        fixed = population.payload.is_shift and any(p.grid is not None for p in joined)
        rates = by_images(lambda part: own_rate(population, part).astype(np.float32), ideal)
        return Goal(population, rates, most.ravel() / population.payload.largest, together or fixed, fixed)

    def gains(self, threshold: Float, target: Array, rates: Array) -> Float:
        """Return what one spike per step stands for, (C,), where rates (N, H, W, C) answer this target and lambda has such factors (C,)."""
        if self.together:
            return threshold
        return best_gains(*moments(rows_of(target), rows_of(rates)), threshold, self.largest_gain)

    @property
    def name(self) -> str:
        """The population's name."""
        return self.population.name


def rows_of(values: Array) -> Array:
    """Return values (N, H, W, C) as (M, C)."""
    return values.reshape(-1, values.shape[-1])
