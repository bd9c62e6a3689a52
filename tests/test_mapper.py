"""The mapper: what a shard uses, how populations are cut, what does not fit, and mapping files."""

from __future__ import annotations

import copy
import hashlib
import json
from collections import defaultdict
from collections.abc import Callable
from dataclasses import replace
from itertools import pairwise
from math import ceil, log2
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from generated import random_network

from ecc_lava.arrays import Shape
from ecc_lava.errors import DoesNotFit, FileError, InvalidInput, InvalidNetwork
from ecc_lava.formats import LOIHI2 as LOIHI2_FORMAT
from ecc_lava.geometry import Conv, Dense, Geometry, target_shape
from ecc_lava.network import InputCoding, Kind, depths
from ecc_lava.quantised import QuantisedNetwork, QuantisedPopulation, QuantisedProjection
from ecc_lava.result import Result
from ecc_lava.shard import Shard
from hw_mappings import LOIHI1, LOIHI2, Mapping, load_chip, map_network
from hw_mappings.chips import ChipSpec, Figure, chip_to_json
from hw_mappings.lower_bound import lower_bound_cores
from hw_mappings.mapper import traffic
from hw_mappings.mapping import usage_of
from hw_mappings.mapping_file import from_json, to_json
from hw_mappings.partition import cut, partition
from hw_mappings.placement import Address, PlacementProblem, mesh_position, sequential
from hw_mappings.report import layer_rows, misfit_summary, summary
from hw_mappings.resources import Usage, overruns

SEEDS = range(12)
LOIHI1_LIMITS = replace(LOIHI1, format="loihi2")
"""Loihi 1's cores for networks in the only number format there is so far."""


def _chip(**amounts: int | None) -> ChipSpec:
    figures: dict[str, Any] = {name: Figure(value, False, "a test") for name, value in amounts.items()}
    return replace(LOIHI2, name="tiny", **figures)


TINY = _chip(compartments=24, memory_bits=None, synapse_bits=12_000, input_axons=150, output_axons=400, chips=1000)
CHIPS = {"loihi2": LOIHI2, "loihi1": LOIHI1_LIMITS, "tiny": TINY, "tiny pool": _chip(compartments=32, memory_bits=24_000)}


def _network(shape: Shape, *layers: Geometry, skip: bool = False) -> QuantisedNetwork:
    """Return a chain of layers with zero weights and trivial neurons; with `skip` the first also feeds the readout."""
    names = ["input", *(f"p{n}" for n in range(len(layers) - 1)), "readout"]
    shapes = {"input": shape}
    wires: list[tuple[str, str, Geometry]] = []
    for (source, target), geometry in zip(pairwise(names), layers, strict=True):
        shapes[target] = target_shape(geometry, shapes[source])
        wires.append((source, target, geometry))
    if skip:
        wires.append(("p0", "readout", Dense(np.zeros((int(np.prod(shapes["p0"])), shapes["readout"][2]), np.int8))))
    depth = depths(names, [(s, t) for s, t, _ in wires])
    one = np.ones((1, 1, 1), np.int32)
    kinds = {"input": Kind.INPUT, "readout": Kind.READOUT}
    populations = tuple(QuantisedPopulation(n, shapes[n], kinds.get(n, Kind.IF), depth[n], 0 * one, one, 0 * one) for n in names)
    projections = tuple(QuantisedProjection(s, t, depth[t] - depth[s] - 1, 0, g) for s, t, g in wires)
    return QuantisedNetwork(populations, projections, LOIHI2_FORMAT, 8, InputCoding(), 32, 1.0)


