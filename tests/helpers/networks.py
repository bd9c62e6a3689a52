"""Integer networks: one maker, random ones and chains; images, and what inputs send for them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from itertools import pairwise
from typing import NamedTuple

import numpy as np

from ecc_lava.common.arrays import Array, Shape
from ecc_lava.common.neuron import Payload
from ecc_lava.formats.loihi2 import LOIHI2
from ecc_lava.geometry import Conv, Dense, Geometry, Sparse, axes_permuted, from_synapses, target_shape
from ecc_lava.inputs import InputCoding
from ecc_lava.inputs.encoding import sent_by_all
from ecc_lava.networks import QuantisedNetwork, QuantisedPopulation, QuantisedProjection
from ecc_lava.networks.depths import depths
from ecc_lava.networks.wiring import Kind

__all__ = [
    "ZERO",
    "Neurons",
    "Wire",
    "chain",
    "integer_network",
    "random_images",
    "random_network",
    "random_sent",
    "recoded",
    "same_conv",
    "with_payloads",
]

ZERO = np.zeros((1, 1, 1), np.int32)


class Wire(NamedTuple):
    """A projection before delays are known."""

    source: str
    target: str
    exponent: int
    geometry: Geometry


class Neurons(NamedTuple):
    """What a population's neurons are."""

    kind: Kind
    bias: Array = ZERO
    vth: Array = ZERO
    v_init: Array = ZERO


def integer_network(
    shapes: Mapping[str, Shape],
    wires: Sequence[Wire],
    neurons: Callable[[str, Shape], Neurons],
    timesteps: int = 6,
    logit_scale: float = 1.0,
) -> QuantisedNetwork:
    """Return a network of these populations and projections, with the depths and delays that follow from them.

    Its format is Loihi 2's, its weights have 8 bits, and every input is graded.
    """
    depth = depths(list(shapes), [(wire.source, wire.target) for wire in wires])
    populations = []
    for name, shape in shapes.items():
        kind, bias, vth, v_init = neurons(name, shape)
        populations.append(QuantisedPopulation(name, shape, kind, depth[name], bias, vth, v_init))
    projections = tuple(QuantisedProjection(s, t, depth[t] - depth[s] - 1, exponent, geometry) for s, t, exponent, geometry in wires)
    inputs, readouts = (sum(p.kind is kind for p in populations) for kind in (Kind.INPUT, Kind.READOUT))
    codings, scales = (InputCoding(),) * inputs, (logit_scale,) * readouts
    return QuantisedNetwork(tuple(populations), projections, LOIHI2, 8, codings, timesteps, scales)


def _mantissas(rng: np.random.Generator, *shape: int, largest: int = 127) -> Array:
    return rng.integers(-largest, largest + 1, shape).astype(np.int8)


STYLES = ("plain", "plain", "depthwise", "grouped", "gain")
RANGES = ("window", "stretched")


