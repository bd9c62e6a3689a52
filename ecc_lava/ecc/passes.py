"""The passes of ECC: frozen options, a network and calibration images in, a network out.

Source: Wu, Yi and Huang, "A Little Energy Goes a Long Way: Build an Energy-Efficient, Accurate Spiking Neural Network From Convolutional
Neural Network", Frontiers in Neuroscience 16, 2022 (arXiv 2103.00944). Consistency maintenance for batch normalisation (CMB) is done by
lowering, which folds every batch normalisation with its own epsilon. No pass changes what `rate_forward` returns.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Protocol

import numpy as np

from ecc_lava.arrays import Array, Float
from ecc_lava.compose import compose
from ecc_lava.ecc.activations import activation_scale
from ecc_lava.encode import choose_coding
from ecc_lava.errors import InvalidInput
from ecc_lava.geometry import apply, diagonal
from ecc_lava.network import Kind, Population, Projection, SpikingNetwork

__all__ = ["CurrentNormalisation", "InputEncoding", "Pass", "ResidualElimination"]


class Pass(Protocol):
    """What a recipe is made of."""

    def __call__(self, network: SpikingNetwork, images: Float) -> SpikingNetwork:
        """Return the changed network; `images` are calibration images (N, H, W, C) as the model takes them."""
        ...


@dataclass(frozen=True)
class InputEncoding:
    """Graded input: ``q = round((x - offset) / scale)`` in 0..255, scale and offset folded through the first projections.

    A nonzero offset under zero padding becomes a bias per neuron at the border, exactly.
    """

    def __call__(self, network: SpikingNetwork, images: Float) -> SpikingNetwork:
        """Return the network with its coding chosen from the range of `images`."""
        if network.coding.scale != 1.0 or network.coding.offset != 0.0:
            raise InvalidInput("the network's input is encoded already")
        coding = choose_coding(images, network.coding.uint8_scale)
        source = network.input
        offset = np.full((1, *source.shape), coding.offset)
        bias = {p.name: p.bias for p in network.populations}
        for projection in network.projections:
            if projection.source == source.name and coding.offset:
                bias[projection.target] = bias[projection.target] + apply(projection.geometry, offset)[0]
        populations = [replace(p, bias=bias[p.name]) for p in network.populations]
        lambdas = {source.name: np.full((1, 1, 1), coding.scale)}
        return _rescaled(replace(network, coding=coding, populations=tuple(populations)), lambdas)


@dataclass(frozen=True)
class CurrentNormalisation:
    """Current normalisation (CN): ``W <- W * lambda_source / lambda_target, b <- b / lambda_target``, threshold 1.

    Rate 1 of a population then stands for lambda, a statistic of its ideal activation over the calibration images.

    Attributes
    ----------
    per : {"layer", "channel"}
        One lambda for the population, or one for each of its channels.
    percentile : float
        In (0, 100]; 100 is the maximum. Activations above lambda are clipped when the network spikes.
    """

    per: str = "layer"
    percentile: float = 100.0

    def __post_init__(self) -> None:
        if self.per not in ("layer", "channel"):
            raise InvalidInput(f"lambda per {self.per!r}; it is per 'layer' or per 'channel'")
        if not 0 < self.percentile <= 100:
            raise InvalidInput(f"percentile {self.percentile}; it lies above 0 and at most at 100")

    def __call__(self, network: SpikingNetwork, images: Float) -> SpikingNetwork:
        """Return the normalised network."""
        return _rescaled(network, activation_scale(network, images, self.per, self.percentile))


@dataclass(frozen=True)
class ResidualElimination:
    """Thresholding for residual elimination (TRE): ``v_init = fraction * vth``.

    A residual of at least half the threshold (fraction 0.5) after T steps then counts as one more spike. The readout keeps v_init = 0.
    """

    fraction: float = 0.5

    def __call__(self, network: SpikingNetwork, images: Float) -> SpikingNetwork:
        """Return the network with initial potentials."""
        populations = tuple(replace(p, v_init=self.fraction * p.vth) if p.kind is Kind.IF else p for p in network.populations)
        return replace(network, populations=populations)


def _rescaled(network: SpikingNetwork, lambdas: dict[str, Float]) -> SpikingNetwork:
    """Return the same function with rates that stand for other activations (CN)."""
    ratio = {p.name: lambdas.get(p.name, p.lambda_) / p.lambda_ for p in network.populations}

    def population(p: Population) -> Population:
        return replace(p, bias=p.bias / ratio[p.name], lambda_=p.lambda_ * ratio[p.name])

    def projection(p: Projection) -> Projection:
        source, target = network.by_name[p.source], network.by_name[p.target]
        scaled = compose(p.geometry, diagonal(_per_channel(ratio[source.name], source)), source.shape)
        assert scaled is not None, "a factor per channel folds into any geometry"
        geometry = compose(diagonal(1.0 / _per_channel(ratio[target.name], target)), scaled, source.shape)
        assert geometry is not None, "a factor per channel folds into any geometry"
        return replace(p, geometry=geometry)

    return replace(
        network,
        populations=tuple(population(p) for p in network.populations),
        projections=tuple(projection(p) for p in network.projections),
    )


def _per_channel(value: Array, population: Population) -> Array:
    return np.broadcast_to(value, (1, 1, population.shape[2])).ravel()
