"""The integer spiking network: what a chip, the Lava processes and the simulators run.

Neuron, per timestep (all integers, potential in 24 bits)::

    v <- clip24(v + sum_p (W_p . s_p) * 2**(weight_shift + exponent_p) + bias)
    s  = v >= vth ;  v <- clip24(v - vth * s)

This module holds data and its invariants only.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from ecc_lava.arrays import Array, Shape, read_only
from ecc_lava.errors import InvalidNetwork, RangeError
from ecc_lava.formats import NumberFormat
from ecc_lava.geometry import Conv, Geometry
from ecc_lava.geometry_json import describe
from ecc_lava.network import InputCoding, Kind, _per_neuron, check_wiring, depths

__all__ = ["QuantisedNetwork", "QuantisedPopulation", "QuantisedProjection"]


@dataclass(frozen=True, eq=False)
class QuantisedPopulation:
    """Neurons of one feature map, in integers.

    Attributes
    ----------
    name, shape, kind : as in `ecc_lava.network.Population`
    depth : int
        Longest path from the input; the population works on sample n in the T steps from nT + depth.
    bias, vth, v_init : int32 arrays of shape (1,1,1), (1,1,C) or (H,W,C)
        In units of the potential.
    """

    name: str
    shape: Shape
    kind: Kind
    depth: int
    bias: Array
    vth: Array
    v_init: Array

    def __post_init__(self) -> None:
        for field in ("bias", "vth", "v_init"):
            value = np.asarray(getattr(self, field))
            if value.dtype != np.int32:
                raise InvalidNetwork(f"{field} of population {self.name!r} is {value.dtype}; it must be int32")
            object.__setattr__(self, field, _per_neuron(self.name, field, read_only(value), self.shape))

    @property
    def neurons(self) -> int:
        """Number of neurons."""
        return self.shape[0] * self.shape[1] * self.shape[2]


@dataclass(frozen=True, eq=False)
class QuantisedProjection:
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
    """

    source: str
    target: str
    delay: int
    exponent: int
    geometry: Geometry

    def __post_init__(self) -> None:
        if self.geometry.kernel.dtype != np.int8:
            raise InvalidNetwork(f"weights {self.source!r} -> {self.target!r} are {self.geometry.kernel.dtype}; they must be int8")
        if isinstance(self.geometry, Conv) and self.geometry.gain is not None and self.geometry.gain.dtype != np.int32:
            raise InvalidNetwork(f"the gain map {self.source!r} -> {self.target!r} is {self.geometry.gain.dtype}; it must be int32")

    @property
    def largest_weight(self) -> int:
        """Largest magnitude of a weight, gain included, in mantissa units."""
        largest = int(np.abs(self.geometry.kernel.astype(np.int32)).max())
        gain = self.geometry.gain if isinstance(self.geometry, Conv) else None
        return largest if gain is None else largest * int(np.abs(gain).max())


@dataclass(frozen=True, eq=False)
class QuantisedNetwork:
    """The integer network: populations in topological order and their projections.

    Attributes
    ----------
    populations : tuple of QuantisedPopulation
        The first is the input, the last the readout.
    projections : tuple of QuantisedProjection
    format : NumberFormat
    bits : int
        Width of the weight mantissas in use.
    coding : InputCoding
    timesteps : int
        T, the steps one sample is shown for; the range audit holds for it.
    logit_scale : float
        Potential units per unit of the model's output: logits = v / (T * logit_scale).
    trace : tuple of str
    """

    populations: tuple[QuantisedPopulation, ...]
    projections: tuple[QuantisedProjection, ...]
    format: NumberFormat
    bits: int
    coding: InputCoding
    timesteps: int
    logit_scale: float
    trace: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        check_wiring(
            [(p.name, p.shape, p.kind) for p in self.populations],
            [(p.source, p.target, p.geometry) for p in self.projections],
        )
        if self.timesteps < 1 or not (np.isfinite(self.logit_scale) and self.logit_scale > 0):
            raise InvalidNetwork(f"timesteps {self.timesteps} and logit scale {self.logit_scale} must be positive")
        expected = depths([p.name for p in self.populations], [(p.source, p.target) for p in self.projections])
        limits = {"bias": self.format.bias_max, "vth": self.format.vth_max, "v_init": self.format.potential_max}
        for population in self.populations:
            if population.depth != expected[population.name]:
                raise InvalidNetwork(
                    f"population {population.name!r} has depth {population.depth}; its longest path is {expected[population.name]}"
                )
            for field, limit in limits.items():
                largest = int(np.abs(getattr(population, field).astype(np.int64)).max())
                if largest > limit:
                    raise RangeError(f"{field} of population {population.name!r} reaches {largest}; {self.format.name} holds {limit}")
            if population.kind is Kind.IF and population.vth.min() < 1:
                raise RangeError(f"vth of population {population.name!r} is {population.vth.min()}; it must be at least 1")
        mantissa_max = self.format.mantissa_max(self.bits)
        for projection in self.projections:
            delay = expected[projection.target] - expected[projection.source] - 1
            if projection.delay != delay:
                raise InvalidNetwork(
                    f"the projection {projection.source!r} -> {projection.target!r} has delay {projection.delay}, not {delay}"
                )
            self.format.shift(projection.exponent)
            if projection.largest_weight > mantissa_max:
                raise RangeError(
                    f"a weight {projection.source!r} -> {projection.target!r} is {projection.largest_weight}; "
                    f"{self.bits} bits hold {mantissa_max}"
                )

    @cached_property
    def by_name(self) -> dict[str, QuantisedPopulation]:
        """Populations by name."""
        return {p.name: p for p in self.populations}

    def into(self, target: str) -> tuple[QuantisedProjection, ...]:
        """Return the projections that end in population `target`."""
        return tuple(p for p in self.projections if p.target == target)

    @property
    def input(self) -> QuantisedPopulation:
        """The input population."""
        return self.populations[0]

    @property
    def readout(self) -> QuantisedPopulation:
        """The readout population."""
        return self.populations[-1]

    @property
    def depth(self) -> int:
        """D, the largest depth; one sample's latency is T + D steps."""
        return max(p.depth for p in self.populations)

    @cached_property
    def digest(self) -> str:
        """SHA-256 over the canonical bytes of every integer and of the numbers that encode and decode it."""
        sha = hashlib.sha256()

        def add(header: object, *arrays: Array | None) -> None:
            sha.update(json.dumps(header, sort_keys=True).encode() + b"\n")
            for array in arrays:
                if array is not None:
                    sha.update(json.dumps([str(array.dtype), list(array.shape)]).encode() + np.ascontiguousarray(array).tobytes())

        coding = [self.coding.kind, self.coding.offset, self.coding.scale, self.coding.uint8_scale]
        add([self.format.name, self.bits, coding, self.timesteps, self.logit_scale])
        for p in self.populations:
            add([p.name, p.shape, p.kind.value, p.depth], p.bias, p.vth, p.v_init)
        for q in self.projections:
            gain = q.geometry.gain if isinstance(q.geometry, Conv) else None
            add([q.source, q.target, q.delay, q.exponent, describe(q.geometry)], q.geometry.kernel, gain)
        return sha.hexdigest()