def _random_conv(rng: np.random.Generator, source: Shape, styles: tuple[str, ...]) -> Conv:
    """Return a random Conv that fits on `source`: with any stride, padding, dilation, groups, gain, channel range, input dilation."""
    height, width, channels = source
    size = (int(rng.integers(1, min(3, height) + 1)), int(rng.integers(1, min(3, width) + 1)))
    strides = (int(rng.integers(1, 3)), int(rng.integers(1, 3)))
    dilation = (1, 1) if min(size) == 1 or rng.random() < 0.7 else (2, 2)
    top, bottom, left, right = (int(n) for n in rng.integers(0, 2, 4))
    if dilation == (2, 2):
        top = bottom = left = right = 2
    style = rng.choice(styles)
    if style == "depthwise":
        groups, kernel = channels, _mantissas(rng, *size, 1, channels * int(rng.integers(1, 3)))
    elif style == "grouped" and channels % 2 == 0:
        groups, kernel = 2, _mantissas(rng, *size, channels // 2, 2 * int(rng.integers(1, 4)))
    elif style == "window":
        first = int(rng.integers(0, channels))
        reads, kernel = (first, channels), _mantissas(rng, *size, channels - first, int(rng.integers(1, 4)))
        writes = (int(rng.integers(0, 3)), kernel.shape[3] + 2)
        return Conv(kernel, strides, (top, bottom, left, right), dilation, reads=reads, writes=writes)
    elif style == "stretched":
        kernel = _mantissas(rng, *size, channels, int(rng.integers(1, 4)))
        return Conv(kernel, strides, (top, bottom, left, right), dilation, input_dilation=(int(rng.integers(1, 4)), 2))
    else:
        groups, kernel = 1, _mantissas(rng, *size, channels, int(rng.integers(1, 6)), largest=30 if style == "gain" else 127)
    conv = Conv(kernel, strides, (top, bottom, left, right), dilation, groups)
    if style != "gain":
        return conv
    out = target_shape(conv, source)
    return Conv(kernel, strides, (top, bottom, left, right), dilation, groups, rng.integers(1, 5, out[:2]).astype(np.int32))


def _random_sparse(rng: np.random.Generator, source: Shape) -> Sparse:
    """Return random synapses one by one: between a tenth of all pairs of neurons, or axes exchanged."""
    if rng.random() < 0.5:
        order = [int(axis) for axis in rng.permutation(3)]
        permuted = axes_permuted(source, (order[0], order[1], order[2]))
        return replace(permuted, kernel=np.full(permuted.kernel.size, 100, np.int8))
    target: Shape = (int(rng.integers(1, 6)), int(rng.integers(1, 6)), int(rng.integers(1, 5)))
    targets, sources = np.nonzero(rng.random((int(np.prod(target)), int(np.prod(source)))) < 0.1)
    return from_synapses(_mantissas(rng, len(targets)), sources, targets, source, target)


def _identity(channels: int) -> Conv:
    return Conv(np.full((1, 1, 1, channels), 64, np.int8), groups=channels)


def random_network(
    seed: int,
    layers: int = 4,
    timesteps: int = 6,
    rails: bool = False,
    ranges: bool = False,
    ports: bool = False,
    sparse: bool = False,
) -> QuantisedNetwork:
    """Return a random network of `layers` spiking populations, with skips of unequal depth, and a dense readout.

    With `rails`, biases are large enough to reach the potential's limits; with `ranges`, some convolutions read and write ranges of
    channels, or stretch their input; with `ports`, there are a second input, a second readout and step populations; with `sparse`, every
    other layer is a Sparse.
    """
    rng = np.random.default_rng(seed)
    shape: Shape = (int(rng.integers(3, 8)), int(rng.integers(3, 8)), int(rng.integers(1, 4)))
    shapes: dict[str, Shape] = {"input": shape}
    wires: list[Wire] = []
    for index in range(layers):
        name = f"p{index}"
        source = f"p{index - 1}" if index else "input"
        geometry: Geometry = (
            _random_sparse(rng, shapes[source])
            if sparse and index % 2
            else _random_conv(rng, shapes[source], (*STYLES, *RANGES) if ranges else STYLES)
        )
        shapes[name] = target_shape(geometry, shapes[source])
        wires.append(Wire(source, name, int(rng.integers(-6, 1)), geometry))
        twins = [other for other in shapes if other not in (name, source, "input") and shapes[other] == shapes[name]]
        if twins:
            wires.append(Wire(twins[0], name, int(rng.integers(-6, 1)), _identity(shapes[name][2])))
    if ports:
        shapes = {"input": shape, "other": shapes["p0"], **shapes, "aux": (1, 1, 2)}
        wires.append(Wire("other", "p0", -6, _identity(shapes["p0"][2])))
        wires.append(Wire("p0", "aux", -5, Dense(_mantissas(rng, int(np.prod(shapes["p0"])), 2))))
    last = shapes[f"p{layers - 1}"]
    shapes["readout"] = (1, 1, 5)
    wires.append(Wire(f"p{layers - 1}", "readout", -5, Dense(_mantissas(rng, int(np.prod(last)), 5))))

    def parameter(low: int, high: int, of: Shape) -> Array:
        picked = ((1, 1, 1), (1, 1, of[2]), of)[int(rng.integers(0, 3))]
        return rng.integers(low, high, picked).astype(np.int32)

    def neurons(name: str, of: Shape) -> Neurons:
        kind = {"input": Kind.INPUT, "other": Kind.INPUT, "readout": Kind.READOUT, "aux": Kind.READOUT}.get(name, Kind.IF)
        if ports and kind is Kind.IF and rng.random() < 0.4:
            kind = Kind.STEP
        reach = 8_000_000 if rails and kind.spikes else 4000
        bias = ZERO if kind is Kind.INPUT else parameter(-reach // 2, reach, of)
        vth = parameter(2000, 30000, of) if kind is Kind.IF else parameter(0, 3000, of) if kind is Kind.STEP else ZERO
        v_init = parameter(0, 15000, of) if kind is Kind.IF else ZERO
        return Neurons(kind, bias, vth, v_init)

    return integer_network(shapes, wires, neurons, timesteps, logit_scale=1000.0)


def with_payloads(network: QuantisedNetwork, seed: int, bits: int | None = None, signed: bool | None = None) -> QuantisedNetwork:
    """Return the network with graded spikes: payloads of integrate-and-fire populations are drawn, unless bits or sign are given.

    Thresholds become powers of two where payloads are shifts, and weights that payloads pass count less, so that few sums overflow.
    """
    rng = np.random.default_rng(seed)

    def population(p: QuantisedPopulation) -> QuantisedPopulation:
        if p.kind is not Kind.IF:
            return p
        payload = Payload(int(rng.integers(1, 9)) if bits is None else bits, bool(rng.integers(0, 2)) if signed is None else signed)
        vth = 2 ** np.log2(p.vth).astype(np.int32) if payload.is_shift else p.vth
        return replace(p, payload=payload, vth=vth.astype(np.int32))

    populations = tuple(population(p) for p in network.populations)
    carried = {p.name: p.payload.bits - 1 for p in populations}
    projections = tuple(replace(q, exponent=max(network.format.exponent_min, q.exponent - carried[q.source])) for q in network.projections)
    return replace(network, populations=populations, projections=projections)


def random_images(network: QuantisedNetwork, samples: int, seed: int = 0) -> dict[str, Array]:
    """Return encoded inputs by name, uint8 (N, H, W, C), a third of them zero."""
    rng = np.random.default_rng(seed)

    def one(population: QuantisedPopulation) -> Array:
        q = rng.integers(0, 256, (samples, *population.shape)).astype(np.uint8)
        q[rng.random(q.shape) < 0.33] = 0
        return q

    return {p.name: one(p) for p in network.inputs}


def recoded(network: QuantisedNetwork, *kinds: str) -> QuantisedNetwork:
    """Return the network with inputs of other codings."""
    codings = tuple(replace(coding, kind=kind) for coding, kind in zip(network.codings, kinds, strict=True))
    return replace(network, codings=codings)


def random_sent(network: QuantisedNetwork, samples: int, timesteps: int, seed: int = 0) -> dict[str, Array]:
    """Return what inputs send for random images: graded values, or binary spikes (N, T, H, W, C)."""
    return sent_by_all(random_images(network, samples, seed), network.codings, timesteps)


def chain(shape: Shape, *layers: Geometry, skip: bool = False) -> QuantisedNetwork:
    """Return a chain of layers with zero weights and trivial neurons; with `skip` the first also feeds the readout."""
    names = ["input", *(f"p{n}" for n in range(len(layers) - 1)), "readout"]
    shapes = {"input": shape}
    wires: list[Wire] = []
    for (source, target), geometry in zip(pairwise(names), layers, strict=True):
        shapes[target] = target_shape(geometry, shapes[source])
        wires.append(Wire(source, target, 0, geometry))
    if skip:
        wires.append(Wire("p0", "readout", 0, Dense(np.zeros((int(np.prod(shapes["p0"])), shapes["readout"][2]), np.int8))))
    kinds = {"input": Kind.INPUT, "readout": Kind.READOUT}
    return integer_network(shapes, wires, lambda name, _: Neurons(kinds.get(name, Kind.IF), vth=ZERO + 1), timesteps=32)


def same_conv(channels: int, out: int, size: int = 3) -> Conv:
    """Return a convolution that keeps the size of the map."""
    return Conv(np.zeros((size, size, channels, out), np.int8), padding=(size // 2,) * 4)
