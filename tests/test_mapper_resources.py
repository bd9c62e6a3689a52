"""What a shard uses of a core, against a count of every synapse."""

from __future__ import annotations

from collections import defaultdict
from itertools import pairwise
from math import ceil, log2
from typing import Any

import numpy as np
import pytest
from generated import random_network
from layered import TINY, chain, same_conv

from ecc_lava.arrays import Shape
from ecc_lava.geometry import Conv, Dense, Sparse, target_shape
from ecc_lava.quantised import QuantisedNetwork, QuantisedProjection
from ecc_lava.shard import Shard
from hw_mappings import LOIHI1, LOIHI2, map_network
from hw_mappings.chips import ChipSpec
from hw_mappings.mapping import usage_of
from hw_mappings.resources import Usage


def _all_synapses(projection: QuantisedProjection, source: Shape, target: Shape) -> list[tuple[Any, Any, Any]]:
    """Enumerate (source neuron, target neuron, what makes its weight) from the definition of the operator."""
    geometry = projection.geometry
    found: list[tuple[Any, Any, Any]] = []
    if isinstance(geometry, Dense):
        return [(s, (0, 0, o), (s, o)) for s in np.ndindex(source) for o in range(target[2])]
    if isinstance(geometry, Sparse):
        for number, t in enumerate(np.ndindex(target)):
            reads = geometry.sources[geometry.starts[number] : geometry.starts[number + 1]]
            found += [(s, t, (s, t)) for s in zip(*(along.tolist() for along in np.unravel_index(reads, source)), strict=True)]
        return found
    height, width, per_group, _ = geometry.kernel.shape
    outs_per_group = geometry.kernel.shape[3] // geometry.groups
    first, offset = geometry.reads[0] if geometry.reads else 0, geometry.writes[0] if geometry.writes else 0
    for i, j, o in np.ndindex(*target[:2], geometry.kernel.shape[3]):
        gain = None if geometry.gain is None else (geometry.gain[i].tobytes(), geometry.gain[:, j].tobytes())
        for a, b, c in np.ndindex(height, width, per_group):
            y, above = divmod(i * geometry.strides[0] + a * geometry.dilation[0] - geometry.padding[0], geometry.input_dilation[0])
            x, before = divmod(j * geometry.strides[1] + b * geometry.dilation[1] - geometry.padding[2], geometry.input_dilation[1])
            if not above and not before and 0 <= y < source[0] and 0 <= x < source[1]:
                channel = first + o // outs_per_group * per_group + c
                found.append(((y, x, channel), (i, j, offset + o), (a, b, c, o, gain)))
    return found


def _holds(shard: Shard, neuron: tuple[int, int, int]) -> bool:
    return all(start <= n < stop for n, (start, stop) in zip(neuron, (shard.y, shard.x, shard.c), strict=True))


def _counted(network: QuantisedNetwork, shards: list[Shard], chip: ChipSpec) -> list[Usage]:
    """Count every shard's usage synapse by synapse."""
    header, word = chip.amount("list_header_bits"), chip.amount("list_word_bits")
    shapes = {p.name: p.shape for p in network.populations}
    synapses = [(p, _all_synapses(p, shapes[p.source], shapes[p.target])) for p in network.projections]
    usages = []
    for shard in shards:
        index_bits = ceil(log2(shard.neurons))
        synapse_bits = input_axons = output_axons = 0
        for projection, pairs in synapses:
            if projection.target == shard.population:
                targets = defaultdict(list)
                for source, target, weight in pairs:
                    if _holds(shard, target):
                        targets[source].append((target, weight))
                input_axons += len(targets)
                lists = {}
                for source, entries in targets.items():
                    top, left = min(t[0] for t, _ in entries), min(t[1] for t, _ in entries)
                    key = frozenset((t[0] - top, t[1] - left, t[2], weight) for t, weight in entries)
                    lists[source[2], key] = len(entries)
                per_entry = network.bits + index_bits + (ceil(log2(projection.delay + 1)))
                synapse_bits += sum(word * ceil((header + n * per_entry) / word) for n in lists.values())
            if projection.source == shard.population:
                for other in shards:
                    if other.population == projection.target:
                        output_axons += len({s for s, t, _ in pairs if _holds(shard, s) and _holds(other, t)})
        compartments = shard.neurons * chip.amount("compartments_per_neuron")
        memory = synapse_bits + compartments * chip.amount("state_bits")
        memory += input_axons * chip.amount("input_axon_bits") + output_axons * chip.amount("output_axon_bits")
        usages.append(Usage(compartments, synapse_bits, memory, input_axons, output_axons))
    return usages


