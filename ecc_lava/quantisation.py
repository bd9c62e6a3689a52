"""From real units to a chip's integers.

Every target channel c has one unit: the potential counts ``S_c`` per threshold unit. A projection's weights are
``W = mantissa * 2**(weight_shift + exponent) / S_c``; each projection has its own power of two, so that an identity shortcut does not
cost the convolution beside it any bits. Mantissas, thresholds, biases and initial potentials are rounded to nearest.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from ecc_lava.arrays import Array, Float
from ecc_lava.audit import one_step_bound
from ecc_lava.encode import PAYLOAD_MAX
from ecc_lava.errors import RangeError
from ecc_lava.formats import NumberFormat, number_format
from ecc_lava.gain import integer_gain
from ecc_lava.geometry import Conv, with_kernel
from ecc_lava.network import Kind, Population, Projection, SpikingNetwork, depths
from ecc_lava.quantised import QuantisedNetwork, QuantisedPopulation, QuantisedProjection

__all__ = ["as_float", "quantise"]

UNIT_MIN = 1024.0
"""Least potential units per threshold unit aimed at: a bias is then off by at most 0.05 % of the threshold per step."""


def quantise(network: SpikingNetwork, *, format: str | NumberFormat = "loihi2", bits: int = 8) -> QuantisedNetwork:
    """Return the network in integers of a chip's format.

    Parameters
    ----------
    network : SpikingNetwork
        Converted: with timesteps and encoded input.
    format : str or NumberFormat
    bits : int
        Width of the weight mantissas.

    Raises
    ------
    InvalidInput
        Unknown format or width, or a network without timesteps.
    RangeError
        If no exponent keeps a population's one-step input sum in the potential's range.
    """
    chosen = number_format(format) if isinstance(format, str) else format
    if network.timesteps is None:
        raise RangeError("the network has no timesteps; convert it first")
    depth = depths([p.name for p in network.populations], [(p.source, p.target) for p in network.projections])
    populations, projections = [], []
    logit_scale = 1.0
    for population in network.populations:
        layer = _Layer(network, population, chosen, bits)
        units, exponents = layer.choose()
        if population.kind is Kind.READOUT:
            logit_scale = float(units[0] / population.lambda_.ravel()[0])
        populations.append(layer.population(units, depth[population.name]))
        projections.extend(layer.projections(units, exponents, depth))
    trace = (*network.trace, f"quantise(format={chosen.name!r}, bits={bits})")
    result = QuantisedNetwork(tuple(populations), tuple(projections), chosen, bits, network.coding, network.timesteps, logit_scale, trace)
    one_step_bound(result)
    return result


@dataclass(frozen=True)
class _Input:
    """A projection in real units as the choice of units needs it."""

    projection: Projection
    gain: Array | None
    largest: Float
    """Largest |weight|, integer gain included, per target channel."""
    positive: Float
    negative: Float
    """Largest sum of positive and of negative contributions in one step, per target channel."""


class _Layer:
    """One population and the projections into it."""

    def __init__(self, network: SpikingNetwork, population: Population, format: NumberFormat, bits: int) -> None:
        self._population = population
        self._format = format
        self._mantissa_max = format.mantissa_max(bits)
        self._timesteps = network.timesteps or 1
        self._inputs = [_measured(p, population, network.by_name[p.source].kind, self._mantissa_max) for p in network.into(population.name)]

    def choose(self) -> tuple[Float, list[int]]:
        """Return the units S_c, (C,), and one exponent per projection.

        The largest exponents are taken for which even T steps of the largest input keep the potential in range; where that would leave
        fewer than `UNIT_MIN` units per threshold, the smallest that leave as many. Saturation is then possible, and counted.
        """
        if not self._inputs:
            return np.ones(1), []
        relative = self._relative_exponents()
        fitting = []
        for base in range(self._format.exponent_min - min(relative), self._format.exponent_max - max(relative) + 1):
            exponents = [base + r for r in relative]
            units = self._units(exponents)
            reach = float((units * self._reach()).max())
            if reach <= self._format.potential_max:
                fitting.append((exponents, units, reach * self._timesteps <= self._format.potential_max))
        if not fitting:
            raise RangeError(
                f"population {self._population.name!r}: one step's input can leave +-{self._format.potential_max} at every exponent "
                f"({self._format.exponent_min}..{self._format.exponent_max}); use fewer bits or split its inputs over two layers"
            )
        safe = [f for f in fitting if f[2] and f[1].min() >= UNIT_MIN]
        fine = [f for f in fitting if f[1].min() >= UNIT_MIN]
        exponents, units, _ = safe[-1] if safe else fine[0] if fine else fitting[-1]
        return units, exponents

    def _relative_exponents(self) -> list[int]:
        """Return each projection's exponent beyond the smallest, from the median over channels of its largest weights."""
        medians = [float(np.median(i.largest[i.largest > 0])) if (i.largest > 0).any() else 0.0 for i in self._inputs]
        least = min((m for m in medians if m > 0), default=1.0)
        span = self._format.exponent_max - self._format.exponent_min
        return [min(span, round(np.log2(m / least))) if m > 0 else 0 for m in medians]

    def _units(self, exponents: list[int]) -> Float:
        """Return the finest units that keep every mantissa, the threshold, the bias and v_init in their formats."""
        population, format = self._population, self._format
        channels = population.shape[2]
        with np.errstate(divide="ignore"):
            limits = [self._mantissa_max * 2.0 ** format.shift(e) / i.largest for e, i in zip(exponents, self._inputs, strict=True)]
            for value, limit in (
                (population.bias, format.bias_max),
                (population.vth, format.vth_max),
                (population.v_init, format.potential_max),
            ):
                largest = np.broadcast_to(np.abs(value).max(axis=(0, 1)), channels)
                limits.append((limit - 1) / largest)
        units: Float = np.min(limits, axis=0)
        if population.kind is Kind.READOUT:
            units = np.full(channels, units.min())  # one scale, so that logits can be compared
        return units

    def _reach(self) -> Float:
        """Return the largest |input sum + bias| of one step in threshold units, per channel."""
        bias = np.broadcast_to(self._population.bias, self._population.shape).reshape(-1, self._population.shape[2])
        high = sum(i.positive for i in self._inputs) + bias.max(axis=0)
        low = sum(i.negative for i in self._inputs) + bias.min(axis=0)
        result: Float = np.maximum(np.abs(high), np.abs(low))
        return result

    def population(self, units: Float, depth: int) -> QuantisedPopulation:
        """Return the population in integers."""
        p = self._population
        spiking = p.kind is Kind.IF

        def rounded(value: Array) -> Array:
            return np.rint(value * units).astype(np.int32)

        zero = np.zeros((1, 1, 1), np.int32)
        vth = np.maximum(rounded(p.vth), 1) if spiking else zero
        bias = zero if p.kind is Kind.INPUT else rounded(p.bias)
        return QuantisedPopulation(p.name, p.shape, p.kind, depth, bias, vth, rounded(p.v_init) if spiking else zero)

    def projections(self, units: Float, exponents: list[int], depth: dict[str, int]) -> list[QuantisedProjection]:
        """Return the projections in integers."""
        result = []
        for exponent, entry in zip(exponents, self._inputs, strict=True):
            p = entry.projection
            scale = units / 2.0 ** self._format.shift(exponent)
            mantissas = np.rint(_base_kernel(p, entry.gain) * scale).astype(np.int8)
            geometry = with_kernel(p.geometry, mantissas, entry.gain)
            delay = depth[p.target] - depth[p.source] - 1
            result.append(QuantisedProjection(p.source, p.target, delay, exponent, geometry))
        return result


