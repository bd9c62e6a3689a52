"""One population in a chip's integers: the choice of its units and exponents, and the rounding.

Every target channel c has one unit: the potential counts ``S_c`` per threshold unit. A projection's weights are
``W = mantissa * 2**(weight_shift + exponent) / S_c``. Each projection has its own power of two, so that an identity shortcut costs the
convolution beside it no bits. Mantissas, thresholds, biases and initial potentials are rounded to nearest. Where a format shares
thresholds among channels, each channel's unit is made coarser until its threshold is one of a few (`shared_thresholds`); where payloads
have several bits, until its threshold is a power of two, so that the payload is a shift.
"""

from __future__ import annotations

from dataclasses import replace
from typing import NamedTuple

import numpy as np

from ecc_lava.common import Array, Float
from ecc_lava.formats import NumberFormat
from ecc_lava.geometry import EQUAL, over_synapses, with_kernel
from ecc_lava.networks import Kind, Population, QuantisedPopulation, QuantisedProjection, SpikingNetwork
from ecc_lava.quantisation.limits import finest, unfit, with_margin
from ecc_lava.quantisation.measured import measured
from ecc_lava.quantisation.shared_thresholds import shared_thresholds

__all__ = ["PopulationQuantiser"]

_SLACK = 1e-9
"""Float rounding of a logarithm that lies at a power of two."""

COARSER = 20
"""Most attempts to make units coarser; rounding makes a few necessary."""


class _Candidate(NamedTuple):
    """Units and exponents that keep every integer in its format."""

    units: Float
    exponents: list[int]
    whole: int
    """Channels, over all projections, whose weights lose less than one bit of the mantissa."""
    safe: bool
    """Whether no input can leave the potential's range in all T steps."""


