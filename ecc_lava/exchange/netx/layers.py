"""A network in the numbers of netx: weights, biases and a threshold that all count 64 units of the potential.

netx has no initial potential, so what a neuron begins with is spread over the T steps as a bias. Biases are rounded to whole weights.
Thresholds are exact: potentials are multiples of 64, and to reach a threshold is to exceed the multiple below it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np

from ecc_lava.common import BINARY, Array, Int, Shape
from ecc_lava.errors import InvalidInput
from ecc_lava.geometry import Conv, Dense, Geometry, Sparse, with_kernel
from ecc_lava.inputs import InputCoding, InputSpec
from ecc_lava.networks import Kind, QuantisedNetwork, QuantisedPopulation

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
    reasons = [*_wrong_wiring(network), *(f"{p.name}: {why}" for p in network.populations for why in _wrong_neurons(p))]
    for q in network.projections:
        if isinstance(q.geometry, Sparse) or (isinstance(q.geometry, Conv) and q.geometry.input_dilation != (1, 1)):
            reasons.append(f"{q.source} -> {q.target}: synapses one by one; it has convolutions and dense layers alone")
        elif isinstance(q.geometry, Conv) and q.geometry.gain is not None:
            reasons.append(f"{q.source} -> {q.target}: factors of single positions; use averages without padding")
    if reasons:
        raise InvalidInput(f"netx cannot say {len(reasons)} thing(s) of this network:\n" + "\n".join(f"  {reason}" for reason in reasons))
    found = [_layer(network, population) for population in network.populations[1:]]
    layers, coding = tuple(layer for layer, _ in found), network.codings[0]
    graded = coding.largest > 1
    if graded:
        _check_current(layers[0], coding.largest)
    bits = coding.largest.bit_length() if graded else 0
    most = max(rounded for _, rounded in found)
    return NetxNetwork(layers, network.timesteps, network.input_specs[0], coding, bits, most, network.digest)


def _wrong_wiring(network: QuantisedNetwork) -> list[str]:
    reasons = []
    if len(network.inputs) > 1 or len(network.readouts) > 1:
        reasons.append(f"{len(network.inputs)} inputs and {len(network.readouts)} outputs; it has one of each")
    for p in network.populations:
        sources = [q.source for q in network.projections if q.target == p.name]
        if len(sources) > 1:
            reasons.append(f"{p.name} reads {', '.join(sources)}; every layer of it reads the one before. Use a model without shortcuts")
    return reasons


def _wrong_neurons(population: QuantisedPopulation) -> list[str]:
    reasons = []
    if population.kind in (Kind.STEP, Kind.DELTA):
        reasons.append(f"a {population.kind.value} population; its neurons integrate and fire. Use ReLUs, and no stream")
    elif population.payload != BINARY:
        reasons.append(f"spikes carry payloads of {population.payload.bits} bits; its spikes are binary. Convert with --payload-bits 1")
    if population.kind is Kind.IF and len(np.unique(population.vth)) > 1:
        reasons.append(f"{len(np.unique(population.vth))} thresholds; it has one for a layer. Convert with --per layer")
    return reasons


def _layer(network: QuantisedNetwork, population: QuantisedPopulation) -> tuple[NetxLayer, float]:
    """Return a layer, and the largest change of a bias by rounding as a part of the threshold."""
    (into,) = network.into(population.name)
    shift = network.format.shift(into.exponent)
    largest = int(np.abs(into.geometry.kernel.astype(np.int64)).max(initial=1))
    per_step = population.bias.astype(np.int64) + population.v_init.astype(np.int64) / network.timesteps
    vth = None if population.kind is Kind.READOUT else int(population.vth.flat[0])
    for scale in range((WEIGHT_MAX // largest).bit_length() - 1, -1, -1):  # the finest weights first, as biases are as fine
        bias = per_step * 2.0 ** (scale - shift)
        threshold = THRESHOLD_MAX if vth is None else -(-vth * 2**scale // 2**shift) - 1
        if np.abs(bias).max() <= BIAS_MAX and threshold <= THRESHOLD_MAX:
            break
    else:
        raise InvalidInput(
            f"netx cannot say population {population.name!r}: in units of its weights, its largest bias is {np.abs(bias).max():.0f} and "
            f"its threshold {threshold + 1}; netx holds {BIAS_MAX} and {THRESHOLD_MAX}. Convert with --coding rate, or fewer --bits"
        )
    rounded = np.rint(bias)
    geometry = with_kernel(into.geometry, into.geometry.kernel.astype(np.int64) << scale)
    source = network.by_name[into.source].shape
    layer = NetxLayer(population.name, source, population.shape, geometry, rounded.astype(np.int64), threshold, vth is not None)
    return layer, 0.0 if vth is None else float(np.abs(rounded - bias).max()) / (threshold + 1)


def _check_current(layer: NetxLayer, largest: int) -> None:
    """Check that a graded input makes no current that wraps around."""
    kernel: Array = layer.geometry.kernel if not isinstance(layer.geometry, Dense) else layer.geometry.kernel[None, None]
    sums = [np.where(sign * kernel > 0, sign * kernel, 0).sum(axis=(0, 1, 2)).max() for sign in (1, -1)]
    if max(sums) * largest >= _INPUT_MAX:
        raise InvalidInput(
            f"netx cannot say the graded input of {layer.name!r}: its current reaches {max(sums) * largest} weights, and wraps around at "
            f"{_INPUT_MAX}. Convert with --coding rate"
        )
