"""A step population whose weights are wider than two synapses hold: populations of its own carry what their low bits add up to.

`carries` has the arithmetic. A carry is at least 0, so that payloads can be its digits: an integrate-and-fire neuron at T = 1 sends
``clip(floor(v / vth), 0, m)``, and vth is a power of two. The neurons of a digit lie where the step's own do; a digit goes to the one
neuron at its place, by a weight that is a power of two. A step population at T = 1 compares and keeps nothing, so no unit is rounded
anywhere: the step is that of the whole weights, exactly.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np

from ecc_lava.common import Float, Payload
from ecc_lava.errors import InvalidInput, RangeError
from ecc_lava.formats import NumberFormat
from ecc_lava.geometry import Conv, Geometry, diagonal, over_synapses, scaled_by_target, with_kernel
from ecc_lava.networks import Kind, Population, QuantisedPopulation, QuantisedProjection, SpikingNetwork
from ecc_lava.quantisation.carries import Level, SumLimits, WholeWeights, levels_of, reach
from ecc_lava.quantisation.two_synapses import largest_whole, whole_mantissas
from ecc_lava.quantisation.whole_units import whole_peaks

__all__ = ["CarriedStep", "carried_step"]

_ROUNDING = 2.0**-16
"""How far below a whole number of units a threshold may lie and still be it: sums in float64 are off by less."""


@dataclass(frozen=True)
class _Wire:
    """Whole weights from one population to another, int64."""

    source: str
    target: str
    geometry: Geometry


@dataclass(frozen=True, eq=False)
class CarriedStep:
    """A step population in integers, after the populations of its carries.

    Attributes
    ----------
    units : float64 array (C,)
        Units of the lowest level for a weight of 1, by channel.
    inputs : int
        Number of projections into the float population.
    populations : tuple of QuantisedPopulation
        Their depths are set by `integers`.
    wires : tuple of _Wire
    format : NumberFormat
    """

    units: Float
    inputs: int
    populations: tuple[QuantisedPopulation, ...]
    wires: tuple[_Wire, ...]
    format: NumberFormat

    @property
    def names(self) -> list[str]:
        """Names of the populations, in order."""
        return [p.name for p in self.populations]

    @property
    def edges(self) -> list[tuple[str, str]]:
        """Sources and targets of the projections into these populations."""
        return [(wire.source, wire.target) for wire in self.wires]

    @property
    def weight_steps(self) -> list[Float]:
        """What one unit of the weights of every projection is in real units, (C,) each."""
        return [1.0 / self.units] * self.inputs

    def integers(self, depth: Mapping[str, int]) -> tuple[list[QuantisedPopulation], list[QuantisedProjection]]:
        """Return populations and projections, for the depth of every population of the network."""
        populations = [replace(p, depth=depth[p.name]) for p in self.populations]
        projections = [
            QuantisedProjection(w.source, w.target, depth[w.target] - depth[w.source] - 1, exponent, geometry, self.format.weight_bits)
            for w in self.wires
            for exponent, kernel in whole_mantissas(w.geometry.kernel, self.format)
            for geometry in [with_kernel(w.geometry, kernel)]
        ]
        return populations, projections


def carried_step(network: SpikingNetwork, population: Population, format: NumberFormat, bits: int, per: str) -> CarriedStep:
    """Return a step population with weights of so many bits.

    Weights that are whole numbers of such bits in some unit, as those that a model keeps in 16-bit floats, are exact: then no sign differs
    from that of exact sums. Others are rounded to nearest.

    Raises
    ------
    InvalidInput
        If a projection into the population has a gain map.
    RangeError
        If a potential does not even hold the sum of the lowest bits.
    """
    into = network.into(population.name)
    geometries = [p.geometry for p in into]
    if any(isinstance(geometry, Conv) and geometry.gain is not None for geometry in geometries):
        raise InvalidInput(
            f"{bits} bits a weight for {population.name!r}: weights with a factor for each position, as averages over valid pixels have, "
            f"take at most {format.wide_bits} bits"
        )
    units = _units(geometries, bits, per)
    sources = [
        WholeWeights(with_kernel(g, np.rint(scaled_by_target(g, units)).astype(np.int64)), network.sent_range[p.source])
        for p, g in zip(into, geometries, strict=True)
    ]
    least, most = reach(sources, [source.geometry.kernel for source in sources])
    exact = np.broadcast_to((population.bias - population.vth) * units, np.broadcast_shapes(population.bias.shape, (1, 1, len(units))))
    constant = np.floor(np.clip(exact + _ROUNDING, -most - 1.0, -least)).astype(np.int64)  # beyond, it decides alone
    one = 2 ** format.shift(format.exponent_min)
    limits = SumLimits(format.potential_max // one, largest_whole(format), format.payload_bits)
    levels = levels_of(sources, constant, limits)
    if levels is None:
        raise RangeError(
            f"population {population.name!r} has too many inputs for weights of {bits} bits: their lowest bits alone add up to more than "
            f"the {format.potential_max} that the potential holds. Use {format.wide_bits} bits at most"
        )
    return _built(population, [(p.source, s) for p, s in zip(into, sources, strict=True)], levels, units, format)


def _units(geometries: list[Geometry], bits: int, per: str) -> Float:
    """Return the units of every channel, (C,): those in which the weights are whole, or else the finest that the width holds."""
    most = 2 ** (bits - 1) - 1
    largest = np.max([over_synapses(np.maximum, g, np.abs(g.kernel).astype(np.float64)).max(axis=0) for g in geometries], axis=0)
    peaks = whole_peaks(geometries, largest, most)
    peaks = np.where((peaks > 0) & (largest > 0), peaks, most)
    units = np.divide(peaks, largest, out=np.ones_like(largest), where=largest > 0)
    return np.full_like(units, units.min()) if per == "layer" else units


def _built(
    population: Population, sources: list[tuple[str, WholeWeights]], levels: list[Level], units: Float, format: NumberFormat
) -> CarriedStep:
    """Return the populations of every level and what goes into them."""
    one, zero = 2 ** format.shift(format.exponent_min), np.zeros((1, 1, 1), np.int32)
    made, wires, arriving = list[QuantisedPopulation](), list[_Wire](), list[tuple[str, int]]()

    def add(name: str, kind: Kind, level: Level, arrivals: list[tuple[str, int]], vth: int, payload: Payload) -> None:
        bias, to = (level.constant * one).astype(np.int32), population.name if kind is Kind.IF else ""
        threshold = np.full((1, 1, 1), vth * one, np.int32)
        made.append(QuantisedPopulation(name, population.shape, kind, 0, bias, threshold, zero, payload, carries_to=to))
        for (source, whole), kernel in zip(sources, level.kernels, strict=True):
            if kind is Kind.STEP or kernel.any():
                wires.append(_Wire(source, name, with_kernel(whole.geometry, kernel)))
        wires.extend(_Wire(digit, name, diagonal(np.full(population.shape[2], factor))) for digit, factor in arrivals)

    for level in levels[:-1]:
        sent, shift = list[tuple[str, int]](), level.low + sum(level.digits)
        for bits in level.digits:
            shift -= bits
            name = f"{population.name}.carry{len(made) + 1}"
            left = [(digit, -value) for digit, value in sent]
            add(name, Kind.IF, level, [*arriving, *left], 2**shift, Payload(bits))
            sent.append((name, 2**shift))
        arriving = [(digit, value >> level.low) for digit, value in sent]
    add(population.name, Kind.STEP, levels[-1], arriving, 0, population.payload)
    return CarriedStep(units, len(sources), tuple(made), tuple(wires), format)
