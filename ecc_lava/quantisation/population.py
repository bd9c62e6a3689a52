"""One population in a chip's integers: the choice of its units and exponents, and the rounding.

Every target channel c has one unit: the potential counts ``S_c`` per threshold unit. A projection's weights are
``W = mantissa * 2**(weight_shift + exponent) / S_c``. Each projection has its own power of two, so that an identity shortcut costs the
convolution beside it no bits. Mantissas, thresholds, biases and initial potentials are rounded to nearest. Where a format shares
thresholds among channels, each channel's unit is made coarser until its threshold is one of a few (`shared_thresholds`); where payloads
have several bits, until its threshold is a power of two, so that the payload is a shift.
"""

from __future__ import annotations

from dataclasses import replace
from functools import cached_property

import numpy as np

from ecc_lava.common import Float
from ecc_lava.formats import NumberFormat
from ecc_lava.geometry import EQUAL, STEPS_ALIKE, with_kernel
from ecc_lava.networks import Kind, Population, QuantisedPopulation, QuantisedProjection, SpikingNetwork
from ecc_lava.quantisation.candidates import UnitChoice, best_of, channels_above, relative_exponents
from ecc_lava.quantisation.limits import COARSER, effective_bias, finest, unfit, with_margin
from ecc_lava.quantisation.measured import measured
from ecc_lava.quantisation.one_step import OneStep
from ecc_lava.quantisation.own_steps import own_steps, warn_of_lost_steps
from ecc_lava.quantisation.shared_thresholds import shared_thresholds
from ecc_lava.quantisation.two_synapses import mantissas

__all__ = ["PopulationQuantiser"]

