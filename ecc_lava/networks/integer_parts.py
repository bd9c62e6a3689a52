"""Populations and projections of the integer network."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ecc_lava.common import BINARY, Array, Payload, Shape, read_only
from ecc_lava.errors import InvalidNetwork
from ecc_lava.geometry import Conv, Geometry
from ecc_lava.networks.wiring import Kind, WiredPopulation, WiredProjection, per_neuron

__all__ = ["QuantisedPopulation", "QuantisedProjection"]


@dataclass(frozen=True, eq=False)
class QuantisedPopulation(WiredPopulation):
    """Neurons of one feature map, in integers.

    Attributes
    ----------
    name, shape, kind : as in `ecc_lava.networks.spiking.Population`
    depth : int
        Longest path from the input; the population works on sample n in the T steps from nT + depth.
    bias, vth, v_init : int32 arrays of shape (1,1,1), (1,1,C) or (H,W,C)
        In units of the potential.
    payload : Payload
        What a spike carries.
    theta : int
        Of a stream, the least change that is sent, in units of the payload; 0 elsewhere.
    carries_to : str
        Of a carry, the step population whose low bits it adds up, which the float network has without it; empty elsewhere. The digest
        leaves it out.
    """

    name: str
    shape: Shape
    kind: Kind
    depth: int
    bias: Array
    vth: Array
    v_init: Array
    payload: Payload = BINARY
    theta: int = 0
    carries_to: str = ""

    def __post_init__(self) -> None:
        for field in ("bias", "vth", "v_init"):
            value = np.asarray(getattr(self, field))
            if value.dtype != np.int32:
                raise InvalidNetwork(f"{field} of population {self.name!r} is {value.dtype}; it must be int32")
            object.__setattr__(self, field, per_neuron(self.name, field, read_only(value), self.shape))


@dataclass(frozen=True, eq=False)
class QuantisedProjection(WiredProjection):
    """Integer synapses from one population to another.

    Attributes
    ----------
    source, target : str
    delay : int
        Extra steps between a spike and its effect: depth(target) - depth(source) - 1.
    exponent : int
        A mantissa counts 2**(weight_shift + exponent) units of the potential.
    geometry : Geometry
        int8 mantissas; an integer gain map, if any, multiplies them per output position.
    bits : int
        Width of the mantissas; 1 for binarised weights, +-1, in formats that have it.
    """

    source: str
    target: str
    delay: int
    exponent: int
    geometry: Geometry
    bits: int = 8

    def __post_init__(self) -> None:
        if self.geometry.kernel.dtype != np.int8:
            raise InvalidNetwork(f"weights {self.source!r} -> {self.target!r} are {self.geometry.kernel.dtype}; they must be int8")
        if isinstance(self.geometry, Conv) and self.geometry.gain is not None and self.geometry.gain.dtype != np.int32:
            raise InvalidNetwork(f"the gain map {self.source!r} -> {self.target!r} is {self.geometry.gain.dtype}; it must be int32")

    @property
    def largest_weight(self) -> int:
        """Largest magnitude of a weight, gain included, in mantissa units."""
        kernel = self.geometry.kernel
        largest = max(int(kernel.max(initial=0)), -int(kernel.min(initial=0)))
        gain = self.geometry.gain if isinstance(self.geometry, Conv) else None
        return largest if gain is None else largest * int(np.abs(gain.astype(np.int64)).max())
