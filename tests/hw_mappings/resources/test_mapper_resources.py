"""What a shard uses of a core, against a count of every synapse."""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import replace
from itertools import pairwise
from math import ceil, log2
from typing import Any

import numpy as np
import pytest

from ecc_lava.common.arrays import Shape
from ecc_lava.geometry import Conv, Dense, Sparse, target_shape
from ecc_lava.networks import QuantisedNetwork, QuantisedProjection
from ecc_lava.networks.shard import Shard, whole
from ecc_lava.networks.wiring import Kind
from hw_mappings import LOIHI1, LOIHI2, map_network
from hw_mappings.chips import RESOURCES, ChipSpec
from hw_mappings.resources.synapses import SynapseModel
from hw_mappings.resources.tiling import tiling_of
from hw_mappings.resources.usage import core_usages
from tests.helpers.chips import DISCRETE, TINY, chip_with
from tests.helpers.networks import chain, random_network, same_conv, with_payloads

Usage = dict[str, int]


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


def _axon_entries(
    pairs: list[tuple[Any, Any, Any]], froms: list[Shard], tos: list[Shard], chip: ChipSpec
) -> tuple[Counter[Shard], Counter[Shard]]:
    """Count a projection's entries at the sources' and at the targets' shards, of the kind of axons that has fewer."""
    found = []
    for population in (False, True):
        if population and max(s.c[1] - s.c[0] for s in froms) > (chip.limit("population_atoms") or 0):
            continue
        axons = {(_home(s, froms), s[:2] if population else s, _home(t, tos)) for s, t, _ in pairs}
        slots = chip.amount("population_slots") if population else 1
        leaving, arriving = Counter(f for f, _, _ in axons for _ in range(slots)), Counter(t for *_, t in axons)
        found.append((leaving.total() + arriving.total(), leaving, arriving))
    return min(found, key=lambda choice: choice[0])[1:]


def _home(neuron: tuple[int, int, int], shards: list[Shard]) -> Shard:
    return next(shard for shard in shards if _holds(shard, neuron))


def _list_bits(targets: list[tuple[Any, Any]], bits: int, index_bits: int, delay: int, chip: ChipSpec) -> tuple[Any, int]:
    """Return what makes a source neuron's list the same as another one's, and its bits."""
    top, left = min(t[0] for t, _ in targets), min(t[1] for t, _ in targets)
    key = frozenset((t[0] - top, t[1] - left, t[2], weight) for t, weight in targets)
    word = chip.amount("list_word_bits")
    return key, word * ceil((chip.amount("list_header_bits") + len(targets) * (bits + index_bits + ceil(log2(delay + 1)))) / word)


