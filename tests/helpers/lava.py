"""Networks, partitions and comparisons for the tests of the Lava back end."""

from __future__ import annotations

import importlib.util
import itertools
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from ecc_lava.backends.activity import ActivityOf, Recording
from ecc_lava.common.arrays import Array
from ecc_lava.formats.loihi2 import LOIHI2
from ecc_lava.geometry import Conv, Dense, Geometry, axes_permuted, from_synapses, target_shape
from ecc_lava.inputs import InputCoding
from ecc_lava.networks.integer import QuantisedNetwork, QuantisedPopulation, QuantisedProjection
from ecc_lava.networks.shard import Shard, whole
from ecc_lava.networks.wiring import Kind

__all__ = ["GEOMETRIES", "ROOT", "assert_same", "everything", "needs_lava", "one_projection", "one_readout", "random_tiling", "whole_cores"]

needs_lava = pytest.mark.skipif(importlib.util.find_spec("lava") is None, reason="lava-nc needs Python 3.10")

ROOT = Path(__file__).parents[2]
"""Where a process of its own finds the packages and the tests."""


def everything(network: QuantisedNetwork) -> Recording:
    return Recording(frozenset(network.by_name), over_time=True)


def assert_same(expected: ActivityOf, got: ActivityOf) -> None:
    assert expected.keys() == got.keys()
    for name in expected:
        for field in ("counts", "potential", "raster", "over_time", "saturated_low", "saturated_high"):
            want, have = getattr(expected[name], field), getattr(got[name], field)
            assert (want is None) == (have is None), (name, field)
            if want is not None:
                np.testing.assert_array_equal(have, want, err_msg=f"{name} {field}")
                assert getattr(have, "dtype", None) == getattr(want, "dtype", None), (name, field)


def whole_cores(network: QuantisedNetwork) -> list[list[Shard]]:
    return [[whole(p.name, p.shape)] for p in network.populations if p.kind is not Kind.INPUT]


def random_cuts(rng: np.random.Generator, size: int) -> list[tuple[int, int]]:
    """Cut an axis in up to three ranges."""
    inner: Array | list[int] = rng.choice(np.arange(1, size), min(size - 1, int(rng.integers(0, 3))), replace=False) if size > 1 else []
    edges = [0, *sorted(int(i) for i in inner), size]
    return list(itertools.pairwise(edges))


def random_tiling(rng: np.random.Generator, network: QuantisedNetwork, cores: int) -> list[list[Shard]]:
    """Cut every population into random boxes and deal them to cores at random."""
    shards = [
        Shard(p.name, y, x, c)
        for p in network.populations
        if p.kind is not Kind.INPUT
        for y in random_cuts(rng, p.shape[0])
        for x in random_cuts(rng, p.shape[1])
        for c in random_cuts(rng, p.shape[2])
    ]
    dealt: list[list[Shard]] = [[] for _ in range(cores)]
    for index, shard in enumerate(rng.permutation(len(shards))):
        dealt[index if index < cores else int(rng.integers(cores))].append(shards[int(shard)])
    return [core for core in dealt if core]


def one_projection(shape: tuple[int, int, int], geometry: Geometry) -> QuantisedNetwork:
    """Return input -> p -> readout with `geometry` between the first two, and a p that fires on its own."""
    rng = np.random.default_rng(0)
    target = target_shape(geometry, shape)

    def population(name: str, kind: Kind, of: tuple[int, int, int], depth: int) -> QuantisedPopulation:
        zero = np.zeros((1, 1, 1), np.int32)
        if kind is not Kind.IF:
            return QuantisedPopulation(name, of, kind, depth, zero, zero, zero)
        bias, vth, v_init = (rng.integers(low, high, of).astype(np.int32) for low, high in ((-500, 9000), (3000, 9000), (0, 9000)))
        return QuantisedPopulation(name, of, kind, depth, bias, vth, v_init)

    populations = (
        population("input", Kind.INPUT, shape, 0),
        population("p", Kind.IF, target, 1),
        population("readout", Kind.READOUT, (1, 1, 3), 2),
    )
    dense = Dense(rng.integers(-127, 128, (int(np.prod(target)), 3)).astype(np.int8))
    projections = (QuantisedProjection("input", "p", 0, -5, geometry), QuantisedProjection("p", "readout", 0, -3, dense))
    return QuantisedNetwork(populations, projections, LOIHI2, 8, (InputCoding(),), 6, (1.0,))


def kernel(*shape: int, largest: int = 127) -> Array:
    return np.random.default_rng(1).integers(-largest, largest + 1, shape).astype(np.int8)


GEOMETRIES: dict[str, Geometry] = {
    "cropping": Conv(kernel(3, 3, 4, 5), padding=(-1, -2, 0, -1)),
    "crop_and_pad": Conv(kernel(3, 2, 4, 5), padding=(-1, 2, 1, -1), strides=(2, 1)),
    "wide_padding": Conv(kernel(3, 3, 4, 2), padding=(4, 4, 4, 4)),
    "only_padding_in_reach": Conv(kernel(1, 1, 4, 2), padding=(9, 0, 0, 0), strides=(9, 3)),
    "dilated": Conv(kernel(3, 3, 4, 2), dilation=(2, 3), padding=(2, 1, 3, 0)),
    "depthwise": Conv(kernel(3, 3, 1, 8), groups=4),
    "groups_of_two": Conv(kernel(2, 2, 2, 6), groups=2),
    "gain": Conv(kernel(2, 2, 1, 4, largest=30), strides=(2, 2), groups=4, gain=np.arange(1, 13, dtype=np.int32).reshape(3, 4) % 4 + 1),
    "channel_ranges": Conv(kernel(3, 3, 2, 3), reads=(1, 3), writes=(2, 7)),
    "groups_of_channel_ranges": Conv(kernel(2, 2, 1, 6), groups=3, reads=(1, 4), writes=(1, 8)),
    "stretched": Conv(kernel(3, 3, 4, 2), input_dilation=(2, 3), padding=(2, 1, 2, 2)),
    "stretched_with_strides": Conv(kernel(3, 2, 4, 2), (3, 2), input_dilation=(2, 3), padding=(-1, 1, 1, 0)),
    "dense": Dense(kernel(7 * 8 * 4, 11)),
    "listed": from_synapses(kernel(200, largest=60), np.arange(200) ** 3 % 211, np.arange(200) ** 2 % 59, (7, 8, 4), (3, 4, 5)),
    "permuted": replace(axes_permuted((7, 8, 4), (2, 0, 1)), kernel=kernel(224) | 1),
    "none_listed": from_synapses(kernel(0), np.zeros(0, int), np.zeros(0, int), (7, 8, 4), (2, 2, 3)),
}


def one_readout() -> QuantisedNetwork:
    """Return an input and a dense readout without bias."""
    zero, shape = np.zeros((1, 1, 1), np.int32), (3, 3, 2)
    populations = (
        QuantisedPopulation("input", shape, Kind.INPUT, 0, zero, zero, zero),
        QuantisedPopulation("readout", (1, 1, 5), Kind.READOUT, 1, zero, zero, zero),
    )
    projection = QuantisedProjection("input", "readout", 0, 1, Dense(kernel(18, 5, largest=10)))
    return QuantisedNetwork(populations, (projection,), LOIHI2, 8, (InputCoding(),), 8, (1.0,))
