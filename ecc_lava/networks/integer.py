"""The integer spiking network: what a chip, the Lava processes and the simulators run.

Neuron, per timestep (all integers, potential in 24 bits)::

    v <- clip24(v + sum_p (W_p . k_p) * 2**(weight_shift + exponent_p) + bias)
    k  = clip(floor(v / vth), low, m) ;  v <- clip24(v - vth * k)

A sigma-delta neuron of a stream keeps its potential and sends changes, one frame a timestep::

    a  = clip(floor(v / vth), 0, m) ;  d = a - sent ;  k = d if |d| >= theta, else 0 ;  sent <- sent + k

with m and low of the population's `Payload`: 1 and 0 where spikes are binary. A chip has no divider, so vth is a power of two where a
payload has several bits, and k a shift. A step neuron has no state: ``v <- clip24(sum + bias); k = v >= vth``. This module holds data and
its invariants only.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import astuple, dataclass
from functools import cached_property

import numpy as np

from ecc_lava.common import BINARY, Array
from ecc_lava.errors import InvalidNetwork
from ecc_lava.formats import NumberFormat
from ecc_lava.geometry import arrays, describe
from ecc_lava.inputs import InputCoding, InputRange
from ecc_lava.networks.depths import depths
from ecc_lava.networks.format_checks import check_carries, check_neurons, check_payload, check_spikes, check_weights
from ecc_lava.networks.integer_parts import QuantisedPopulation, QuantisedProjection
from ecc_lava.networks.quantisation import Quantisation
from ecc_lava.networks.stream_checks import check_stream_neurons
from ecc_lava.networks.wiring import WiredNetwork

__all__ = ["QuantisedNetwork"]


@dataclass(frozen=True, eq=False, repr=False)
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
        T, the steps one sample is shown for; the range audit holds for it. A stream takes one step a frame.
    logit_scales : tuple of float, or of tuples of float
        Of each readout, potential units per unit of the model's output: logits = v / (T * logit_scale). Where the model itself has rounded
        the readout's weights, each channel may have a scale of its own.
    trace : tuple of str
    quantisation : Quantisation, optional
        The options that made this network, where they are known. The digest leaves them out.
    calibrated : tuple of InputRange
        The range of each input over the calibration images; empty where it is not known. The digest leaves it out.
    """

    populations: tuple[QuantisedPopulation, ...]
    projections: tuple[QuantisedProjection, ...]
    format: NumberFormat
    bits: int
    codings: tuple[InputCoding, ...]
    timesteps: int
    logit_scales: tuple[float | tuple[float, ...], ...]
    trace: tuple[str, ...] = ()
    quantisation: Quantisation | None = None
    calibrated: tuple[InputRange, ...] = ()

    def __post_init__(self) -> None:
        super().__post_init__()
        scales = self.logit_scales
        fits = len(scales) == len(self.readouts) and all(
            np.size(s) in (1, p.shape[2]) and np.isfinite(s).all() and np.min(s) > 0 for s, p in zip(scales, self.readouts, strict=True)
        )
        if not fits:
            raise InvalidNetwork(f"the logit scales {scales!r:.200} must be positive, one for each readout")
        if not 1 <= self.bits <= self.format.weight_bits:
            raise InvalidNetwork(f"weights of {self.bits} bits; {self.format.name} holds 1 to {self.format.weight_bits}")
        check_payload(self.codings, self.format)
        self._check_steps()
        check_stream_neurons(self.populations, self.timesteps)
        check_carries(self.populations, self.timesteps)
        for population in self.populations:
            check_neurons(population, self.format)
            check_spikes(population, self.format)
        for projection in self.projections:
            check_weights(projection, min(projection.bits, self.bits), self.format)

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
            graded: list[object] = [] if p.payload == BINARY else [astuple(p.payload)]
            graded += [p.theta] if p.theta else []
            add([p.name, p.shape, p.kind.value, p.depth, *graded], p.bias, p.vth, p.v_init)
        for q in self.projections:
            add([q.source, q.target, q.delay, q.exponent, q.bits, describe(q.geometry)], q.geometry.kernel, *arrays(q.geometry).values())
        return sha.hexdigest()
