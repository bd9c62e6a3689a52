"""From real units to a chip's integers.

One population at a time (`ecc_lava.quantisation.population`), then audited as a whole; and back, as a float network of the same integers.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from math import inf
from typing import NamedTuple

from ecc_lava.common import Float
from ecc_lava.errors import InvalidInput
from ecc_lava.formats import NumberFormat, number_format
from ecc_lava.geometry import is_binary
from ecc_lava.networks import Kind, Population, QuantisedNetwork, SpikingNetwork, check_payload, depths
from ecc_lava.quantisation.as_float import as_float
from ecc_lava.quantisation.population import PopulationQuantiser
from ecc_lava.quantisation.range_audit import one_step_bound
from ecc_lava.quantisation.widths import Bits, bits_of

__all__ = ["quantise", "with_rounded_weights"]


def quantise(network: SpikingNetwork, *, format: str | NumberFormat = "loihi2", bits: Bits = 8, per: str = "channel") -> QuantisedNetwork:
    """Return the network in integers of a chip's format.

    Parameters
    ----------
    network : SpikingNetwork
        Converted: with timesteps and encoded input.
    format : str or NumberFormat
    bits : int, or a mapping of population names to int
        Width of the mantissas of all weights, or of those into each population; "default" stands for all that are not named.
    per : {"channel", "layer"}
        Whether every channel of a population has a unit of its own, or all of them one.

    Raises
    ------
    InvalidInput
        Unknown format, width, population or `per`; a network without timesteps; graded input for a chip of binary spikes.
    RangeError
        If no exponent keeps a population's one-step input sum in the potential's range, or its thresholds in their format.
    """
    chosen = number_format(format) if isinstance(format, str) else format
    widths = bits_of(bits, [p.name for p in network.populations[len(network.inputs) :]], chosen)
    depth = depths([p.name for p in network.populations], [(p.source, p.target) for p in network.projections])
    populations, projections = [], []
    logit_scales = []
    for population, (layer, units, exponents) in zip(network.populations, _all_chosen(network, chosen, widths, per), strict=True):
        if population.kind is Kind.READOUT:
            logit_scales.append(float(units[0] / population.lambda_.ravel()[0]))
        populations.append(layer.population(units, depth[population.name]))
        projections.extend(layer.projections(units, exponents, depth))
    assert network.timesteps is not None
    trace = (*network.trace, f"quantise(format={chosen.name!r}, bits={bits}, per={per!r})")
    largest = max(widths.values())
    result = QuantisedNetwork(
        tuple(populations), tuple(projections), chosen, largest, network.codings, network.timesteps, tuple(logit_scales), trace
    )
    one_step_bound(result)
    return result


class _Chosen(NamedTuple):
    """A population in integers: its numbers, the units S_c of its channels, and the exponents of the projections into it."""

    layer: PopulationQuantiser
    units: Float
    exponents: list[int]


def _all_chosen(network: SpikingNetwork, format: NumberFormat, widths: Mapping[str, int], per: str) -> list[_Chosen]:
    """Return the choice for every population in order; parameters and errors as for `quantise`."""
    if per not in ("channel", "layer"):
        raise InvalidInput(f"units per {per!r}; they are per 'channel' or per 'layer'")
    if network.timesteps is None:
        raise InvalidInput("the network has no timesteps; convert it first")
    check_payload(network.codings, format)
    return [_chosen(network, p, format, widths.get(p.name, format.weight_bits), per) for p in network.populations]


def _chosen(network: SpikingNetwork, population: Population, format: NumberFormat, bits: int, per: str) -> _Chosen:
    """Return a population with its units and exponents: with the fewest bits if its weights are binarised and that is exact."""
    into = network.into(population.name)
    if into and all(is_binary(p.geometry) for p in into):
        layer = PopulationQuantiser(network, population, format, format.binary_bits, per)
        units, exponents = layer.choose()
        if layer.is_exact(units, exponents):
            return _Chosen(layer, units, exponents)
    layer = PopulationQuantiser(network, population, format, bits, per)
    return _Chosen(layer, *layer.choose())


def with_rounded_weights(network: SpikingNetwork, *, format: NumberFormat, bits: Bits = 8, per: str = "channel") -> SpikingNetwork:
    """Return the float network whose weights alone are those of `quantise`: ``vth * S``, ``bias * S`` and ``v_init * S`` are not rounded.

    It is `as_float` of the quantised network but for these numbers and for the potential, which is not clipped. Parameters and errors as
    for `quantise`.
    """
    rounded = as_float(quantise(network, format=format, bits=bits, per=per))
    widths = bits_of(bits, [p.name for p in network.populations[len(network.inputs) :]], format)
    chosen = _all_chosen(network, format, widths, per)
    populations = tuple(
        p if p.kind is Kind.INPUT else layer.unrounded(p, units) for p, (layer, units, _) in zip(rounded.populations, chosen, strict=True)
    )
    return replace(rounded, populations=populations, potential_limit=inf)
