"""From real units to a chip's integers: one choice of units and exponents for all populations, then rounding, then the range audit."""

from __future__ import annotations

from dataclasses import dataclass, replace
from math import inf
from typing import NamedTuple

from ecc_lava.common import Float
from ecc_lava.errors import InvalidInput
from ecc_lava.formats import DEFAULT_FORMAT, NumberFormat, number_format
from ecc_lava.geometry import is_binary
from ecc_lava.networks import (
    PER,
    Kind,
    Population,
    Quantisation,
    QuantisedNetwork,
    QuantisedPopulation,
    QuantisedProjection,
    SpikingNetwork,
    check_payload,
    depths,
)
from ecc_lava.quantisation.as_float import as_float
from ecc_lava.quantisation.carried_steps import CarriedStep, carried_step
from ecc_lava.quantisation.population import PopulationQuantiser
from ecc_lava.quantisation.range_audit import one_step_bound
from ecc_lava.quantisation.widths import Bits, network_bits, own_widths

__all__ = ["RoundingSteps", "quantise", "rounding_steps", "weight_steps"]


def quantise(
    network: SpikingNetwork, *, format: str | NumberFormat = DEFAULT_FORMAT, bits: Bits | None = None, per: str = "channel"
) -> QuantisedNetwork:
    """Return the network in integers of a chip's format.

    ``v <- clip(v + sum_p (W_p . k_p) * 2**(shift + e_p) + bias); k = clip(floor(v / vth), low, m); v <- clip(v - vth * k)``: each target
    channel has one unit of potential, and each projection p an exponent e_p of its own.

    Parameters
    ----------
    network : SpikingNetwork
        Converted: with timesteps and encoded input.
    format : str or NumberFormat
    bits : int, or a mapping of population names to int, optional
        Width of all weights, or of the weights into each population; "default" stands for all populations not named. Weights wider than a
        mantissa have two synapses each, whose exponents differ. Weights into step populations may be wider still at T = 1, where the format
        has payloads: populations of their own then carry what the low bits add up to.
        Without it, the widths of weights that the model itself has rounded, and of all others the widest that the format holds, at most 8.
    per : {"channel", "layer"}
        Whether every channel of a population has a unit of its own, or all channels share one.

    Raises
    ------
    InvalidInput
        Unknown format, width, population or `per`; a network without timesteps; graded input for a chip of binary spikes.
    RangeError
        If no exponent keeps a population's one-step input sum in the potential's range, or its thresholds in their format.
    """
    held = number_format(format) if isinstance(format, str) else format
    return _choice(network, held, own_widths(network, held) if bits is None else bits, per).rounded()


class RoundingSteps(NamedTuple):
    """A network with rounded weights alone, and with everything rounded.

    Attributes
    ----------
    weights : SpikingNetwork
        `as_float` of the integers, but ``vth * S``, ``bias * S`` and ``v_init * S`` are not rounded, and the potential is not clipped.
    integers : QuantisedNetwork
        What `quantise` returns.
    """

    weights: SpikingNetwork
    integers: QuantisedNetwork


def rounding_steps(network: SpikingNetwork, *, format: NumberFormat, bits: Bits, per: str = "channel") -> RoundingSteps:
    """Return the steps from real units to integers; parameters and errors as for `quantise`."""
    choice = _choice(network, format, bits, per)
    integers = choice.rounded()
    return RoundingSteps(choice.unrounded(as_float(integers)), integers)


def weight_steps(network: SpikingNetwork, name: str, *, format: NumberFormat, bits: int) -> list[Float]:
    """Return what one unit of the weights of every projection into a population is in real units, as `quantise` chooses it.

    A weight of output c is held as ``m * 2^e``, where one unit of the potential is ``1 / S_c``: a step is ``2^e / S_c``.

    Parameters
    ----------
    network : SpikingNetwork
    name : str
        The population that the weights go into.
    format : NumberFormat
    bits : int
        Width of these weights.

    Returns
    -------
    list of (C,) arrays
        In the order of `network.into(name)`.

    Raises
    ------
    RangeError
        If no exponent keeps the population's one-step input sum in the potential's range.
    """
    return _chosen(network, network.by_name[name], format, bits, "channel").weight_steps


