"""A network in the numbers of netx: weights, biases and a threshold that all count 64 units of the potential.

netx has no initial potential, so what a neuron begins with is spread over the T steps as a bias. Biases are rounded to whole weights.
Thresholds are exact: potentials are multiples of 64, and to reach a threshold is to exceed the multiple below it.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import ceil, log2
from typing import Final

import numpy as np

from ecc_lava.common import BINARY, Int, Shape, by_reason
from ecc_lava.errors import InvalidInput
from ecc_lava.geometry import Conv, Geometry, Sparse, sums_by_sign, with_kernel
from ecc_lava.inputs import InputCoding, InputSpec
from ecc_lava.networks import Kind, QuantisedNetwork, QuantisedPopulation, QuantisedProjection

__all__ = ["UNIT", "NetxLayer", "NetxNetwork", "netx_network"]

UNIT: Final = 64
"""What a weight, a bias and a threshold of 1 are in units of the potential: lava-nc's LIF shifts its input and `vth` left by 6."""

WEIGHT_MAX: Final = 254
"""Largest weight of mixed signs."""

BIAS_MAX: Final = 2**12 - 1
THRESHOLD_MAX: Final = 2**17 - 1

_INPUT_MAX: Final = 2**17
"""A current of 24 bits, in weights, from which it wraps around."""


@dataclass(frozen=True, eq=False)
class NetxLayer:
    """One layer.

    Attributes
    ----------
    name : str
        Of the population.
    source, shape : (H, W, C)
    geometry : Geometry
        Integer weights.
    bias : int64 array (1,1,1), (1,1,C) or (H,W,C)
    threshold : int
        `vThMant`: a neuron fires above it. The readout's is never exceeded.
    fires : bool
    """

    name: str
    source: Shape
    shape: Shape
    geometry: Geometry
    bias: Int
    threshold: int
    fires: bool


@dataclass(frozen=True, eq=False)
class NetxNetwork:
    """A chain of layers.

    Attributes
    ----------
    layers : tuple of NetxLayer
    timesteps : int
    input : InputSpec
    coding : InputCoding
    message_bits : int
        Bits of what the input sends, 0 of binary spikes: lava-dl's `input_message_bits`.
    rounded : float
        The largest change of a bias by rounding, as a part of its layer's threshold.
    digest : str
        Of the network that was exported.
    """

    layers: tuple[NetxLayer, ...]
    timesteps: int
    input: InputSpec
    coding: InputCoding
    message_bits: int
    rounded: float
    digest: str


def netx_network(network: QuantisedNetwork) -> NetxNetwork:
    """Return a network in netx's numbers.

    Raises
    ------
    InvalidInput
        For what netx cannot say, all of it named at once with the remedy.
    """
    reasons = by_reason(
        [
            *_wrong_wiring(network),
            *((p.name, why) for p in network.populations for why in _wrong_neurons(p)),
            *((f"{q.source} -> {q.target}", why) for q in network.projections for why in _wrong_synapses(network, q)),
        ]
    )
    if reasons:
        raise InvalidInput(f"netx cannot say {len(reasons)} thing(s) of this network:\n" + "\n".join(f"  {reason}" for reason in reasons))
    found = [_layer(network, population) for population in network.populations[1:]]
    layers, coding = tuple(layer for layer, _ in found), network.codings[0]
    bits = coding.largest.bit_length() if coding.largest > 1 else 0
    most = max(rounded for _, rounded in found)
    return NetxNetwork(layers, network.timesteps, network.input_specs[0], coding, bits, most, network.digest)


def _wrong_wiring(network: QuantisedNetwork) -> list[tuple[str, str]]:
    found = []
    if len(network.inputs) > 1 or len(network.readouts) > 1:
        ends = f"{len(network.inputs)} inputs and {len(network.readouts)} outputs"
        found.append((ends, "it has one of each. Export --to nir, which has several"))
    return found + [(p.name, _CHAIN) for p in network.populations if len(network.into(p.name)) > 1]