def _counted(network: QuantisedNetwork, shards: list[Shard], chip: ChipSpec, model: SynapseModel = SynapseModel.STRICT) -> list[Usage]:
    """Count every shard's usage synapse by synapse."""
    shapes = {p.name: p.shape for p in network.populations}
    synapses = [(p, _all_synapses(p, shapes[p.source], shapes[p.target])) for p in network.projections]
    cut = {name: [s for s in shards if s.population == name] for name in shapes}
    inputs = {p.name for p in network.inputs}
    usages = {shard: dict.fromkeys(RESOURCES, 0) for shard in shards}
    for projection, pairs in synapses:
        host = projection.source in inputs
        froms = [whole(projection.source, shapes[projection.source])] if host else cut[projection.source]
        leaving, arriving = _axon_entries(pairs, froms, cut[projection.target], chip)
        for shard in cut[projection.target]:
            usages[shard]["input_axons"] += arriving[shard]
            of_source = defaultdict(list)
            for source, target, weight in pairs:
                if _holds(shard, target):
                    of_source[source].append((target, weight))
            delay = 0 if host else projection.delay
            lists = {(s[2], *_list_bits(t, projection.bits, ceil(log2(shard.neurons)), delay, chip)) for s, t in of_source.items()}
            weights = {weight for targets in of_source.values() for _, weight in targets}
            strict = model is SynapseModel.STRICT
            usages[shard]["synapse_bits"] += sum(bits for *_, bits in lists) if strict else len(weights) * projection.bits
        for shard in froms if not host else ():
            usages[shard]["output_axons"] += leaving[shard]
    for shard, used in usages.items():
        population = network.by_name[shard.population]
        into = network.into(shard.population)
        delay = max((p.delay for p in into if p.source not in inputs), default=0)
        used["compartments"] = shard.neurons * chip.amount("compartments_per_neuron")
        used["delay_slots"] = shard.neurons * (1 + delay)
        vth = np.broadcast_to(population.vth, population.shape)[shard.slices]
        used["thresholds"] = len(set(vth.ravel().tolist())) if population.kind.spikes else 0
        used["exponents"] = len({p.exponent for p in into})
        used["memory_bits"] = used["synapse_bits"] + used["compartments"] * chip.amount("state_bits")
        used["memory_bits"] += shard.neurons * delay * chip.amount("delay_slot_bits")
        used["memory_bits"] += shard.neurons * chip.amount("signed_state_bits") * population.payload.signed
        for axons in ("input", "output"):
            used["memory_bits"] += used[f"{axons}_axons"] * chip.amount(f"{axons}_axon_bits")
    return [usages[shard] for shard in shards]


def _used(network: QuantisedNetwork, shards: list[Shard], chip: ChipSpec, model: SynapseModel = SynapseModel.STRICT) -> list[Usage]:
    """Return the mapper's figures of every shard alone on a core."""
    tilings = {
        p.name: tiling_of(p.name, p.shape, [s for s in shards if s.population == p.name])
        for p in network.populations
        if p.kind is not Kind.INPUT
    }
    rows = core_usages(network, tilings, [(shard,) for shard in shards], chip, model).tolist()
    return [dict(zip(RESOURCES, row, strict=True)) for row in rows]


def _random_cuts(network: QuantisedNetwork, rng: np.random.Generator) -> list[Shard]:
    """Cut every population into random, unequal boxes."""
    shards = []
    for population in network.populations[len(network.inputs) :]:
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
    for chip in (LOIHI1, DISCRETE):
        assert _used(network, shards, chip) == _counted(network, shards, chip)


@pytest.mark.parametrize("seed", range(4))
def test_usage_of_signed_payloads_equals_counting(seed: int) -> None:
    network = with_payloads(random_network(seed, layers=3), seed, 4, True)
    shards = _random_cuts(network, np.random.default_rng(seed))
    used = _used(network, shards, LOIHI2)
    assert used == _counted(network, shards, LOIHI2)
    unsigned = _used(with_payloads(random_network(seed, layers=3), seed, 4, False), shards, LOIHI2)
    for shard, with_sign, without in zip(shards, used, unsigned, strict=True):
        assert with_sign["memory_bits"] - without["memory_bits"] == 24 * shard.neurons * network.by_name[shard.population].payload.signed
        assert {**with_sign, "memory_bits": 0} == {**without, "memory_bits": 0}


def test_an_axon_carries_no_more_channels_than_it_has_atoms() -> None:
    """Shards of three channels take population axons of three atoms, and none of two."""
    network = chain((4, 4, 2), same_conv(2, 3), Dense(np.zeros((48, 3), np.int8)))
    shards = [whole("p0", (4, 4, 3)), whole("readout", (1, 1, 3))]
    entries = {}
    for atoms in (3, 2):
        chip = chip_with(population_atoms=atoms)
        used, _ = _used(network, shards, chip)
        assert used == _counted(network, shards, chip)[0]
        entries[atoms] = used["output_axons"]
    assert entries == {3: 32, 2: 48}