class _ChosenPopulation(NamedTuple):
    """A population with the units S_c of its channels and the exponents of the projections into it."""

    network: SpikingNetwork
    population: Population
    quantiser: PopulationQuantiser
    units: Float
    exponents: list[int]

    @property
    def names(self) -> list[str]:
        """Its name."""
        return [self.population.name]

    @property
    def edges(self) -> list[tuple[str, str]]:
        """Sources and targets of the projections into it."""
        return [(p.source, p.target) for p in self.network.into(self.population.name)]

    @property
    def weight_steps(self) -> list[Float]:
        """What one unit of the weights of every projection is in real units, (C,) each."""
        return [2.0 ** self.quantiser.shift(exponent) / self.units for exponent in self.exponents]

    def integers(self, depth: dict[str, int]) -> tuple[list[QuantisedPopulation], list[QuantisedProjection]]:
        """Return population and projections, for the depth of every population of the network."""
        population = self.quantiser.population(self.units, depth[self.population.name])
        return [population], self.quantiser.projections(self.units, self.exponents, depth)


@dataclass(frozen=True, eq=False)
class _Choice:
    """A network with the units and exponents of all its populations, in order."""

    network: SpikingNetwork
    format: NumberFormat
    quantisation: Quantisation
    bits: int
    """Largest width of the mantissas."""
    populations: tuple[_ChosenPopulation | CarriedStep, ...]

    def rounded(self) -> QuantisedNetwork:
        """Return the network in integers, audited."""
        network, how = self.network, self.quantisation
        chosen = self.populations
        depth = depths([name for one in chosen for name in one.names], [edge for one in chosen for edge in one.edges])
        populations, projections, logit_scales = list[QuantisedPopulation](), list[QuantisedProjection](), []
        for population, one in zip(network.populations, chosen, strict=True):
            if population.kind is Kind.READOUT:
                scales = tuple(map(float, one.units / population.lambda_.ravel()))
                logit_scales.append(scales if len(set(scales)) > 1 else scales[0])
            made, wired = one.integers(depth)
            populations += made
            projections += wired
        assert network.timesteps is not None
        result = QuantisedNetwork(
            tuple(populations),
            tuple(projections),
            self.format,
            self.bits,
            network.codings,
            network.timesteps,
            tuple(logit_scales),
            (*network.trace, f"quantise(format={self.format.name!r}, bits={how.bits}, per={how.per!r})"),
            how,
            network.calibrated,
        )
        one_step_bound(result)
        return result

    def unrounded(self, rounded: SpikingNetwork) -> SpikingNetwork:
        """Return the network whose weights alone are rounded, from the float network of the integers; carries are whole by themselves."""
        chosen = {one.population.name: one for one in self.populations if isinstance(one, _ChosenPopulation)}

        def own(p: Population) -> Population:
            one = None if p.kind is Kind.INPUT else chosen.get(p.name)
            return p if one is None else one.quantiser.unrounded(p, one.units)

        return replace(rounded, populations=tuple(map(own, rounded.populations)), potential_limit=inf)


def _choice(network: SpikingNetwork, format: NumberFormat, bits: Bits, per: str) -> _Choice:
    """Return the choice of every population; parameters and errors as for `quantise`."""
    widths = network_bits(bits, network, format)
    if per not in PER:
        raise InvalidInput(f"units per {per!r}; they are {' or '.join(f'per {known!r}' for known in PER)}")
    if network.timesteps is None:
        raise InvalidInput("the network has no timesteps; convert it first")
    check_payload(network.codings, format)
    populations = tuple(_chosen(network, p, format, widths.get(p.name, format.weight_bits), per) for p in network.populations)
    return _Choice(network, format, Quantisation(bits, per), min(max(widths.values()), format.weight_bits), populations)


def _chosen(network: SpikingNetwork, population: Population, format: NumberFormat, bits: int, per: str) -> _ChosenPopulation | CarriedStep:
    """Return a population with its units and exponents; binarised weights take the fewest bits where these are exact."""
    into = network.into(population.name)
    if into and all(is_binary(p.geometry) for p in into):
        quantiser = PopulationQuantiser(network, population, format, format.binary_bits, per)
        units, exponents = quantiser.choose()
        if quantiser.is_exact(units, exponents):
            return _ChosenPopulation(network, population, quantiser, units, exponents)
    if bits > format.wide_bits:
        return carried_step(network, population, format, bits, per)
    quantiser = PopulationQuantiser(network, population, format, bits, per)
    return _ChosenPopulation(network, population, quantiser, *quantiser.choose())
