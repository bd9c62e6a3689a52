"""Loads of links while cores exchange places, exchanges that relieve them, and links between chips."""

from __future__ import annotations

from dataclasses import replace
from itertools import product

import numpy as np
import pytest

from ecc_lava.common import Float
from ecc_lava.geometry import Dense
from hw_mappings import LOIHI1, map_network
from hw_mappings.chips import Address, board_positions
from hw_mappings.mapping import deployed
from hw_mappings.placement import PLACERS, Traffic, Trees, loads, routes, tree_hops
from hw_mappings.placement.problem import CROSSING, tree_lengths
from hw_mappings.placement.tree_annealing import cost, grown
from hw_mappings.placement.tree_kernel import Board, Columns, Forest, change_of, exchange
from hw_mappings.placement.tree_loads import POWER, Carried, carry, reload, strain
from hw_mappings.placement.tree_relief import Relief, relieve
from tests.helpers.chips import chip_with, for_chip, random_trees, with_multicast
from tests.helpers.networks import chain, same_conv

BOARD = chip_with(chips=6, board_columns=3, board_rows=2, cores=12, mesh_columns=4, mesh_rows=3)
_NO_MESSAGES = Traffic(np.zeros(0, np.int64), np.zeros(0, np.int64), np.zeros(0))


def _problem(seed: int) -> tuple[Trees, list[Address], Forest, Board, Columns]:
    """Cores on all places of a board or on some, and the address of every place."""
    rng = np.random.default_rng(seed)
    places = [Address(chip, core) for chip, core in product(range(6), range(12))]
    places = [places[n] for n in rng.permutation(72)]
    cores = int(rng.integers(3, 73))
    trees = random_trees(rng, cores)
    return trees, places, *grown(trees, cores, board_positions(places, BOARD), BOARD)


def _assert_carried(trees: Trees, places: list[Address], board: Board, found: Float) -> None:
    anew = loads(trees, [*(places[n] for n in board.place_of)], BOARD)
    right, left, down, up = np.zeros((4, 12, 6))
    column, row = anew.corner
    height, width = anew.right.shape
    for lanes, links in ((right, anew.right.T), (left, anew.left.T), (down, anew.down), (up, anew.up)):
        lanes[column : column + width, row : row + height] = links
    np.testing.assert_allclose(found, np.stack([right, left, down, up]), atol=1e-9)


@pytest.mark.parametrize("seed", range(8))
def test_loads_follow_every_exchange(seed: int) -> None:
    trees, places, forest, board, columns = _problem(seed)
    rng, cores = np.random.default_rng(seed), len(board.place_of)
    carried = Carried(carry(forest, board, columns), 3.0)
    tried, lie = np.zeros((2, 2, len(trees.sources)), np.int64)
    for _ in range(60):
        core, place = int(rng.integers(cores)), int(rng.integers(72))
        if place == board.place_of[core]:
            continue
        here, there = (int(board.positions[n, 0]) for n in (board.place_of[core], place))
        pair = core, int(board.core_at[place]), here, there
        before = strain(carried)
        number, _ = change_of(forest, board, columns, core, place, tried)
        less, _ = reload(forest, board, columns, tried[0, :number], lie, pair, -1.0, carried)
        exchange(forest, board, columns, core, place, tried[:, :number])
        more, _ = reload(forest, board, columns, tried[0, :number], lie, pair, 1.0, carried)
        _assert_carried(trees, places, board, carried.loads)
        assert strain(carried) == pytest.approx(before + less + more) == pytest.approx(((carried.loads / 3) ** POWER).sum())


@pytest.mark.parametrize("seed", range(8))
def test_relief_keeps_count_and_lowers_what_it_weighs(seed: int) -> None:
    trees, places, forest, board, columns = _problem(seed)
    scale = carry(forest, board, columns).max()
    worth = float(forest.spikes @ columns.lengths)

    def weighed() -> float:
        return float(forest.spikes @ columns.lengths) + worth * strain(Carried(carry(forest, board, columns), scale)) ** (1 / POWER)

    before = weighed()
    relieve(forest, board, columns, Relief(3_000, 1e9, 1e-3, 1e-4, scale, worth), seed)
    assert weighed() < before
    assert (board.core_at[board.place_of] == np.arange(len(board.place_of))).all()
    addresses = [places[n] for n in board.place_of]
    assert forest.spikes @ columns.lengths == pytest.approx(tree_lengths(trees, addresses, BOARD))
    _assert_carried(trees, places, board, carry(forest, board, columns))


@pytest.mark.parametrize("seed", range(6))
def test_a_link_between_chips_is_longer_by_what_a_crossing_costs(seed: int) -> None:
    trees, places, *_ = _problem(seed)
    found = routes(loads(trees, places, BOARD), BOARD)
    assert tree_lengths(trees, places, BOARD) == tree_hops(trees, places, BOARD) + (CROSSING - 1) * found.between_chips


def test_a_network_s_busiest_link_and_hops_between_chips() -> None:
    """The default placer against the others on a network of several chips."""
    layers = same_conv(3, 32), same_conv(32, 64), Dense(np.zeros((16384, 10), np.int8))
    chip = with_multicast(replace(LOIHI1, cores=replace(LOIHI1.cores, value=32), mesh_rows=replace(LOIHI1.mesh_rows, value=4)), 1)
    network = for_chip(chain((16, 16, 3), *layers), chip)
    problem = deployed(map_network(network, chip, placer="row-major"), network).problem
    assert problem.chips > 1
    placed = {name: placer(problem) for name, placer in PLACERS.items()}
    found = {name: routes(loads(problem.routed, addresses, chip), chip) for name, addresses in placed.items()}
    for rival in ("hilbert", "qap"):
        assert found["annealed"].busiest_messages <= found[rival].busiest_messages
        assert found["annealed"].between_chips <= found[rival].between_chips
    costs = {name: cost(problem.routed, addresses, chip) for name, addresses in placed.items()}
    assert costs["annealed"] == min(costs.values())
