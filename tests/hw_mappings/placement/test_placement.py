"""Placers: all of them on the same problems."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from ecc_lava.errors import InvalidInput
from ecc_lava.geometry import Dense
from hw_mappings import LOIHI1, LOIHI2, map_network
from hw_mappings.chips import Address, ChipSpec
from hw_mappings.chips.mesh import board_positions, mesh_position
from hw_mappings.mapping.deployed import DeployedNetwork, deployed
from hw_mappings.placement import PLACERS, PlacementProblem, Placer, Traffic, hop_weighted, hops_of, tree_hops
from hw_mappings.placement.hilbert import along_a_curve
from hw_mappings.placement.problem import stretched
from hw_mappings.placement.tree_annealing import cost, grown
from hw_mappings.placement.tree_kernel import Schedule, anneal
from tests.helpers.chips import chip_with, for_chip, random_trees, with_multicast
from tests.helpers.networks import chain, same_conv

SMALL = replace(chip_with(chips=4, board_columns=2, board_rows=2, cores=11, mesh_columns=4, mesh_rows=3), blocked=((None, 5), (1, 0)))

TALL = chip_with(chips=3, board_columns=1, board_rows=3, cores=40, mesh_columns=1, mesh_rows=40)


def _problem(cores: int, chip: ChipSpec, seed: int = 0) -> PlacementProblem:
    """Random messages, most between neighbours in the network."""
    rng = np.random.default_rng(seed)
    sources = rng.integers(0, cores, 4 * cores)
    targets = np.minimum(sources + rng.integers(1, 1 + max(2, cores // 4), 4 * cores), cores - 1)
    kept = sources != targets
    return PlacementProblem(cores, Traffic(sources[kept], targets[kept], rng.random(kept.sum())), chip)


@pytest.mark.parametrize("placer", PLACERS.values(), ids=list(PLACERS))
@pytest.mark.parametrize("cores", [1, 2, 9, 10, 11, 24, 39])
def test_every_core_has_a_place_of_its_own_that_may_be_used(cores: int, placer: Placer) -> None:
    problem = _problem(cores, SMALL)
    addresses = placer(problem)
    assert len(addresses) == len(set(addresses)) == cores
    for address in addresses:
        assert address.core in SMALL.usable(address.chip)
    assert len({address.chip for address in addresses}) == -(-cores // 10) or cores in (10, 11, 39)
    assert placer(problem) == addresses


MULTICAST = with_multicast(LOIHI1, 1)


@pytest.fixture(scope="module")
def deployment() -> DeployedNetwork:
    """Return a network on some seventy cores, one after the other."""
    layers = same_conv(3, 32), same_conv(32, 32), same_conv(32, 64), Dense(np.zeros((16384, 10), np.int8))
    network = for_chip(chain((16, 16, 3), *layers), MULTICAST)
    return deployed(map_network(network, MULTICAST, placer="row-major"), network)


def test_better_placers_move_messages_less(deployment: DeployedNetwork) -> None:
    mapping = deployment.mapping
    problem = PlacementProblem(len(mapping.cores), deployment.traffic, LOIHI1)
    hops = {name: hop_weighted(problem, placer(problem)) for name, placer in PLACERS.items()}
    assert hops["row-major"] == hop_weighted(problem, [core.address for core in mapping.cores])
    for placer in ("qap", "annealed"):
        assert hops[placer] < 0.7 * min(hops["row-major"], hops["hilbert"])


@pytest.mark.parametrize("multicast", [0, 1])
def test_seeds_of_annealing(multicast: int) -> None:
    problem = _problem(24, with_multicast(SMALL, multicast))
    once, again, other = (PLACERS["annealed"](replace(problem, seed=seed)) for seed in (1, 1, 2))
    assert once == again != other


@pytest.mark.parametrize("seed", range(12))
def test_annealed_trees_are_never_worse_than_cheap_placements(seed: int) -> None:
    rng = np.random.default_rng(seed)
    chip = with_multicast(SMALL if seed % 2 else TALL, 1)
    cores = int(rng.integers(1, min(60, chip.cores_in_all)))
    problem = replace(_problem(cores, chip, seed), spikes=random_trees(rng, cores))
    annealed = cost(problem.multicast, PLACERS["annealed"](problem), chip)
    for placer in ("row-major", "hilbert"):
        assert annealed <= cost(problem.multicast, PLACERS[placer](problem), chip)


def test_a_network_s_spikes_take_fewer_links(deployment: DeployedNetwork) -> None:
    problem = deployment.problem
    hops = {name: tree_hops(problem.routed, placer(problem), MULTICAST) for name, placer in PLACERS.items()}
    assert hops["annealed"] < 0.85 * min(hops["row-major"], hops["hilbert"], hops["qap"])
    assert hops["annealed"] < tree_hops(problem.routed, PLACERS["annealed"](replace(problem, chip=LOIHI1)), MULTICAST)


@pytest.mark.parametrize("seed", range(6))
def test_trees_are_counted_anew_in_every_exchange(seed: int) -> None:
    rng = np.random.default_rng(seed)
    width, height = int(rng.integers(1, 6)), int(rng.integers(1, 140))
    positions = rng.permutation(np.stack(np.meshgrid(np.arange(width), np.arange(height)), axis=-1).reshape(-1, 2))
    cores = int(rng.integers(1, len(positions) + 1))
    trees = random_trees(rng, cores)
    chip = chip_with(chips=99, board_columns=3, board_rows=33, cores=8, mesh_columns=2, mesh_rows=4 + seed)
    forest, board, columns = grown(trees, cores, positions, chip)
    lie = stretched(positions, chip)
    assert columns.lengths.tolist() == hops_of(trees, lie).sum(axis=1).tolist()
    for part in range(5):
        anneal(forest, board, columns, Schedule(part * 300, (part + 1) * 300, 1500, 50.0, 0.1), part)
        assert columns.lengths.tolist() == hops_of(trees, lie[board.place_of]).sum(axis=1).tolist()
        assert (board.core_at[board.place_of] == np.arange(cores)).all() and (board.core_at >= 0).sum() == cores


def test_progress_is_told_of_long_work_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    told: list[tuple[int, int]] = []
    problem = replace(_problem(24, SMALL), progress=lambda *step: told.append(step))
    PLACERS["annealed"](problem)
    assert told == []
    monkeypatch.setattr("hw_mappings.placement.tree_annealing._QUIET_S", -1.0)
    PLACERS["annealed"](problem)
    assert told == [(part, 20) for part in range(1, 21)]


def test_the_curve_visits_every_place_once_and_steps_to_a_neighbour() -> None:
    for columns, rows in ((1, 1), (4, 4), (16, 8), (5, 3), (2**14, 1), (3, 2**13)):
        places = along_a_curve(columns, rows)
        assert sorted(places) == list(range(columns * rows))
    steps = np.array([divmod(place, 8) for place in along_a_curve(8, 8)])
    assert (np.abs(np.diff(steps, axis=0)).sum(axis=1) == 1).all()


def test_positions_on_a_board() -> None:
    assert mesh_position(Address(0, 17), LOIHI2) == (1, 1)
    assert board_positions([Address(0, 17), Address(1, 0), Address(36, 17)], LOIHI2).tolist() == [[1, 1], [16, 0], [1, 9]]


def test_row_major_fills_chips_in_order() -> None:
    none = np.zeros(0, np.int64)
    addresses = PLACERS["row-major"](PlacementProblem(130, Traffic(none, none, np.zeros(0)), LOIHI2))
    assert addresses[0] == Address(0, 0) and addresses[127:] == (Address(0, 127), Address(1, 0), Address(1, 1))


def test_impossible_problems_and_unknown_placers() -> None:
    with pytest.raises(InvalidInput, match="40 cores to place on the 39"):
        _problem(40, SMALL)
    with pytest.raises(InvalidInput, match="known: row-major, hilbert, qap, annealed"):
        map_network(chain((2, 2, 1), Dense(np.zeros((4, 2), np.int8))), placer="best")
