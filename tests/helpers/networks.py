"""Random integer networks over every geometry, for the tests that compare back ends."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from ecc_lava.backends.activity import ActivityOf
from ecc_lava.common.arrays import Array, Shape
from ecc_lava.formats.loihi2 import LOIHI2
from ecc_lava.geometry import Conv, Dense, Geometry, Sparse, axes_permuted, from_synapses, target_shape
from ecc_lava.inputs import InputCoding
from ecc_lava.inputs.encoding import sent_by_all
from ecc_lava.networks.integer import QuantisedNetwork, QuantisedPopulation, QuantisedProjection
from ecc_lava.networks.wiring import Kind, depths

__all__ = ["assert_same_activity", "random_images", "random_network", "random_sent", "recoded"]


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
    wires: list[tuple[str, str, int, Geometry]] = []
    for index in range(layers):
        name = f"p{index}"
        source = f"p{index - 1}" if index else "input"
        geometry: Geometry = (
            _random_sparse(rng, shapes[source])
            if sparse and index % 2
            else _random_conv(rng, shapes[source], (*STYLES, *RANGES) if ranges else STYLES)
        )
        shapes[name] = target_shape(geometry, shapes[source])
        wires.append((source, name, int(rng.integers(-6, 1)), geometry))
        twins = [other for other in shapes if other not in (name, source, "input") and shapes[other] == shapes[name]]
        if twins:
            wires.append((twins[0], name, int(rng.integers(-6, 1)), _identity(shapes[name][2])))
    if ports:
        shapes = {"input": shape, "other": shapes["p0"], **shapes, "aux": (1, 1, 2)}
        wires.append(("other", "p0", -6, _identity(shapes["p0"][2])))
        wires.append(("p0", "aux", -5, Dense(_mantissas(rng, int(np.prod(shapes["p0"])), 2))))
    last = shapes[f"p{layers - 1}"]
    shapes["readout"] = (1, 1, 5)
    wires.append((f"p{layers - 1}", "readout", -5, Dense(_mantissas(rng, int(np.prod(last)), 5))))
    depth = depths(list(shapes), [(s, t) for s, t, _, _ in wires])

    def parameter(low: int, high: int, of: Shape) -> Array:
        picked = ((1, 1, 1), (1, 1, of[2]), of)[int(rng.integers(0, 3))]
        return rng.integers(low, high, picked).astype(np.int32)

    populations = []
    for name, of in shapes.items():
        kind = {"input": Kind.INPUT, "other": Kind.INPUT, "readout": Kind.READOUT, "aux": Kind.READOUT}.get(name, Kind.IF)
        if ports and kind is Kind.IF and rng.random() < 0.4:
            kind = Kind.STEP
        reach = 8_000_000 if rails and kind.spikes else 4000
        zero = np.zeros((1, 1, 1), np.int32)
        bias = zero if kind is Kind.INPUT else parameter(-reach // 2, reach, of)
        vth = parameter(2000, 30000, of) if kind is Kind.IF else parameter(0, 3000, of) if kind is Kind.STEP else zero
        v_init = parameter(0, 15000, of) if kind is Kind.IF else zero
        populations.append(QuantisedPopulation(name, of, kind, depth[name], bias, vth, v_init))
    projections = tuple(QuantisedProjection(s, t, depth[t] - depth[s] - 1, e, g) for s, t, e, g in wires)
    return QuantisedNetwork(tuple(populations), projections, LOIHI2, 8, (InputCoding(),) * (1 + ports), timesteps, (1000.0,) * (1 + ports))


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


def assert_same_activity(a: ActivityOf, b: ActivityOf) -> None:
    """Assert that two back ends did the same, in every integer; types of the arrays may differ."""
    assert set(a) == set(b)
    for name in a:
        for field in ("counts", "potential", "raster", "over_time"):
            first, second = getattr(a[name], field), getattr(b[name], field)
            assert (first is None) == (second is None), (name, field)
            assert first is None or np.array_equal(first, second), (name, field)
        assert (a[name].saturated_low, a[name].saturated_high) == (b[name].saturated_low, b[name].saturated_high), name
