"""The integer spiking network: what a chip, the Lava processes and the simulators run.

Neuron, per timestep (all integers, potential in 24 bits)::

    v <- clip24(v + sum_p (W_p . s_p) * 2**(weight_shift + exponent_p) + bias)
    s  = v >= vth ;  v <- clip24(v - vth * s)

A step neuron has no state: ``v <- clip24(sum + bias); s = v >= vth``. This module holds data and its invariants only.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import astuple, dataclass
from functools import cached_property

import numpy as np

from ecc_lava.common import Array, Shape, read_only
from ecc_lava.errors import InvalidInput, InvalidNetwork, RangeError
from ecc_lava.formats import NumberFormat
from ecc_lava.geometry import Conv, Geometry, arrays, describe
from ecc_lava.inputs import PAYLOAD_MAX, InputCoding
from ecc_lava.networks.quantisation import Quantisation
from ecc_lava.networks.wiring import Kind, WiredNetwork, WiredPopulation, WiredProjection, depths, per_neuron

__all__ = ["QuantisedNetwork", "QuantisedPopulation", "QuantisedProjection", "check_payload"]


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
        largest = int(np.abs(self.geometry.kernel.astype(np.int32)).max(initial=0))
        gain = self.geometry.gain if isinstance(self.geometry, Conv) else None
        return largest if gain is None else largest * int(np.abs(gain).max())


def check_payload(codings: Sequence[InputCoding], format: NumberFormat) -> None:
    """Check that a chip's spikes can carry what the inputs send.

    Raises
    ------
    InvalidInput
        If they cannot.
    """
    if any(coding.largest >= 2 ** max(format.payload_bits, 1) for coding in codings):
        raise InvalidInput(
            f"graded inputs send up to {PAYLOAD_MAX}; spikes of {format.name} hold {2 ** max(format.payload_bits, 1) - 1}; "
            "convert with coding='rate' (--coding rate), poisson or events"
        )


def _check_neurons(population: QuantisedPopulation, format: NumberFormat) -> None:
    """Check that a format holds every number of a population's neurons."""
    name = population.name
    for field, limit in {"bias": format.bias_max, "vth": format.vth_max, "v_init": format.potential_max}.items():
        largest = int(np.abs(getattr(population, field).astype(np.int64)).max())
        if largest > limit:
            raise RangeError(f"{field} of population {name!r} reaches {largest}; {format.name} holds {limit}")
    for field, rounded in {"bias": format.rounded_bias, "vth": format.rounded_vth}.items():
        given = getattr(population, field)
        nearest = rounded(given)
        if (nearest != given).any():
            channel, value, near = (array.ravel()[int((nearest != given).argmax())] for array in (_channels(given), given, nearest))
            raise RangeError(
                f"{field} of population {name!r} is {value} in channel {channel}; the nearest that {format.name} holds is {near:.0f}"
            )
    if population.kind is Kind.IF and population.vth.min() < format.vth_min:
        raise RangeError(f"vth of population {name!r} is {population.vth.min()}; it must be at least {format.vth_min}")
    distinct = len(np.unique(population.vth))
    if format.vth_distinct is not None and distinct > format.vth_distinct:
        raise RangeError(f"population {name!r} has {distinct} distinct thresholds; {format.name} holds {format.vth_distinct}")


def _check_weights(projection: QuantisedProjection, bits: int, format: NumberFormat) -> None:
    """Check that a format holds a projection's exponent, and its mantissas in `bits` bits."""
    format.shift(projection.exponent)
    where = f"a weight {projection.source!r} -> {projection.target!r}"
    largest, step = format.mantissa_max(bits), 1 << format.dropped_bits(bits)
    if projection.largest_weight > largest * step:
        raise RangeError(f"{where} is {projection.largest_weight}; {bits} bits hold {largest * step}")
    if (projection.geometry.kernel % step).any():
        raise RangeError(f"{where} is no multiple of {step}; {bits} bits of {format.name} hold no others")


def _channels(parameter: Array) -> Array:
    """Return the channel of every entry of a parameter."""
    return np.broadcast_to(np.arange(parameter.shape[2]), parameter.shape)


@dataclass(frozen=True, eq=False)
class QuantisedNetwork(WiredNetwork[QuantisedPopulation, QuantisedProjection]):
    """The integer network: populations in topological order and their projections.

    Attributes
    ----------
    populations : tuple of QuantisedPopulation
        The inputs first.
    projections : tuple of QuantisedProjection
    format : NumberFormat
    bits : int
        Largest width of weight mantissas.
    codings : tuple of InputCoding
        One for each input.
    timesteps : int
        T, the steps one sample is shown for; the range audit holds for it.
    logit_scales : tuple of float
        Of each readout, potential units per unit of the model's output: logits = v / (T * logit_scale).
    trace : tuple of str
    quantisation : Quantisation, optional
        The options that made this network, where they are known. The digest leaves them out.
    """

    populations: tuple[QuantisedPopulation, ...]
    projections: tuple[QuantisedProjection, ...]
    format: NumberFormat
    bits: int
    codings: tuple[InputCoding, ...]
    timesteps: int
    logit_scales: tuple[float, ...]
    trace: tuple[str, ...] = ()
    quantisation: Quantisation | None = None

    def __post_init__(self) -> None:
        super().__post_init__()
        scales = self.logit_scales
        if self.timesteps < 1 or len(scales) != len(self.readouts) or not all(np.isfinite(s) and s > 0 for s in scales):
            raise InvalidNetwork(f"timesteps {self.timesteps} and logit scales {scales} must be positive, one scale for each readout")
        check_payload(self.codings, self.format)
        self._check_steps()
        for population in self.populations:
            _check_neurons(population, self.format)
        for projection in self.projections:
            _check_weights(projection, min(projection.bits, self.bits), self.format)

    def _check_steps(self) -> None:
        """Check depths and delays against the longest paths."""
        expected = depths([p.name for p in self.populations], [(p.source, p.target) for p in self.projections])
        for p in self.populations:
            if p.depth != expected[p.name]:
                raise InvalidNetwork(f"population {p.name!r} has depth {p.depth}; its longest path is {expected[p.name]}")
        for q in self.projections:
            delay = expected[q.target] - expected[q.source] - 1
            if q.delay != delay:
                raise InvalidNetwork(f"the projection {q.source!r} -> {q.target!r} has delay {q.delay}, not {delay}")

    @property
    def depth(self) -> int:
        """D, the largest depth; one sample's latency is T + D steps."""
        return max(p.depth for p in self.populations)

    @cached_property
    def digest(self) -> str:
        """SHA-256 over the canonical bytes of every integer and of the numbers that encode and decode it."""
        sha = hashlib.sha256()

        def add(header: object, *values: Array) -> None:
            sha.update(json.dumps(header, sort_keys=True).encode() + b"\n")
            for array in values:
                sha.update(json.dumps([str(array.dtype), list(array.shape)]).encode() + np.ascontiguousarray(array).tobytes())

        add([self.format.name, self.bits, [astuple(coding) for coding in self.codings], self.timesteps, self.logit_scales])
        for p in self.populations:
            add([p.name, p.shape, p.kind.value, p.depth], p.bias, p.vth, p.v_init)
        for q in self.projections:
            add([q.source, q.target, q.delay, q.exponent, q.bits, describe(q.geometry)], q.geometry.kernel, *arrays(q.geometry).values())
        return sha.hexdigest()
