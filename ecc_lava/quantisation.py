"""From real units to a chip's integers.

Every target channel c has one unit: the potential counts ``S_c`` per threshold unit. A projection's weights are
``W = mantissa * 2**(weight_shift + exponent) / S_c``; each projection has its own power of two, so that an identity shortcut does not
cost the convolution beside it any bits. Mantissas, thresholds, biases and initial potentials are rounded to nearest.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np

from ecc_lava.arrays import Array, Float
from ecc_lava.audit import one_step_bound
from ecc_lava.encode import PAYLOAD_MAX
from ecc_lava.errors import InvalidInput, RangeError
from ecc_lava.formats import NumberFormat, number_format
from ecc_lava.gain import integer_gain
from ecc_lava.geometry import Conv, with_kernel, written
from ecc_lava.network import Kind, Population, Projection, SpikingNetwork, depths
from ecc_lava.quantised import QuantisedNetwork, QuantisedPopulation, QuantisedProjection

__all__ = ["as_float", "quantise"]

COARSER = 20
"""How often units are made coarser before giving up; rounding makes a few rounds necessary."""

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
        raise InvalidInput("the network has no timesteps; convert it first")
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
    kernel: Array
    """What mantissas stand for: the weights, or what an integer gain multiplies."""
    gain: Array | None
    mantissa_max: int
    """Largest mantissa, so that with the gain it stays in its format."""
    sent: int
    """Largest value of a source neuron in one step."""
    largest: Float
    """Largest |kernel| per target channel; 0 for those it does not write."""

    @property
    def most(self) -> int:
        """Largest factor between a mantissa and its contribution in one step, before the shift."""
        return self.sent * (1 if self.gain is None else int(self.gain.max()))

    def mantissas(self, units: Float, shift: int) -> Array:
        """Return the kernel in units of ``2**shift`` potential units."""
        return np.rint(self.kernel * (units[written(self.projection.geometry)] / 2.0**shift)).astype(np.int8)


class _Choice(NamedTuple):
    """One choice of units and exponents."""

    units: Float
    exponents: list[int]
    whole: int
    """Channels, over all projections, whose weights lose less than one bit of the mantissa."""
    safe: bool
    """Whether no input can leave the potential's range in all T steps."""


