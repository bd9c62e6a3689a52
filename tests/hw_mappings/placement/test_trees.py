"""Spikes by the cores that they reach, and the links of their routes, against counting one by one."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from itertools import pairwise, product
from typing import Any

import numpy as np
import pytest

from ecc_lava.backends import simulate
from ecc_lava.common import Int
from ecc_lava.geometry import Conv, Geometry, as_sparse, with_kernel
from ecc_lava.networks import QuantisedNetwork
from hw_mappings import LOIHI1, LOIHI2, map_network
from hw_mappings.chips import Address, ChipSpec, board_positions
from hw_mappings.mapping import DeployedNetwork, deployed
from hw_mappings.placement import Trees, hop_weighted, hops_of, loads, routes, tree_hops
from hw_mappings.resources import projection_axons, shard_of_neuron
from tests.helpers.chips import DISCRETE, TINY, chip_with, for_chip, random_trees
from tests.helpers.networks import random_images, random_network

Link = tuple[tuple[int, int], tuple[int, int]]
SMALL = chip_with(compartments=24, memory_bits=None)
BOARD = chip_with(chips=6, board_columns=3, board_rows=2, cores=12, mesh_columns=4, mesh_rows=3)


def _synapses(geometry: Geometry, source: Any) -> list[tuple[int, int]]:
    """Return (source neuron, target neuron) of every synapse."""
    ones = np.ones(geometry.kernel.shape, np.int8)
    listed = as_sparse(replace(geometry, kernel=ones, gain=None) if isinstance(geometry, Conv) else with_kernel(geometry, ones), source)
    targets = np.repeat(np.arange(len(listed.starts) - 1), np.diff(listed.starts))
    return list(zip(listed.sources.tolist(), targets.tolist(), strict=True))


def _one_by_one(on_cores: DeployedNetwork) -> Counter[tuple[int, frozenset[int]]]:
    """Return the number of neurons of each core that reach each set of other cores."""
    network, tilings = on_cores.network, on_cores.mapping.tilings
    home = {shard: number for number, shards in enumerate(on_cores.cores) for shard in shards}
    found: Counter[tuple[int, frozenset[int]]] = Counter()
    for name, tiling in tilings.items():
        population, own = network.by_name[name], shard_of_neuron(tiling.cuts)
        reached: list[set[int]] = [set() for _ in range(population.neurons)]
        for p in (p for p in network.projections if p.source == name):
            target = tilings[p.target]
            cores = [home[target.shards[shard]] for shard in shard_of_neuron(target.cuts)]
            together = projection_axons(p, population, tiling.cuts, target.cuts, on_cores.mapping.chip).population
            position = np.arange(population.neurons) // population.shape[2]
            groups: list[Any] = list(zip(own.tolist(), position.tolist(), strict=True)) if together else list(range(population.neurons))
            heard: dict[Any, set[int]] = {group: set() for group in groups}
            for source, to in _synapses(p.geometry, population.shape):
                heard[groups[source]].add(cores[to])
            for neuron, group in enumerate(groups):
                reached[neuron] |= heard[group]
        for neuron, where in enumerate(reached):
            core = home[tiling.shards[own[neuron]]]
            found[core, frozenset(where - {core})] += 1
    return Counter({tree: number for tree, number in found.items() if tree[1]})


def _counted(trees: Trees) -> Counter[tuple[int, frozenset[int]]]:
    ends = [frozenset(trees.targets[start:stop].tolist()) for start, stop in pairwise(trees.starts.tolist())]
    assert len(set(zip(trees.sources.tolist(), ends, strict=True))) == len(ends)
    return Counter(dict(zip(zip(trees.sources.tolist(), ends, strict=True), trees.spikes.tolist(), strict=True)))


@pytest.mark.parametrize("chip", [SMALL, replace(SMALL, population_atoms=DISCRETE.population_atoms)], ids=["both", "discrete"])
@pytest.mark.parametrize("seed", range(9))
def test_every_neuron_reaches_the_cores_of_its_synapses(seed: int, chip: ChipSpec) -> None:
    network = for_chip(random_network(seed, ranges=seed % 2 == 0, ports=seed % 3 == 0, sparse=seed % 3 == 1), chip)
    on_cores = deployed(map_network(network, chip, placer="row-major"), network)
    assert _counted(on_cores.spikes) == _one_by_one(on_cores)


def _walked(trees: Trees, places: Int) -> tuple[list[int], Counter[Link]]:
    """Return the links of every tree, and the spikes on every link, step by step along the row and then along the column."""
    numbers, carried = [], Counter[Link]()
    for tree, source in enumerate(trees.sources):
        links: set[Link] = set()
        for target in trees.targets[trees.starts[tree] : trees.starts[tree + 1]]:
            (x, y), (column, row) = places[source].tolist(), places[target].tolist()
            while (x, y) != (column, row):
                before = x, y
                x, y = (x + np.sign(column - x), y) if x != column else (x, y + np.sign(row - y))
                links.add((before, (int(x), int(y))))
        numbers.append(len(links))
        carried.update(dict.fromkeys(links, trees.spikes[tree]))
    return numbers, carried


@pytest.mark.parametrize("seed", range(20))
def test_hops_are_the_union_of_a_spike_s_links(seed: int) -> None:
    rng = np.random.default_rng(seed)
    everywhere = [Address(chip, core) for chip, core in product(range(6), range(12))]
    addresses = [everywhere[n] for n in rng.permutation(72)[: rng.integers(2, 40)]]
    trees, places = random_trees(rng, len(addresses)), board_positions(addresses, BOARD)
    numbers, carried = _walked(trees, places)
    assert hops_of(trees, places).sum(axis=1).tolist() == numbers
    found, links = routes(loads(trees, addresses, BOARD), BOARD), loads(trees, addresses, BOARD)
    assert found.horizontal + found.vertical == tree_hops(trees, addresses, BOARD) == sum(carried.values())
    assert found.horizontal == sum(spikes for ((x, _), (to, _)), spikes in carried.items() if x != to)
    sizes = np.array([4, 3])
    assert found.between_chips == sum(n for (a, b), n in carried.items() if (np.array(a) // sizes != np.array(b) // sizes).any())
    assert found.busiest_messages == max(carried.values(), default=0)
    assert not carried or (found.busiest is not None and carried[found.busiest] == found.busiest_messages)
    column, row = links.corner
    for (x, y), at in (((x, y), (y - row, x - column)) for x, y in places.tolist()):
        assert links.right[at] == carried[(x, y), (x + 1, y)] and links.down[at[::-1]] == carried[(x, y), (x, y + 1)]


def _placed(seed: int, chip: ChipSpec) -> tuple[QuantisedNetwork, DeployedNetwork]:
    network = for_chip(random_network(seed), chip)
    activity = simulate(network, random_images(network, 3), record=tuple(network.by_name))
    return network, deployed(map_network(network, chip, activity, placer="hilbert"), network, activity)


@pytest.mark.parametrize("chip", [LOIHI1, LOIHI2, TINY], ids=["loihi1", "loihi2", "tiny"])
@pytest.mark.parametrize("seed", range(3))
def test_copies_on_the_way_save_hops_and_every_message_is_delivered(seed: int, chip: ChipSpec) -> None:
    _, on_cores = _placed(seed, chip)
    problem, addresses = on_cores.problem, on_cores.addresses
    apart, together = hop_weighted(problem, addresses), tree_hops(problem.multicast, addresses, chip)
    assert together <= apart * (1 + 1e-9)
    assert problem.routed is (problem.multicast if chip.amount("multicast") else problem.traffic.one_by_one)
    pairs = {
        (s, t) for s, t, n in zip(problem.traffic.sources, problem.traffic.targets, problem.traffic.messages, strict=True) if n and s != t
    }
    tree = np.repeat(on_cores.spikes.sources, np.diff(on_cores.spikes.starts))
    assert pairs == set(zip(tree.tolist(), on_cores.spikes.targets.tolist(), strict=True))


def test_links_that_no_spike_takes_carry_exactly_none() -> None:
    """Fractions of spikes leave a rest when they are taken away again, which once was a load below zero."""
    trees = Trees(np.zeros(3, np.int64), np.arange(4), np.array([1, 2, 3]), np.array([0.1, 0.2, 0.3]))
    carried = loads(trees, [Address(0, core) for core in range(6)], LOIHI2)
    lanes = [carried.right, carried.left, carried.down, carried.up]
    assert all((links >= 0).all() for links in lanes)
    assert sum(int((links > 0).sum()) for links in lanes) == 3
    np.testing.assert_allclose(carried.right[carried.right > 0], [0.6, 0.5, 0.3])