def _conv(channels: int, out: int, size: int = 3) -> Conv:
    return Conv(np.zeros((size, size, channels, out), np.int8), padding=(size // 2,) * 4)


def _vgg16(width: int) -> QuantisedNetwork:
    layers: list[Geometry] = []
    channels = 3
    for repeats, multiple in zip((2, 2, 3, 3, 3), (1, 2, 4, 8, 8), strict=True):
        for _ in range(repeats):
            layers.append(_conv(channels, width * multiple))
            channels = width * multiple
        layers.append(Conv(np.zeros((2, 2, 1, channels), np.int8), strides=(2, 2), groups=channels))
    layers += [Dense(np.zeros((channels, channels), np.int8)), Dense(np.zeros((channels, 10), np.int8))]
    return _network((32, 32, 3), *layers)


# --- counting ---------------------------------------------------------------------------------------------------------------------


def _all_synapses(projection: QuantisedProjection, source: Shape, target: Shape) -> list[tuple[Any, Any, Any]]:
    """Enumerate (source neuron, target neuron, what makes its weight) from the definition of the operator."""
    geometry = projection.geometry
    found: list[tuple[Any, Any, Any]] = []
    if isinstance(geometry, Dense):
        return [(s, (0, 0, o), (s, o)) for s in np.ndindex(source) for o in range(target[2])]
    height, width, per_group, _ = geometry.kernel.shape
    outs_per_group = target[2] // geometry.groups
    for i, j, o in np.ndindex(target):
        gain = None if geometry.gain is None else (geometry.gain[i].tobytes(), geometry.gain[:, j].tobytes())
        for a, b, c in np.ndindex(height, width, per_group):
            y = i * geometry.strides[0] + a * geometry.dilation[0] - geometry.padding[0]
            x = j * geometry.strides[1] + b * geometry.dilation[1] - geometry.padding[2]
            if 0 <= y < source[0] and 0 <= x < source[1]:
                found.append(((y, x, o // outs_per_group * per_group + c), (i, j, o), (a, b, c, o, gain)))
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


@pytest.mark.parametrize("seed", range(20))
def test_usage_equals_counting_every_synapse(seed: int) -> None:
    network = random_network(seed, layers=3)
    shards = _random_cuts(network, np.random.default_rng(seed))
    assert usage_of(network, [(shard,) for shard in shards], LOIHI1_LIMITS) == _counted(network, shards, LOIHI1_LIMITS)


def test_usage_with_every_geometry_and_delay() -> None:
    first = Conv(np.ones((3, 2, 2, 4), np.int8), (2, 1), (1, 2, 0, 1), (1, 2), 2, np.arange(18, dtype=np.int32).reshape(3, 6) % 3 + 1)
    second = Conv(np.ones((2, 3, 1, 8), np.int8), (1, 2), (1, -1, 1, 1), groups=4)
    flat = int(np.prod(target_shape(second, target_shape(first, (4, 7, 4)))))
    network = _network((4, 7, 4), first, second, Dense(np.zeros((flat, 5), np.int8)), skip=True)
    shards = _random_cuts(network, np.random.default_rng(1))
    assert usage_of(network, [(shard,) for shard in shards], LOIHI2) == _counted(network, shards, LOIHI2)
    assert any(projection.delay for projection in network.projections)


def test_usage_of_one_convolution_by_hand() -> None:
    network = _network((8, 8, 2), _conv(2, 4), Dense(np.zeros((256, 3), np.int8)))
    usage, _ = usage_of(network, [(Shard("p0", (0, 8), (0, 8), (0, 4)),), (Shard("readout", (0, 1), (0, 1), (0, 3)),)], LOIHI2)
    # rows of the source by their taps: first (two targets), inner (three), last (two); 256 neurons are 8 index bits
    lists = {4: 4, 6: 4, 9: 1}
    bits = sum(2 * count * 64 * ceil((32 + targets * 4 * (8 + 8)) / 64) for targets, count in lists.items())
    assert usage.synapse_bits == bits
    assert (usage.compartments, usage.input_axons, usage.output_axons) == (256, 128, 256)
    assert usage.memory_bits == bits + 256 * 72 + 128 * 32 + 256 * 32


# --- partition --------------------------------------------------------------------------------------------------------------------


def test_cuts_are_near_equal() -> None:
    for length in range(1, 20):
        for parts in range(1, length + 1):
            spans = cut(length, parts)
            assert [n for start, stop in spans for n in range(start, stop)] == list(range(length))
            assert max(b - a for a, b in spans) - min(b - a for a, b in spans) <= 1


@pytest.mark.parametrize("chip", CHIPS.values(), ids=list(CHIPS))
@pytest.mark.parametrize("seed", SEEDS)
def test_shards_tile_and_every_core_is_within_its_limits(seed: int, chip: ChipSpec) -> None:
    network = random_network(seed)
    mapping = map_network(network, chip)
    assert [name for name, _ in mapping.populations] == [p.name for p in network.populations[1:]]
    for population in network.populations[1:]:
        times = np.zeros(population.shape, int)
        for shard in mapping.shards_of(population.name):
            times[shard.slices] += 1
        assert (times == 1).all()
    for core in mapping.cores:
        assert not overruns(core.usage, chip)
    assert len({core.address for core in mapping.cores}) == len(mapping.cores)
    assert lower_bound_cores(network, chip) <= len(mapping.cores)
    mapping.check(network)
    assert map_network(network, chip) == mapping


@pytest.mark.parametrize("seed", range(4))
def test_mapped_usage_equals_counting_every_synapse(seed: int) -> None:
    network = random_network(seed, layers=3)
    mapping = map_network(network, TINY)
    assert len(mapping.cores) >= len(mapping.populations)
    assert [core.usage for core in mapping.cores] == _counted(network, [core.shards[0] for core in mapping.cores], TINY)


def test_a_chip_file_of_small_cores_forces_many_shards(tmp_path: Path) -> None:
    data = chip_to_json(LOIHI2)
    data["name"] = "small"
    data["figures"]["compartments"] = {"value": 16, "assumed": "a test"}
    path = tmp_path / "small.json"
    path.write_text(json.dumps(data))
    network = _network((8, 8, 1), _conv(1, 4), Dense(np.zeros((256, 3), np.int8)))
    mapping = map_network(network, load_chip(path))
    assert len(mapping.shards_of("p0")) == 16
    assert all(core.usage.compartments == 16 for core in mapping.cores[:16])
    assert lower_bound_cores(network, load_chip(path)) == 17 == len(mapping.cores)
    assert len(map_network(network).cores) == 2


def test_cuts_heed_the_output_axons_of_what_they_feed() -> None:
    network = _network((6, 6, 2), _conv(2, 4), _conv(4, 8), Dense(np.zeros((288, 3), np.int8)))
    roomy = _chip(compartments=36, memory_bits=None)
    narrow = replace(roomy, output_axons=Figure(60, False, "a test"))
    assert max(core.usage.output_axons for core in map_network(network, roomy).cores) > 60
    mapping = map_network(network, narrow)
    assert max(core.usage.output_axons for core in mapping.cores) <= 60
    assert len(mapping.shards_of("p0")) > len(map_network(network, roomy).shards_of("p0"))


@pytest.mark.parametrize("chip", [LOIHI2, LOIHI1_LIMITS], ids=["loihi2", "loihi1"])
def test_half_width_vgg16(chip: ChipSpec) -> None:
    network = _vgg16(32)
    mapping = map_network(network, chip)
    mapping.check(network)
    assert mapping.lower_bound_cores <= len(mapping.cores) < 7 * mapping.lower_bound_cores
    assert mapping.chips == ceil(len(mapping.cores) / 128)


# --- what does not fit ------------------------------------------------------------------------------------------------------------


def test_a_network_of_another_format_is_refused() -> None:
    with pytest.raises(InvalidInput, match="quantise the network with format 'loihi1', or map it to a chip of format 'loihi2'"):
        map_network(random_network(0), LOIHI1)


def test_too_few_input_axons_and_the_change_that_fits() -> None:
    def network(channels: int) -> QuantisedNetwork:
        return _network((5, 5, 3), _conv(3, channels), _conv(channels, 4), Dense(np.zeros((100, 3), np.int8)))

    chip = _chip(input_axons=100)
    with pytest.raises(
        DoesNotFit, match=r"'p1' does not fit .* takes 126 input axons, the limit is 100: 26 too many.*11 channels instead of 14 in"
    ):
        map_network(network(14), chip)
    map_network(network(11), chip)
    with pytest.raises(DoesNotFit):
        map_network(network(12), chip)


def test_too_little_memory_and_the_chip_that_fits() -> None:
    network = _network((4, 4, 8), _conv(8, 4), Dense(np.zeros((64, 3), np.int8)))
    with pytest.raises(DoesNotFit, match=r"'p0' does not fit .* bits of synaptic memory, the limit is 4200: (\d+) too many") as caught:
        map_network(network, _chip(synapse_bits=4200))
    enough = int(str(caught.value).rsplit(maxsplit=1)[1])
    map_network(network, _chip(synapse_bits=enough))
    with pytest.raises(DoesNotFit):
        map_network(network, _chip(synapse_bits=enough - 1))


def test_every_population_that_does_not_fit_is_named_at_once() -> None:
    network = _network((4, 4, 8), _conv(8, 4), Dense(np.zeros((64, 3), np.int8)))
    with pytest.raises(DoesNotFit, match=r"population 'p0' does not fit .*\npopulation 'readout' does not fit"):
        map_network(network, _chip(synapse_bits=4000))


def test_too_few_compartments_and_output_axons() -> None:
    network = _network((2, 2, 2), _conv(2, 2), Dense(np.zeros((8, 3), np.int8)))
    with pytest.raises(DoesNotFit, match="takes 2 compartments, the limit is 1: 1 too many"):
        map_network(network, _chip(compartments=1, compartments_per_neuron=2))
    with pytest.raises(DoesNotFit, match="'p0' does not fit .* takes 3 output axons, the limit is 2: 1 too many"):
        map_network(network, _chip(compartments=1, output_axons=2))


def test_too_few_cores_and_the_number_of_chips_that_fits() -> None:
    network = _network((8, 8, 1), _conv(1, 4), Dense(np.zeros((256, 3), np.int8)))
    small = {"compartments": 16, "cores": 6}
    with pytest.raises(DoesNotFit, match=r"needs 17 cores, 2 chip\(s\) tiny of 6 cores have 12: 5 too many.*'p0', takes 16.*: 3 chips"):
        map_network(network, _chip(chips=2, **small))
    mapping = map_network(network, _chip(chips=3, **small))
    assert [core.address.chip for core in mapping.cores] == [0] * 6 + [1] * 6 + [2] * 5


def test_too_long_a_delay() -> None:
    network = _network((4, 4, 2), _conv(2, 2), _conv(2, 2), _conv(2, 2), Dense(np.zeros((32, 3), np.int8)), skip=True)
    with pytest.raises(DoesNotFit, match="'readout' from 'p0' needs a delay of 2 timesteps, the limit of tiny is 1: 1 too many"):
        map_network(network, _chip(delay_max=1))
    map_network(network, _chip(delay_max=2))


# --- placement and traffic --------------------------------------------------------------------------------------------------------


def test_sequential_placement_fills_the_mesh_in_order() -> None:
    addresses = sequential(PlacementProblem(130, (), LOIHI2))
    assert addresses[0] == Address(0, 0) and addresses[127:] == (Address(0, 127), Address(1, 0), Address(1, 1))
    assert mesh_position(Address(0, 17), LOIHI2) == (1, 1)
    with pytest.raises(InvalidInput):
        PlacementProblem(0, (), LOIHI2)


def test_traffic_is_every_output_axon_and_follows_activity() -> None:
    network = random_network(3)
    mapping = map_network(network, TINY)
    shards = {name: tiling.shards for name, tiling in partition(network, TINY).items()}
    messages = np.zeros(len(mapping.cores))
    for source, target, amount in traffic(network, shards):
        assert mapping.cores[source].shards[0].population != mapping.cores[target].shards[0].population
        messages[source] += amount
    assert messages.tolist() == [core.usage.output_axons for core in mapping.cores]
    logits, none = np.zeros((2, 1)), np.zeros(2, np.int64)
    counts = {p.name: np.full(2, 3 * p.neurons) for p in network.populations[:-1]} | {"readout": none}
    activity = Result("golden", 6, 10, logits, None, counts, none, none, {}, {})
    assert sum(m for *_, m in traffic(network, shards, activity)) == pytest.approx(3 * messages.sum())
    assert map_network(network, TINY, activity=activity) == mapping
    with pytest.raises(InvalidInput, match="no spike counts of p0"):
        map_network(network, TINY, activity=replace(activity, spike_counts={}))


# --- files ------------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("seed", range(3))
def test_round_trip(seed: int, tmp_path: Path) -> None:
    mapping = map_network(random_network(seed), TINY)
    path = tmp_path / "mapping.json"
    path.write_text("an older file")
    mapping.save(path)
    assert Mapping.load(path) == mapping
    assert [p.name for p in tmp_path.iterdir()] == ["mapping.json"]
    with pytest.raises(FileError):
        mapping.save(tmp_path / "no such folder" / "mapping.json")


def test_a_mapping_of_another_network_is_refused_with_both_digests() -> None:
    network, other = random_network(1), random_network(2)
    with pytest.raises(InvalidNetwork, match=f"{network.digest}, not of {other.digest}"):
        map_network(network).check(other)


def _sealed(data: dict[str, Any]) -> dict[str, Any]:
    rest = {key: value for key, value in data.items() if key != "digest"}
    return {**rest, "digest": hashlib.sha256(json.dumps(rest, sort_keys=True, separators=(",", ":")).encode()).hexdigest()}


def _set(*path: Any) -> Callable[[dict[str, Any]], None]:
    def edit(data: dict[str, Any]) -> None:
        inner: Any = data
        for key in path[:-2]:
            inner = inner[key]
        inner[path[-2]] = path[-1]

    return edit


def _drop_core(data: dict[str, Any]) -> None:
    data["cores"].pop()


def _repeat_core(data: dict[str, Any]) -> None:
    data["cores"].append(data["cores"][0])


def _shift_shard(data: dict[str, Any]) -> None:
    first, second = data["cores"][0]["shards"], data["cores"][1]["shards"]
    second[0] = copy.deepcopy(first[0])
    data["cores"][1]["usage"] = data["cores"][0]["usage"]


EDITS: dict[str, Callable[[dict[str, Any]], None]] = {
    "unknown key": _set("colour", 1),
    "missing core": _drop_core,
    "core twice": _repeat_core,
    "shard twice": _shift_shard,
    "no cores": _set("cores", []),
    "cores is text": _set("cores", "all"),
    "core is a list": _set("cores", 0, []),
    "core beyond the chip": _set("cores", 0, "core", 128),
    "negative chip": _set("cores", 0, "chip", -1),
    "chip is a float": _set("cores", 0, "chip", 0.0),
    "wrong place": _set("cores", 0, "x", 5),
    "no shards": _set("cores", 0, "shards", []),
    "short shard": _set("cores", 0, "shards", [["p0", [0, 1]]]),
    "empty range": _set("cores", 0, "shards", 0, 1, [1, 1]),
    "range outside": _set("cores", 0, "shards", 0, 1, [0, 99]),
    "range of text": _set("cores", 0, "shards", 0, 1, ["0", "1"]),
    "unknown population": _set("cores", 0, "shards", 0, 0, "nobody"),
    "population is a list": _set("cores", 0, "shards", 0, 0, []),
    "negative usage": _set("cores", 0, "usage", "synapse_bits", 0, -1),
    "usage above the limit": _set("cores", 0, "usage", "input_axons", 0, 10**6),
    "wrong compartments": _set("cores", 0, "usage", "compartments", 0, 0),
    "other limit": _set("cores", 0, "usage", "input_axons", 1, 10**6),
    "limit is true": _set("cores", 0, "usage", "input_axons", 1, True),
    "usage is short": _set("cores", 0, "usage", "input_axons", [1]),
    "usage without a resource": _set("cores", 0, "usage", {}),
    "schema": _set("schema", 2),
    "schema is text": _set("schema", "1"),
    "network digest": _set("network", "abc"),
    "bound above the cores": _set("lower_bound_cores", 10**6),
    "bound is text": _set("lower_bound_cores", "1"),
    "other shape": _set("populations", 0, 1, [1, 1, 1]),
    "huge shape": _set("populations", 0, 1, [10**9, 10**9, 10**9]),
    "two dimensions": _set("populations", 0, 1, [1, 1]),
    "population twice": _set("populations", 1, ["p0", [1, 1, 1]]),
    "chip figure": _set("chip", "figures", "cores", "value", -1),
    "package": _set("package", 3),
}


@pytest.mark.parametrize("edit", EDITS.values(), ids=list(EDITS))
def test_an_edited_mapping_is_refused(edit: Callable[[dict[str, Any]], None], tmp_path: Path) -> None:
    data = json.loads(json.dumps(to_json(map_network(random_network(0), TINY))))
    edit(data)
    path = tmp_path / "mapping.json"
    for version in (data, _sealed(data)):
        path.write_text(json.dumps(version))
        with pytest.raises(FileError, match=str(path)):
            Mapping.load(path)


def test_a_forged_usage_is_found_against_the_network() -> None:
    network = random_network(0)
    data = json.loads(json.dumps(to_json(map_network(network, TINY))))
    data["cores"][0]["usage"]["synapse_bits"][0] -= 64
    with pytest.raises(InvalidNetwork, match="core 0 of chip 0 says"):
        from_json(_sealed(data)).check(network)


@pytest.mark.parametrize("text", ["", "{", "[]", "null", "{}", '{"schema": 1}', "[" * 100_000, "\x00"])
def test_files_that_are_no_mapping(text: str, tmp_path: Path) -> None:
    path = tmp_path / "mapping.json"
    path.write_text(text)
    with pytest.raises(FileError):
        Mapping.load(path)


# --- report -----------------------------------------------------------------------------------------------------------------------


def test_report() -> None:
    network = random_network(5)
    mapping = map_network(network, TINY)
    rows = layer_rows(mapping)
    assert [row.name for row in rows] == [p.name for p in network.populations[1:]]
    assert sum(row.cores for row in rows) == len(mapping.cores)
    for row in rows:
        assert row.cores == row.tiling[0] * row.tiling[1] * row.tiling[2]
        assert row.utilisation["memory_bits"] is None
        used, most = row.fullest[row.limited_by]
        assert most is not None and used <= most
    figures = summary(mapping, seconds=1.5)
    assert list(figures) == ["cores", "chips", "lower_bound_cores", "utilisation", "fits", "seconds"]
    assert figures["fits"] is True and figures["cores"] == len(mapping.cores) and figures["seconds"] == 1.5
    assert all(fraction is None or 0 < fraction <= 1 for fraction in figures["utilisation"].values())
    assert json.loads(json.dumps(figures)) == figures
    misfit = misfit_summary(network, _chip(input_axons=1))
    assert list(misfit) == list(figures) and misfit["fits"] is False