def _random_cuts(network: QuantisedNetwork, rng: np.random.Generator) -> list[Shard]:
    """Cut every population into random, unequal boxes."""
    shards = []
    for population in network.populations[1:]:
        spans = []
        for length in population.shape:
            inner = rng.permutation(np.arange(1, length))[: rng.integers(0, 3)]
            spans.append(list(pairwise([0, *sorted(int(n) for n in inner), length])))
        shards += [Shard(population.name, y, x, c) for y in spans[0] for x in spans[1] for c in spans[2]]
    return shards


@pytest.mark.parametrize("seed", range(40))
def test_usage_equals_counting_every_synapse(seed: int) -> None:
    network = random_network(seed, layers=3, ranges=seed >= 15, ports=seed % 4 == 3, sparse=seed >= 30)
    shards = _random_cuts(network, np.random.default_rng(seed))
    assert usage_of(network, [(shard,) for shard in shards], LOIHI1) == _counted(network, shards, LOIHI1)


def test_usage_with_every_geometry_and_delay() -> None:
    first = Conv(np.ones((3, 2, 2, 4), np.int8), (2, 1), (1, 2, 0, 1), (1, 2), 2, np.arange(18, dtype=np.int32).reshape(3, 6) % 3 + 1)
    second = Conv(np.ones((2, 3, 1, 8), np.int8), (1, 2), (1, -1, 1, 1), groups=4)
    flat = int(np.prod(target_shape(second, target_shape(first, (4, 7, 4)))))
    network = chain((4, 7, 4), first, second, Dense(np.zeros((flat, 5), np.int8)), skip=True)
    shards = _random_cuts(network, np.random.default_rng(1))
    assert usage_of(network, [(shard,) for shard in shards], LOIHI2) == _counted(network, shards, LOIHI2)
    assert any(projection.delay for projection in network.projections)


def test_usage_of_one_convolution_by_hand() -> None:
    network = chain((8, 8, 2), same_conv(2, 4), Dense(np.zeros((256, 3), np.int8)))
    usage, _ = usage_of(network, [(Shard("p0", (0, 8), (0, 8), (0, 4)),), (Shard("readout", (0, 1), (0, 1), (0, 3)),)], LOIHI2)
    # rows of the source by their taps: first (two targets), inner (three), last (two); 256 neurons are 8 index bits
    lists = {4: 4, 6: 4, 9: 1}
    bits = sum(2 * count * 64 * ceil((32 + targets * 4 * (8 + 8)) / 64) for targets, count in lists.items())
    assert usage.synapse_bits == bits
    assert (usage.compartments, usage.input_axons, usage.output_axons) == (256, 128, 256)
    assert usage.memory_bits == bits + 256 * 72 + 128 * 32 + 256 * 32


@pytest.mark.parametrize("seed", range(6))
def test_mapped_usage_equals_counting_every_synapse(seed: int) -> None:
    network = random_network(seed, layers=3, sparse=seed >= 4)
    mapping = map_network(network, TINY)
    assert len(mapping.cores) >= len(mapping.populations)
    assert [core.usage for core in mapping.cores] == _counted(network, [core.shards[0] for core in mapping.cores], TINY)
