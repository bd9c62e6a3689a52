"""How images are sent: the ranges of the inputs' codings."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np

from ecc_lava.common import Float
from ecc_lava.conversion.rescaling import rescaled
from ecc_lava.errors import InvalidInput
from ecc_lava.geometry import apply
from ecc_lava.inputs import choose_coding
from ecc_lava.networks import SpikingNetwork

__all__ = ["InputEncoding"]


@dataclass(frozen=True)
class InputEncoding:
    """Input encoding: ``q = round((x - offset) / scale)`` in 0..255; the first projections take in scale and offset.

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