@pytest.mark.parametrize("seed", range(6))
def test_ideal_memory_is_every_weight_in_use_once(seed: int) -> None:
    network = random_network(seed, layers=3, ranges=True, sparse=seed >= 4)
    shards = _random_cuts(network, np.random.default_rng(seed))
    assert _used(network, shards, LOIHI2, SynapseModel.IDEAL) == _counted(network, shards, LOIHI2, SynapseModel.IDEAL)


def test_usage_with_every_geometry_and_delay() -> None:
    first = Conv(np.ones((3, 2, 2, 4), np.int8), (2, 1), (1, 2, 0, 1), (1, 2), 2, np.arange(18, dtype=np.int32).reshape(3, 6) % 3 + 1)
    second = Conv(np.ones((2, 3, 1, 8), np.int8), (1, 2), (1, -1, 1, 1), groups=4)
    flat = int(np.prod(target_shape(second, target_shape(first, (4, 7, 4)))))
    network = chain((4, 7, 4), first, second, Dense(np.zeros((flat, 5), np.int8)), skip=True)
    shards = _random_cuts(network, np.random.default_rng(1))
    assert _used(network, shards, LOIHI2) == _counted(network, shards, LOIHI2)
    assert any(projection.delay for projection in network.projections)


def test_one_bit_weights_take_one_bit() -> None:
    network = chain((4, 4, 2), same_conv(2, 4), Dense(np.zeros((64, 3), np.int8)))
    binarised = replace(network, projections=tuple(replace(p, bits=1) for p in network.projections))
    shards = [whole(p.name, p.shape) for p in network.populations[1:]]
    assert _used(binarised, shards, LOIHI2) == _counted(binarised, shards, LOIHI2)
    assert _used(binarised, shards, LOIHI2)[0]["synapse_bits"] < _used(network, shards, LOIHI2)[0]["synapse_bits"]


def test_usage_of_one_convolution_by_hand() -> None:
    network = chain((8, 8, 2), same_conv(2, 4), Dense(np.zeros((256, 3), np.int8)))
    usage, _ = _used(network, [whole("p0", (8, 8, 4)), whole("readout", (1, 1, 3))], DISCRETE)
    # rows of the source by their taps: first (two targets), inner (three), last (two); 256 neurons are 8 index bits
    lists = {4: 4, 6: 4, 9: 1}
    bits = sum(2 * count * 64 * ceil((32 + targets * 4 * (8 + 8)) / 64) for targets, count in lists.items())
    assert usage["synapse_bits"] == bits
    assert (usage["compartments"], usage["input_axons"], usage["output_axons"]) == (256, 128, 256)
    assert usage["memory_bits"] == bits + 256 * 72 + 128 * 32 + 256 * 32
    signed = _used(with_payloads(network, 0, 3, True), [whole("p0", (8, 8, 4)), whole("readout", (1, 1, 3))], DISCRETE)[0]
    assert signed["memory_bits"] == usage["memory_bits"] + 256 * 24
    with_populations, _ = _used(network, [whole("p0", (8, 8, 4)), whole("readout", (1, 1, 3))], LOIHI2)
    assert (with_populations["input_axons"], with_populations["output_axons"]) == (64, 128)


@pytest.mark.parametrize("seed", range(6))
def test_mapped_usage_equals_counting_every_synapse(seed: int) -> None:
    network = random_network(seed, layers=3, sparse=seed >= 4)
    mapping = map_network(network, TINY)
    shards = [shard for core in mapping.cores for shard in core.shards]
    alone = dict(zip(shards, _counted(network, shards, TINY), strict=True))
    for core in mapping.cores:
        for resource in set(RESOURCES) - {"thresholds", "exponents"}:
            assert core.usage[resource] == sum(alone[shard][resource] for shard in core.shards)
        for resource in ("thresholds", "exponents"):
            parts = [alone[shard][resource] for shard in core.shards]
            assert max(parts) <= core.usage[resource] <= sum(parts)