_SLACK = 1e-9
"""Float rounding of a logarithm that lies at a power of two."""


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
        self._bits, self._dropped = bits, format.dropped_bits(bits)
        self._exponent_max = format.exponent_max - format.more_bits(bits)
        self._per_layer = per == "layer"
        self._one_unit = self._per_layer or population.kind is Kind.READOUT  # logits are compared, so they share one scale
        self._timesteps = (network.timesteps or 1) if population.kind.is_stateful else 1  # a step population keeps nothing
        self._inputs = [measured(p, network.sent_range[p.source], format, bits) for p in network.into(population.name)]
        self._observed = population.observed if network.hears_payloads(population.name) else None
        self._unit_min = finest(population)
        self._vth = np.broadcast_to(population.vth.max(axis=(0, 1)), population.shape[2])
        if population.kind.spikes:
            self._population = replace(population, bias=effective_bias(population, self._inputs))
        self._one_step = OneStep(self._population, self._inputs, format)
        self._largest = [
            np.broadcast_to(np.abs(n).max(axis=(0, 1)), population.shape[2]).astype(np.float64)
            for n in (self._population.bias, population.vth, population.v_init)
        ]

    def shift(self, exponent: int) -> int:
        """Return the left shift of one unit of the weights that this width tells apart."""
        return self._format.shift(exponent) + self._dropped

    def choose(self) -> tuple[Float, list[int]]:
        """Return the units S_c, (C,), and one exponent per projection.

        Candidates keep one step's input in the potential's range; `best_of` chooses among them. Weights that the model itself has rounded
        keep its mantissas where some candidate does.
        """
        if not self._inputs:
            return np.ones(1), []
        kept = self._keeping_mantissas()
        if kept:
            return best_of(kept, self._unit_min)[:2]
        warn_of_lost_steps(self._population.name, self._inputs, self._bits)
        relative = relative_exponents(self._inputs, self._exponent_max - self._format.exponent_min)
        fitting: list[UnitChoice] = []
        last = self._exponent_max - max(relative)
        first = self._format.exponent_min - max(relative) if any(i.largest.any() for i in self._inputs) else last  # zeros fit any
        options = [[max(base + r, self._format.exponent_min) for r in relative] for base in range(first, last + 1)]
        for exponents in options:
            units = self._units(exponents)
            if self._least_threshold(units) < self._format.vth_min:
                continue
            found = self._candidate(units, exponents)
            if found is not None:
                fitting.append(found)
            elif fitting:
                break  # larger exponents only reach further
        return best_of(fitting, self._unit_min)[:2] if fitting else self._coarse(options)

    def _candidate(self, units: Float, exponents: list[int]) -> UnitChoice | None:
        """Return units and exponents as a candidate, or None if one step's input can leave the potential's range."""
        around = self._one_step.around(units, [self.shift(e) for e in exponents])
        surely, perhaps = (self._fits(bound, units) for bound in around)
        fits, proven, safe = surely if surely == perhaps else self._fits(self._bound(units, exponents), units)
        if not fits:
            return None
        least = 0.5 if self._bits > self._format.binary_bits else 1.0 - EQUAL
        whole = channels_above(least, self._inputs, [units / 2.0 ** self.shift(e) for e in exponents])
        return UnitChoice(units, exponents, whole, proven, safe)

    def _fits(self, bound: Float, units: Float) -> tuple[bool, bool, bool]:
        """Whether one step's input fits the potential's range, whether weights alone prove it, and whether the inputs of all steps fit."""
        reach, most = float(self._needed(bound, units).max()), self._format.potential_max
        return reach <= most, bool(bound.max() <= most), reach * self._timesteps <= most

    def _keeping_mantissas(self) -> list[UnitChoice]:
        """Return the candidates whose mantissas are the model's own, by ascending exponents; none if the model has not rounded its weights.

        Only classes at a readout may differ in their units where all channels share one: the host divides by the logits' scales.
        """
        own = own_steps(self._inputs)
        if own is None or (self._per_layer and np.ptp(own.steps) > _SLACK * own.steps.max()):
            return []
        found = []
        low, high = self._format.exponent_min - min(own.relative), self._exponent_max - max(own.relative)
        for base in range(low, high + 1):
            exponents = [base + relative for relative in own.relative]
            limits = self._limits(exponents)
            units = np.divide(2.0 ** self.shift(base), own.steps, out=self._shared(limits), where=own.steps > 0)
            if (units <= limits * (1 + _SLACK)).all() and self._thresholds_fit(units):
                candidate = self._candidate(units, exponents)
                found += [] if candidate is None else [candidate]
        return found

    def _thresholds_fit(self, units: Float) -> bool:
        """Whether units make thresholds that the format holds: shifts where payloads have several bits, few where cores share them."""
        if self._population.kind is not Kind.IF:
            return True
        powers, distinct = np.log2(units * self._vth), self._format.vth_distinct
        few = distinct is None or len(np.unique(self._format.rounded_vth(units * self._vth))) <= distinct
        shifts = not self._population.payload.is_shift or bool((np.abs(powers - np.rint(powers)) < STEPS_ALIKE).all())
        return few and shifts and self._least_threshold(units) >= self._format.vth_min

    def _coarse(self, options: list[list[int]]) -> tuple[Float, list[int]]:
        """Return units so coarse that one step's input stays in range, and the smallest exponents that leave every threshold its least.

        Channels of many large inputs then leave some bits unused, and where no option suits, projections share one exponent.
        """
        alike = [[e] * len(self._inputs) for e in range(self._format.exponent_min, self._exponent_max + 1)]
        for exponents in [*options, *alike]:
            units = self._units(exponents)
            for _ in range(COARSER):
                reach = self._needed(self._bound(units, exponents), units)
                if reach.max() <= self._format.potential_max and self._least_threshold(units) >= self._format.vth_min:
                    return units, exponents
                units = self._shared(units * np.minimum(1.0, 0.98 * self._format.potential_max / reach))
        raise unfit(self._population, units * self._vth, reach, self._format)

    def _units(self, exponents: list[int]) -> Float:
        """Return the finest units that keep every integer in its format, equal where channels share one."""
        return self._shared(self._limits(exponents))

    def _limits(self, exponents: list[int]) -> Float:
        """Return the finest unit of each channel that keeps its integers in their format."""
        least = self._own_limits
        with np.errstate(divide="ignore"):
            for exponent, entry in zip(exponents, self._inputs, strict=True):
                least = np.minimum(least, entry.mantissa_max * 2.0 ** self.shift(exponent) / entry.largest)
        return least

    @cached_property
    def _own_limits(self) -> Float:
        """The finest unit of each channel that keeps its bias, threshold and initial potential in their format, whatever the exponents.

        A bias may fill half of the potential's range over all steps: a channel with a large bias and tiny weights needs no finer units.
        """
        population, format = self._population, self._format
        bias, vth, v_init = self._largest
        with np.errstate(divide="ignore", invalid="ignore"):
            limits = [np.maximum(format.potential_max / (2 * self._timesteps * bias), self._unit_min), (format.bias_max - 1) / bias]
            if population.payload.is_shift:  # the potential holds the largest payload twice, also in channels that limit nothing
                limits += [format.potential_max / (2 * population.payload.largest * vth)]
            if population.kind.spikes:
                limits += [(format.vth_max - 1) / vth, (format.potential_max - 1) / v_init]
        least: Float = np.min(limits, axis=0)
        return least

    def _shared(self, units: Float) -> Float:
        """Return units at most as fine: equal where channels share one, with thresholds that are shifts, and as few as the format holds."""
        if self._one_unit:
            units = np.full_like(units, units.min())
        units = np.where(np.isfinite(units), units, 1.0)  # nothing limits a channel of zeros
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
            np.allclose(largest[largest > 0] * units[largest > 0] / 2.0 ** self.shift(e), 1.0, rtol=EQUAL, atol=0.0)
            for e, largest in zip(exponents, (entry.largest for entry in self._inputs), strict=True)
        )

    def _bound(self, units: Float, exponents: list[int]) -> Float:
        """Return a bound of |input sum + bias| in one step, (C,)."""
        return self._one_step.bound(units, [self.shift(e) for e in exponents])

    def _needed(self, bound: Float, units: Float) -> Float:
        """Return the sums of one step that must fit, (C,): their bound, or `MARGIN` times what calibration images made if that is less."""
        return bound if self._observed is None else with_margin(bound, self._observed.max(axis=(0, 1)) * units)

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
            weights = np.rint(entry.exact(units, self.shift(exponent))) * 2.0**self._dropped
            delay, bits = depth[p.target] - depth[p.source] - 1, min(self._bits, self._format.weight_bits)
            for higher, kernel in mantissas(weights, entry.more, self._format.mantissa_max(bits)):
                geometry = with_kernel(entry.geometry, kernel, entry.gain)
                result.append(QuantisedProjection(p.source, p.target, delay, exponent + higher, geometry, bits))
        return result
