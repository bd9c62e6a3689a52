"""The parts of a partition: what changes step by step against what is counted anew, packing, and the bound on axons that leave."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from dataclasses import astuple
from typing import Any

import numpy as np
import pytest

from ecc_lava.common import Int, StageProgress
from ecc_lava.geometry import Dense
from ecc_lava.networks import QuantisedNetwork, Shard
from hw_mappings.chips import LOIHI1, LOIHI2, ChipSpec
from hw_mappings.partition import plan
from hw_mappings.partition.box_demand import boxes_within
from hw_mappings.partition.candidates import candidates
from hw_mappings.partition.improvement import Improvement
from hw_mappings.partition.least_axons import leaving, shards_reached
from hw_mappings.partition.lower_bound import lower_bound
from hw_mappings.partition.packing import Packing
from hw_mappings.partition.packing_kernel import distinct
from hw_mappings.partition.price_walk import walked_by_price
from hw_mappings.partition.prices import Prices
from hw_mappings.partition.recutting import Recutting, Walk
from hw_mappings.partition.search import Partition, PartitionSearch
from hw_mappings.resources import ADDITIVE, SynapseModel, axon_table, demands, fits, limits_of, projection_axons, usage_of, with_axons
from tests.helpers.chips import CHIPS, TINY, for_chip
from tests.helpers.networks import chain, random_network, same_conv


def _told(done: int, total: int) -> None:
    assert 0 <= done <= total


def _network(seed: int, chip: ChipSpec) -> QuantisedNetwork:
    return for_chip(random_network(seed, ports=seed % 3 == 2, sparse=seed % 4 == 3), chip)


def _partition(seed: int, chip: ChipSpec) -> tuple[PartitionSearch, Partition, Prices, Packing]:
    network = _network(seed, chip)
    prices = Prices(limits_of(chip), np.full(len(limits_of(chip)), 0.5), 0.5, 0.3)
    search = PartitionSearch(network, chip, SynapseModel.STRICT)
    return search, search.best(prices, _told)[0], prices, Packing(demands(network, chip, SynapseModel.STRICT), chip)


@pytest.mark.parametrize("chip", CHIPS.values(), ids=list(CHIPS))
@pytest.mark.parametrize("seed", range(4))
def test_a_walk_keeps_count_of_what_shards_use(seed: int, chip: ChipSpec) -> None:
    network = _network(seed, chip)
    search, start, prices, packing = _partition(seed, chip)
    tried = {name: search.fitting(name) for name in start.chosen}
    improvement = Improvement(network, search.links, packing, prices)
    cores, found = improvement.improved(start, tried, Walk(60, 0, seed), _told)
    assert cores <= packing.fillings(packing.all_types(start.tilings, start.usage), prices.prices)[0]
    anew = usage_of(network, found.tilings, chip, SynapseModel.STRICT)
    for name, usage in found.usage.items():
        np.testing.assert_array_equal(usage, anew[name], err_msg=name)
    again = improvement.improved(start, tried, Walk(60, 0, seed), _told)[1]
    assert {name: cut.tiling for name, cut in again.chosen.items()} == {name: cut.tiling for name, cut in found.chosen.items()}


@pytest.mark.parametrize("chip", CHIPS.values(), ids=list(CHIPS))
@pytest.mark.parametrize("seed", range(4))
def test_a_walk_by_price_makes_shards_cheaper_and_keeps_count(seed: int, chip: ChipSpec) -> None:
    network = _network(seed, chip)
    search, start, prices, _ = _partition(seed, chip)
    tried = {name: search.fitting(name) for name in start.chosen}
    recutting = Recutting(network, search.links, lambda each, into, out: prices.cost_with(each.own, into, out, search.links.axon_table))
    found = walked_by_price(start, recutting, tried, Walk(60, 0, seed))
    assert sum(map(prices.cost, found.usage.values())) <= sum(map(prices.cost, start.usage.values())) + 1e-9
    anew = usage_of(network, found.tilings, chip, SynapseModel.STRICT)
    for name, usage in found.usage.items():
        np.testing.assert_array_equal(usage, anew[name], err_msg=name)


@pytest.mark.parametrize("chip", CHIPS.values(), ids=list(CHIPS))
@pytest.mark.parametrize("seed", range(4))
def test_what_a_walk_holds_is_what_is_counted_anew(seed: int, chip: ChipSpec) -> None:
    """Few tilings are drawn, so that most of what is asked for is held; whether tilings fit beside each other plays no part."""
    network = _network(seed, chip)
    search, start, *_ = _partition(seed, chip)
    tried = {name: search.fitting(name)[:3] for name in start.chosen}
    recutting = Recutting(network, search.links, lambda each, into, out: with_axons(each.own, into, out, search.links.chip))
    random, chosen = np.random.default_rng(seed), dict(start.chosen)
    held = {name: recutting.made(chosen, name) for name in chosen}
    for _ in range(40):
        candidates = recutting.drawn(random, list(chosen), tried)
        chosen |= {each.tiling.population: each for each in candidates}
        held |= recutting.changed(chosen, candidates)
        anew = usage_of(network, {name: cut.tiling for name, cut in chosen.items()}, chip, SynapseModel.STRICT)
        for name, usage in held.items():
            np.testing.assert_array_equal(usage, anew[name], err_msg=name)


@pytest.mark.parametrize("chip", CHIPS.values(), ids=list(CHIPS))
@pytest.mark.parametrize("seed", range(4))
def test_loops_over_shards_with_axons_equal_what_is_added_first(seed: int, chip: ChipSpec) -> None:
    search, start, prices, packing = _partition(seed, chip)
    rng, table, limits = np.random.default_rng(seed), axon_table(chip), limits_of(chip)
    fitted = set()
    for name in start.chosen:
        for each in search.fitting(name)[:4]:
            for most in (3, 100_000):
                arriving, leaving = rng.integers(0, most, (2, *each.tiling.grid))
                usage = with_axons(each.own, arriving, leaving, chip)
                assert prices.cost_with(each.own, arriving, leaving, table) == prices.cost(usage)
                types, expected = packing.types_with(each.tiling, each.own, arriving, leaving, table), packing.types(each.tiling, usage)
                assert (types is not None) == fits(usage, limits)
                fitted.add(types is not None)
                if types is not None:
                    for array, other in zip(astuple(types), astuple(expected), strict=True):
                        np.testing.assert_array_equal(array, other)
    assert fitted == {True, False}


@pytest.mark.parametrize("chip", CHIPS.values(), ids=list(CHIPS))
def test_equal_layers_are_counted_once_and_others_are_not(chip: ChipSpec) -> None:
    layers = same_conv(4, 4), same_conv(4, 4), same_conv(4, 4), same_conv(4, 6), same_conv(6, 6)
    network = for_chip(chain((8, 8, 4), *layers, Dense(np.ones((384, 3), np.int8))), chip)
    found = demands(network, chip, SynapseModel.STRICT)
    search = PartitionSearch(network, chip, SynapseModel.STRICT)
    assert len({demand.likeness for demand in found.values()}) == len(found) - 1, "the third is as the second; the first reads the host"
    for name, demand in found.items():
        for each, alone in zip(search.fitting(name), candidates(demand), strict=True):
            assert each.tiling == alone.tiling
            np.testing.assert_array_equal(each.own, alone.own)
            np.testing.assert_array_equal(each.usage, alone.usage)


@pytest.mark.parametrize("chip", CHIPS.values(), ids=list(CHIPS))
def test_packing_uses_every_shard_once_within_every_limit(chip: ChipSpec) -> None:
    _, partition, prices, packing = _partition(5, chip)
    types = packing.all_types(partition.tilings, partition.usage)
    cores = packing.cores(list(partition.tilings.values()), types, prices.prices)
    assert len(cores) == packing.fillings(types, prices.prices)[0]
    shards = [shard for tiling in partition.tilings.values() for shard in tiling.shards]
    assert sorted(shard for core in cores for shard in core) == sorted(shards)
    usage = dict(pair for name in partition.chosen for pair in _rows(partition, name))
    for core in cores:
        assert (np.sum([usage[shard] for shard in core], axis=0)[ADDITIVE] <= limits_of(chip)[ADDITIVE]).all()


def _rows(partition: Partition, name: str) -> Iterator[tuple[Shard, Int]]:
    tiling = partition.chosen[name].tiling
    return zip(tiling.shards, partition.usage[name].reshape(tiling.number, -1), strict=True)


def test_distinct_rows() -> None:
    rows = np.random.default_rng(0).integers(-2, 2, (300, 4)) * 2**40
    firsts, kinds, counts = distinct(rows)
    np.testing.assert_array_equal(rows[firsts][kinds], rows)
    assert len(np.unique(rows, axis=0)) == len(firsts) == len(counts)
    np.testing.assert_array_equal(np.bincount(kinds), counts)
    assert (np.diff(firsts) > 0).all()


@pytest.mark.parametrize("chip", [TINY, LOIHI1, LOIHI2], ids=lambda chip: chip.name)
@pytest.mark.parametrize("seed", range(8))
def test_no_shard_has_fewer_leaving_axons_than_the_bound_counts(seed: int, chip: ChipSpec) -> None:
    """For any tilings of both sides: a target's boxes are those of its tiling."""
    network = _network(seed, chip)
    search, *_ = _partition(seed, chip)
    random = np.random.default_rng(seed)
    for projection in network.projections:
        source, target = network.by_name[projection.source], network.by_name[projection.target]
        if source in network.inputs:
            continue
        for _ in range(4):
            cut, other = (options[int(random.integers(len(options)))].tiling for options in map(search.fitting, (source.name, target.name)))
            boxes = np.array([[stop - start for start, stop in (shard.y, shard.x, shard.c)] for shard in other.shards])
            reached = shards_reached(projection, source.shape, target.shape, boxes)
            sizes = np.array([[stop - start for start, stop in (shard.y, shard.x, shard.c)] for shard in cut.shards])
            link = projection_axons(projection, source, cut.cuts, other.cuts, chip)
            assert (leaving([reached], sizes, chip) <= link.leaving.ravel()).all()


def test_the_parts_of_a_bound_add_up_to_it() -> None:
    bound = lower_bound(for_chip(random_network(3), TINY), TINY)
    assert bound.cores - 1 < sum(bound.parts.values()) <= bound.cores + 1e-6
    assert boxes_within((2, 3, 2), 4).prod(axis=1).max() == 4


@pytest.mark.parametrize("far", [True, False])
def test_longer_walks_follow_where_cores_are_far_from_the_bound(far: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    walks: list[int] = []
    original = Improvement.improved

    def noted(self: Improvement, partition: Partition, tried: Any, walk: Walk, report: StageProgress) -> tuple[int, Partition]:
        walks.append(walk.moves)
        return original(self, partition, tried, walk, report)

    monkeypatch.setattr(Improvement, "improved", noted)
    planning = sys.modules["hw_mappings.partition.plan"]
    monkeypatch.setattr(planning, "_WORK", 1)
    monkeypatch.setattr(planning, "_FAR", -1.0 if far else 100.0)
    for seed in range(6):
        plan(_network(seed, TINY), TINY, SynapseModel.STRICT)
    assert any(walks) == far