class _Layer:
    """One population and the projections into it."""

    def __init__(self, network: SpikingNetwork, population: Population, format: NumberFormat, bits: int) -> None:
        self._population = population
        self._format = format
        self._timesteps = network.timesteps or 1
        self._inputs = [
            _measured(p, network.by_name[p.source].kind, population.shape[2], format.mantissa_max(bits))
            for p in network.into(population.name)
        ]

    def choose(self) -> tuple[Float, list[int]]:
        """Return the units S_c, (C,), and one exponent per projection.

        Of the exponents for which even T steps of the largest input keep the potential in range, and which leave `UNIT_MIN` units per
        threshold, those are taken that cost the fewest weights a bit, of these the largest. Where there are none, of those that leave as
        many units the smallest: saturation is then possible, and counted.
        """
        if not self._inputs:
            return np.ones(1), []
        relative = self._relative_exponents()
        fitting: list[_Choice] = []
        for base in range(self._format.exponent_min - max(relative), self._format.exponent_max - max(relative) + 1):
            exponents = [max(base + r, self._format.exponent_min) for r in relative]
            units = self._units(exponents)
            reach = float(self._reach(units, exponents).max())
            if reach <= self._format.potential_max:
                whole = self._whole(units, exponents)
                fitting.append(_Choice(units, exponents, whole, reach * self._timesteps <= self._format.potential_max))
            elif fitting:
                break  # larger exponents only reach further
        if not fitting:
            return self._coarse([max(self._format.exponent_min, self._format.exponent_min - max(relative) + r) for r in relative])
        fine = [choice for choice in fitting if choice.units.min() >= UNIT_MIN]
        safe = [choice for choice in fine if choice.safe]
        if not fine:
            return fitting[-1].units, fitting[-1].exponents
        best = max(reversed(safe) if safe else fine, key=lambda choice: choice.whole)
        return best.units, best.exponents

    def _coarse(self, exponents: list[int]) -> tuple[Float, list[int]]:
        """Return units so coarse that one step's input stays in range: channels of many large inputs do not use all of their bits."""
        units = self._units(exponents)
        for _ in range(COARSER):
            reach = self._reach(units, exponents)
            if reach.max() <= self._format.potential_max:
                return units, exponents
            units = units * np.minimum(1.0, 0.98 * self._format.potential_max / reach)
            if self._population.kind is Kind.READOUT:
                units = np.full_like(units, units.min())
        raise RangeError(
            f"channel {int(reach.argmax())} of population {self._population.name!r}: one step's input can reach {int(reach.max())} at the "
            f"smallest exponents; the potential holds {self._format.potential_max}. Split its inputs over two layers"
        )

    def _relative_exponents(self) -> list[int]:
        """Return each projection's exponent beyond the smallest, from the median over channels of its largest weights."""
        medians = [float(np.median(i.largest[i.largest > 0])) / i.mantissa_max if i.largest.any() else 0.0 for i in self._inputs]
        least = min((m for m in medians if m > 0), default=1.0)
        span = self._format.exponent_max - self._format.exponent_min
        return [min(span, round(np.log2(m / least))) if m > 0 else 0 for m in medians]

    def _units(self, exponents: list[int]) -> Float:
        """Return the finest units that keep every integer in its format.

        A bias over all steps gets half of the potential's range: a channel of a large bias and tiny weights has no use for finer units.
        """
        population, format = self._population, self._format
        channels = population.shape[2]

        def largest(value: Array) -> Float:
            return np.broadcast_to(np.abs(value).max(axis=(0, 1)), channels).astype(np.float64)

        bias = largest(population.bias)
        with np.errstate(divide="ignore", invalid="ignore"):
            weights = np.min(
                [i.mantissa_max * 2.0 ** format.shift(e) / i.largest for e, i in zip(exponents, self._inputs, strict=True)], axis=0
            )
            limits = [weights, np.maximum(format.potential_max / (2 * self._timesteps * bias), UNIT_MIN), (format.bias_max - 1) / bias]
            if population.kind is Kind.IF:
                limits += [(format.vth_max - 1) / largest(population.vth), (format.potential_max - 1) / largest(population.v_init)]
        units: Float = np.min(limits, axis=0)
        if population.kind is Kind.READOUT:
            least = float(units.min())
            units = np.full(channels, least if np.isfinite(least) else 1.0)  # one scale, so that logits can be compared
        return units

    def _whole(self, units: Float, exponents: list[int]) -> int:
        """Return how many channels, over all projections, use at least half of the mantissa's range."""
        used = [i.largest * units / 2.0 ** self._format.shift(e) / i.mantissa_max for e, i in zip(exponents, self._inputs, strict=True)]
        return int(sum((share > 0.5).sum() for share in used))

    def _reach(self, units: Float, exponents: list[int]) -> Float:
        """Return a bound of |input sum + bias| in one step, (C,), rounded or not: rounding can double a sum of many weights, or end it."""
        channels = self._population.shape[2]
        bias = np.rint(np.broadcast_to(self._population.bias, self._population.shape) * units).reshape(-1, channels)
        low, high = bias.min(axis=0), bias.max(axis=0)
        for exponent, entry in zip(exponents, self._inputs, strict=True):
            shift = self._format.shift(exponent)
            where = written(entry.projection.geometry)
            exact = (entry.kernel * (units[where] / 2.0**shift)).reshape(-1, entry.kernel.shape[-1])
            rounded = np.rint(exact)
            low[where] += np.minimum(np.minimum(exact, rounded), 0).sum(axis=0) * entry.most * 2.0**shift
            high[where] += np.maximum(np.maximum(exact, rounded), 0).sum(axis=0) * entry.most * 2.0**shift
        result: Float = np.maximum(high, -low)
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
            geometry = with_kernel(p.geometry, entry.mantissas(units, self._format.shift(exponent)), entry.gain)
            delay = depth[p.target] - depth[p.source] - 1
            result.append(QuantisedProjection(p.source, p.target, delay, exponent, geometry))
        return result


def _measured(projection: Projection, source_kind: Kind, channels: int, mantissa_max: int) -> _Input:
    geometry = projection.geometry
    kernel, gain = geometry.kernel, None
    if isinstance(geometry, Conv) and geometry.gain is not None:
        gain = integer_gain(geometry.gain, mantissa_max)
        ratio = geometry.gain[gain > 0] / gain[gain > 0]
        kernel = kernel * np.median(ratio)  # one number where the gain is exact, else right at most positions
        mantissa_max //= int(gain.max())
    sent = PAYLOAD_MAX if source_kind is Kind.INPUT else 1
    largest = np.zeros(channels)
    largest[written(geometry)] = np.abs(kernel).reshape(-1, kernel.shape[-1]).max(axis=0)
    return _Input(projection, kernel, gain, mantissa_max, sent, largest)


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