class PopulationQuantiser:
    """One population and the projections into it.

    Parameters
    ----------
    network : SpikingNetwork
    population : Population
        One of the network's.
    format : NumberFormat
    bits : int
        Width of the weights.
    per : {"channel", "layer"}
        Whether every channel has a unit of its own.
    """

    def __init__(self, network: SpikingNetwork, population: Population, format: NumberFormat, bits: int, per: str) -> None:
        self._population = population
        self._format = format
        self._bits = bits
        self._dropped = format.dropped_bits(bits)
        self._one_unit = per == "layer" or population.kind is Kind.READOUT  # logits are compared, so they share one scale
        self._timesteps = (network.timesteps or 1) if population.kind.is_stateful else 1  # a step population keeps nothing
        self._inputs = [measured(p, network.sent_range[p.source], format.mantissa_max(bits)) for p in network.into(population.name)]
        self._observed = population.observed if network.hears_payloads(population.name) else None
        self._unit_min = finest(population)
        self._vth = np.broadcast_to(population.vth.max(axis=(0, 1)), population.shape[2])
        if population.kind.spikes:
            self._population = replace(population, bias=self._effective(population.bias))
        numbers = (self._population.bias, population.vth, population.v_init)
        self._largest = [np.broadcast_to(np.abs(n).max(axis=(0, 1)), population.shape[2]).astype(np.float64) for n in numbers]

    def _effective(self, bias: Array) -> Array:
        """Return the bias, limited to just above what inputs can outweigh.

        A larger bias decides alone whatever its size, and would only make units coarser. A neuron that keeps its potential
        never fires if a negative bias outweighs its initial potential and every input. A step neuron compares bias and inputs with its
        threshold, so its bias is limited around the threshold.
        """
        most = np.zeros(self._population.shape[2])
        for entry in self._inputs:
            most += over_synapses(np.add, entry.geometry, np.abs(entry.geometry.kernel)).max(axis=0) * entry.most
        most = np.where(most > 0, 1.5 * most, 1.0)
        if self._population.kind.is_stateful:
            return np.maximum(bias, -most - np.maximum(self._population.v_init.max(axis=(0, 1)), 0.0))
        vth = self._population.vth
        return np.clip(bias, vth - most, vth + most)

    def _shift(self, exponent: int) -> int:
        """Return the left shift of one unit of the mantissas that this width tells apart."""
        return self._format.shift(exponent) + self._dropped

    def choose(self) -> tuple[Float, list[int]]:
        """Return the units S_c, (C,), and one exponent per projection.

        Candidates keep one step's input in the potential's range. Choose among those with `finest` units per threshold that cannot
        saturate in T steps: the exponents that lose a bit in the fewest channels, on a tie the largest. If all of them can saturate, a tie
        goes to the smallest exponents, and saturation is counted where it happens. If none has so many units, choose the largest
        exponents.
        """
        if not self._inputs:
            return np.ones(1), []
        relative = self._relative_exponents()
        fitting: list[_Candidate] = []
        last = self._format.exponent_max - max(relative)
        first = self._format.exponent_min - max(relative) if any(i.largest.any() for i in self._inputs) else last  # zeros fit any
        options = [[max(base + r, self._format.exponent_min) for r in relative] for base in range(first, last + 1)]
        for exponents in options:
            units = self._units(exponents)
            if self._least_threshold(units) < self._format.vth_min:
                continue
            reach = float(self._reach(units, exponents).max())
            if reach <= self._format.potential_max:
                whole = self._whole(units, exponents)
                fitting.append(_Candidate(units, exponents, whole, reach * self._timesteps <= self._format.potential_max))
            elif fitting:
                break  # larger exponents only reach further
        if not fitting:
            return self._coarse(options)
        fine = [choice for choice in fitting if choice.units.min() >= self._unit_min]
        safe = [choice for choice in fine if choice.safe]
        if not fine:
            return fitting[-1].units, fitting[-1].exponents
        best = max(reversed(safe) if safe else fine, key=lambda choice: choice.whole)
        return best.units, best.exponents

    def _coarse(self, options: list[list[int]]) -> tuple[Float, list[int]]:
        """Return units so coarse that one step's input stays in range, and the smallest exponents that leave every threshold its least.

        Channels of many large inputs then leave some bits unused.
        """
        for exponents in options:
            units = self._units(exponents)
            for _ in range(COARSER):
                reach = self._reach(units, exponents)
                if reach.max() <= self._format.potential_max and self._least_threshold(units) >= self._format.vth_min:
                    return units, exponents
                units = self._shared(units * np.minimum(1.0, 0.98 * self._format.potential_max / reach))
        raise unfit(self._population, units * self._vth, reach, self._format)

    def _relative_exponents(self) -> list[int]:
        """Return each projection's exponent beyond the smallest, from the median over channels of its largest weights."""
        medians = [float(np.median(i.largest[i.largest > 0])) / i.mantissa_max if i.largest.any() else 0.0 for i in self._inputs]
        least = min((m for m in medians if m > 0), default=1.0)
        span = self._format.exponent_max - self._format.exponent_min
        return [min(span, round(np.log2(m / least))) if m > 0 else 0 for m in medians]

    def _units(self, exponents: list[int]) -> Float:
        """Return the finest units that keep every integer in its format.

        A bias may fill half of the potential's range over all steps: a channel with a large bias and tiny weights needs no finer units.
        """
        population, format = self._population, self._format
        bias, vth, v_init = self._largest
        with np.errstate(divide="ignore", invalid="ignore"):
            weights = np.min(
                [i.mantissa_max * 2.0 ** self._shift(e) / i.largest for e, i in zip(exponents, self._inputs, strict=True)], axis=0
            )
            limits = [
                weights,
                np.maximum(format.potential_max / (2 * self._timesteps * bias), self._unit_min),
                (format.bias_max - 1) / bias,
            ]
            if population.payload.is_shift:  # the potential holds the largest payload twice, also in channels that limit nothing
                limits += [format.potential_max / (2 * population.payload.largest * vth)]
            if population.kind.spikes:
                limits += [(format.vth_max - 1) / vth, (format.potential_max - 1) / v_init]
        units: Float = np.min(limits, axis=0)
        if self._one_unit:
            units = np.full(population.shape[2], units.min())
        return self._shared(np.where(np.isfinite(units), units, 1.0))  # nothing limits a channel of zeros

    def _shared(self, units: Float) -> Float:
        """Return units at most as fine: equal where channels share one, with thresholds that are shifts, and as few as the format holds."""
        if self._one_unit:
            units = np.full_like(units, units.min())
        if self._population.payload.is_shift:
            units = 2.0 ** np.floor(np.log2(units * self._vth) + _SLACK) / self._vth
        number, step = self._format.vth_distinct, self._format.vth_min
        if self._population.kind is not Kind.IF or number is None or self._least_threshold(units) < step:
            return units
        return shared_thresholds(units * self._vth, number, step) / self._vth

    def _least_threshold(self, units: Float) -> float:
        """Return the smallest threshold in units of the potential; infinite for neurons that have none of their own."""
        return float((units * self._vth).min()) if self._population.kind is Kind.IF else np.inf

    def is_exact(self, units: Float, exponents: list[int]) -> bool:
        """Whether every weight already is a whole number of units. One-bit weights are, unless something else limits the units."""
        return all(
            np.allclose(largest[largest > 0] * units[largest > 0] / 2.0 ** self._shift(e), 1.0, rtol=EQUAL, atol=0.0)
            for e, largest in zip(exponents, (entry.largest for entry in self._inputs), strict=True)
        )

    def _whole(self, units: Float, exponents: list[int]) -> int:
        """Return how many channels, over all projections, use more than half of the mantissa's range; one-bit weights use all of it."""
        least = 0.5 if self._bits > self._format.binary_bits else 1.0 - EQUAL
        used = [i.largest * units / 2.0 ** self._shift(e) / i.mantissa_max for e, i in zip(exponents, self._inputs, strict=True)]
        return int(sum((share > least).sum() for share in used))

    def _reach(self, units: Float, exponents: list[int]) -> Float:
        """Return a bound of |input sum + bias| in one step, (C,), before and after rounding, which can double a sum of small weights.

        Where payloads arrive, the bound is `MARGIN` times the largest sum on calibration images, if that is less and was measured.
        """
        channels = self._population.shape[2]
        bias = self._format.rounded_bias(np.broadcast_to(self._population.bias, self._population.shape) * units).reshape(-1, channels)
        low, high = bias.min(axis=0), bias.max(axis=0)
        for exponent, entry in zip(exponents, self._inputs, strict=True):
            shift = self._shift(exponent)
            exact = entry.exact(units, shift)
            least, most = entry.bounds(exact, np.rint(exact))
            low += least * 2.0**shift
            high += most * 2.0**shift
        result: Float = np.maximum(high, -low)
        return result if self._observed is None else with_margin(result, self._observed.max(axis=(0, 1)) * units)

    def population(self, units: Float, depth: int) -> QuantisedPopulation:
        """Return the population in integers."""
        p, format = self._population, self._format
        zero = np.zeros((1, 1, 1), np.int32)
        bias = zero if p.kind is Kind.INPUT else format.rounded_bias(p.bias * units).astype(np.int32)
        vth = format.rounded_vth(p.vth * units).astype(np.int32) if p.kind.spikes else zero
        if p.kind is Kind.IF:
            if p.payload.is_shift:
                vth = (2 ** np.rint(np.log2(np.maximum(p.vth * units, format.vth_min)))).astype(np.int32)
            vth = np.maximum(vth, format.vth_min)
        v_init = np.rint(p.v_init * units).astype(np.int32) if p.kind is Kind.IF else zero
        return QuantisedPopulation(p.name, p.shape, p.kind, depth, bias, vth, v_init, p.payload)

    def unrounded(self, rounded: Population, units: Float) -> Population:
        """Return the float population `rounded` with its bias, threshold and initial potential in potential units, not rounded."""
        p = self._population
        own = replace(rounded, bias=p.bias * units, vth=p.vth * units if p.kind.spikes else rounded.vth)
        return replace(own, v_init=p.v_init * units) if p.kind is Kind.IF else own

    def projections(self, units: Float, exponents: list[int], depth: dict[str, int]) -> list[QuantisedProjection]:
        """Return the projections in integers."""
        result = []
        for exponent, entry in zip(exponents, self._inputs, strict=True):
            p = entry.projection
            mantissas = (np.rint(entry.exact(units, self._shift(exponent))) * 2.0**self._dropped).astype(np.int8)
            geometry = with_kernel(entry.geometry, mantissas, entry.gain)
            delay = depth[p.target] - depth[p.source] - 1
            result.append(QuantisedProjection(p.source, p.target, delay, exponent, geometry, self._bits))
        return result