_CHAIN: Final = (
    "several projections arrive, and every layer of it reads the one before. Use a model that is a chain (no shortcuts, averages in place "
    "of maxima, a ReLU after every convolution), or export --to nir, which needs none"
)


def _wrong_neurons(population: QuantisedPopulation) -> list[str]:
    reasons = []
    if population.kind in (Kind.STEP, Kind.DELTA):
        reasons.append(f"a {population.kind.value} population; its neurons integrate and fire. Use ReLUs, and no stream")
    elif population.payload != BINARY:
        reasons.append(f"spikes carry payloads of {population.payload.bits} bits; its spikes are binary. Convert with --payload-bits 1")
    if population.kind is Kind.IF and len(np.unique(population.vth)) > 1:
        reasons.append("thresholds that differ; it has one for a layer. Convert with --per layer")
    return reasons


def _wrong_synapses(network: QuantisedNetwork, projection: QuantisedProjection) -> list[str]:
    geometry = projection.geometry
    if isinstance(geometry, Sparse) or (isinstance(geometry, Conv) and geometry.input_dilation != (1, 1)):
        return [
            "synapses one by one; it has convolutions and dense layers alone. Use a model without transposed convolution and upsampling, "
            "or export --to nir, which has them"
        ]
    if isinstance(geometry, Conv) and geometry.gain is not None:
        return ["factors of single positions; use averages without padding"]
    current = _graded_current(network, projection)
    if current < _INPUT_MAX:
        return []
    return [f"the current of a graded input reaches {current} weights, and wraps around at {_INPUT_MAX}. Convert with --coding rate"]


def _graded_current(network: QuantisedNetwork, projection: QuantisedProjection) -> int:
    """Return the largest current that a graded input makes, in weights; 0 of spikes."""
    largest = {p.name: coding.largest for p, coding in zip(network.inputs, network.codings, strict=True)}.get(projection.source, 1)
    return 0 if largest == 1 else largest * int(max(np.abs(side).max() for side in sums_by_sign(projection.geometry)))


def _layer(network: QuantisedNetwork, population: QuantisedPopulation) -> tuple[NetxLayer, float]:
    """Return a layer, and the largest change of a bias by rounding as a part of the threshold."""
    (into,) = network.into(population.name)
    shift = network.format.shift(into.exponent)
    largest = int(np.abs(into.geometry.kernel.astype(np.int64)).max(initial=1))
    current = _graded_current(network, into)
    per_step = population.bias.astype(np.int64) + population.v_init.astype(np.int64) / network.timesteps
    vth = None if population.kind is Kind.READOUT else int(population.vth.flat[0])
    for scale in range((WEIGHT_MAX // largest).bit_length() - 1, -1, -1):  # the finest weights first, as biases are as fine
        bias = per_step * 2.0 ** (scale - shift)
        threshold = THRESHOLD_MAX if vth is None else -(-vth * 2**scale // 2**shift) - 1
        if np.abs(bias).max() <= BIAS_MAX and threshold <= THRESHOLD_MAX and current * 2**scale < _INPUT_MAX:
            break
    else:
        bits = network.bits - ceil(log2(max(np.abs(bias).max() / BIAS_MAX, threshold / THRESHOLD_MAX)))
        remedy = "Convert with --coding rate" if current else f"Convert with --bits {bits}" if bits >= 2 else "Train with smaller biases"
        raise InvalidInput(
            f"netx cannot say population {population.name!r}: in units of its weights, its largest bias is {np.abs(bias).max():.0f} and "
            f"its threshold {threshold + 1}; netx holds {BIAS_MAX} and {THRESHOLD_MAX}. {remedy}"
        )
    rounded = np.rint(bias)
    geometry = with_kernel(into.geometry, into.geometry.kernel.astype(np.int64) << scale)
    source = network.by_name[into.source].shape
    layer = NetxLayer(population.name, source, population.shape, geometry, rounded.astype(np.int64), threshold, vth is not None)
    return layer, 0.0 if vth is None else float(np.abs(rounded - bias).max()) / (threshold + 1)