def _base_kernel(projection: Projection, gain: Array | None) -> Array:
    """Return the real weights that an integer gain multiplies."""
    geometry = projection.geometry
    if gain is None or not isinstance(geometry, Conv) or geometry.gain is None:
        return geometry.kernel
    return geometry.kernel * (geometry.gain.max() / gain.max())


def _measured(projection: Projection, target: Population, source_kind: Kind, mantissa_max: int) -> _Input:
    geometry = projection.geometry
    gain = None
    if isinstance(geometry, Conv) and geometry.gain is not None:
        gain = integer_gain(geometry.gain, mantissa_max)
    kernel = _base_kernel(projection, gain).reshape(-1, target.shape[2])
    most = 1.0 if gain is None else float(gain.max())
    sent = PAYLOAD_MAX if source_kind is Kind.INPUT else 1.0
    positive = np.maximum(kernel, 0.0).sum(axis=0) * most * sent
    negative = np.minimum(kernel, 0.0).sum(axis=0) * most * sent
    return _Input(projection, gain, np.abs(kernel).max(axis=0) * most, positive, negative)


def as_float(network: QuantisedNetwork) -> SpikingNetwork:
    """Return the integer network's own numbers as a float network, for the float engine to run.

    Weights are ``mantissa * 2**(weight_shift + exponent)``, thresholds, biases and initial potentials as they are, the potential clipped
    where the integers saturate. All of it is exact in float64, so the float engine must equal the integer back ends spike for spike.
    """
    one = np.ones((1, 1, 1))
    populations = tuple(
        Population(
            p.name,
            p.shape,
            p.kind,
            p.bias,
            p.vth if p.kind is Kind.IF else one,
            p.v_init,
            one / network.logit_scale if p.kind is Kind.READOUT else one,
        )
        for p in network.populations
    )
    projections = tuple(
        Projection(
            p.source, p.target, with_kernel(p.geometry, p.geometry.kernel.astype(np.float64) * 2.0 ** network.format.shift(p.exponent))
        )
        for p in network.projections
    )
    limit = float(network.format.potential_max)
    return replace(SpikingNetwork(populations, projections, network.coding, network.timesteps, limit), trace=(*network.trace, "as_float"))
