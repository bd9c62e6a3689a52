"""The passes of ECC: frozen options, a network and calibration images in, a network out.

Source: Wu, Yi and Huang, "A Little Energy Goes a Long Way: Build an Energy-Efficient, Accurate Spiking Neural Network From Convolutional
Neural Network", Frontiers in Neuroscience 16, 2022 (arXiv 2103.00944). Consistency maintenance for batch normalisation (CMB) is done by
lowering, which folds every batch normalisation with its own epsilon. No pass changes what `rate_forward` returns.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Protocol, TypeVar

import numpy as np

from ecc_lava.arrays import Float
from ecc_lava.binary import is_binary, mixes_channels
from ecc_lava.ecc.activations import activation_scale
from ecc_lava.ecc.rescaling import rescaled
from ecc_lava.encode import choose_coding
from ecc_lava.errors import InvalidInput
from ecc_lava.geometry import apply
from ecc_lava.graph import Graph
from ecc_lava.network import Kind, SpikingNetwork
from ecc_lava.progress import Progress
from ecc_lava.weight_widths import Bits

__all__ = ["CurrentNormalisation", "InputEncoding", "IntegerPass", "Pass", "ResidualElimination"]


class Pass(Protocol):
    """What a recipe is made of."""

    def __call__(self, network: SpikingNetwork, images: Mapping[str, Float]) -> SpikingNetwork:
        """Return the changed network; `images` are calibration images (N, H, W, C) of every input, in the model's units."""
        ...


OwnPass = TypeVar("OwnPass", bound="IntegerPass")


@dataclass(frozen=True)
class IntegerPass:
    """A pass that runs the integers that the network will be quantised to.

    Attributes
    ----------
    format : str or None
        Their number format; None for the one that `convert` is given.
    bits : int, mapping or None
        Likewise, width of the weights.
    progress : callable or None
        Told of every step of the pass.
    """

    format: str | None = None
    bits: Bits | None = None
    progress: Progress | None = field(default=None, repr=False, compare=False, kw_only=True)

    def of(self: OwnPass, format: str, bits: Bits, graph: Graph) -> OwnPass:
        """Return the pass for a number format, a width of weights and a model, where it has none of its own."""
        return replace(self, format=self.format or format, bits=self.bits or bits)

    def tell(self, stage: str, done: int, total: int) -> None:
        """Tell of progress where somebody listens."""
        if self.progress is not None:
            self.progress(stage, done, total)


@dataclass(frozen=True)
class InputEncoding:
    """Encoded input: ``q = round((x - offset) / scale)`` in 0..255, scale and offset folded through the first projections.

    A nonzero offset under zero padding becomes a bias per neuron at the border, exactly.
    """

    def __call__(self, network: SpikingNetwork, images: Mapping[str, Float]) -> SpikingNetwork:
        """Return the network with its codings chosen from the range of `images`."""
        if any(coding.scale != 1.0 or coding.offset != 0.0 for coding in network.codings):
            raise InvalidInput("the network's inputs are encoded already")
        codings = tuple(choose_coding(images[p.name], coding) for p, coding in zip(network.inputs, network.codings, strict=True))
        bias = {p.name: p.bias for p in network.populations}
        lambdas = {}
        for source, coding in zip(network.inputs, codings, strict=True):
            lambdas[source.name] = np.full((1, 1, 1), coding.unit)
            offset = np.full((1, *source.shape), coding.offset)
            for projection in network.projections:
                if projection.source == source.name and coding.offset:
                    bias[projection.target] = bias[projection.target] + apply(projection.geometry, offset)[0]
        populations = tuple(replace(p, bias=bias[p.name]) for p in network.populations)
        return rescaled(replace(network, codings=codings, populations=populations), lambdas)


@dataclass(frozen=True)
class CurrentNormalisation:
    """Current normalisation (CN): ``W <- W * lambda_source / lambda_target, b <- b / lambda_target``, threshold 1.

    Rate 1 of a population then stands for lambda, a statistic of its ideal activation over the calibration images. A population that
    feeds binarised weights has one lambda even with `per` "channel", so that one bit still holds them. Step populations have none: they
    are 0 or 1.

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

    def __call__(self, network: SpikingNetwork, images: Mapping[str, Float]) -> SpikingNetwork:
        """Return the normalised network."""
        binary = {p.source for p in network.projections if is_binary(p.geometry) and mixes_channels(p.geometry)}
        per = {p.name: "layer" if p.name in binary else self.per for p in network.populations if p.kind is Kind.IF}
        return rescaled(network, activation_scale(network, images, per, self.percentile))


@dataclass(frozen=True)
class ResidualElimination:
    """Thresholding for residual elimination (TRE): ``v_init = fraction * vth``.

    A residual of at least half the threshold (fraction 0.5) after T steps then counts as one more spike. The readout keeps v_init = 0.
    """

    fraction: float = 0.5

    def __call__(self, network: SpikingNetwork, images: Mapping[str, Float]) -> SpikingNetwork:
        """Return the network with initial potentials."""
        populations = tuple(replace(p, v_init=self.fraction * p.vth) if p.kind is Kind.IF else p for p in network.populations)
        return replace(network, populations=populations)
