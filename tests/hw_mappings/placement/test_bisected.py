"""Cuts between cores and chips against all cuts that there are, and the random numbers of compiled loops."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise, product

import numpy as np
import pytest

from ecc_lava.common import Int
from hw_mappings.placement import PlacementProblem, Traffic, Trees
from hw_mappings.placement.bisected import bisected, pins_of, rectangles
from hw_mappings.placement.cut_kernel import halves
from hw_mappings.placement.random_kernel import below, fraction
from tests.helpers.chips import chip_with, random_trees

BOARD = chip_with(chips=6, board_columns=3, board_rows=2, cores=12, mesh_columns=4, mesh_rows=3)
_NO_MESSAGES = Traffic(np.zeros(0, np.int64), np.zeros(0, np.int64), np.zeros(0))


def _crossing(trees: Trees, side: Int) -> float:
    ends = [(source, *trees.targets[a:b]) for source, (a, b) in zip(trees.sources, pairwise(trees.starts), strict=True)]
    return float(sum(spikes for cores, spikes in zip(ends, trees.spikes, strict=True) if len({int(side[core]) for core in cores}) > 1))


@pytest.mark.parametrize("seed", range(20))
def test_few_spikes_cross_a_cut(seed: int) -> None:
    """Against all cuts of a few cores, where the others stay."""
    rng = np.random.default_rng(seed)
    number = int(rng.integers(4, 14))
    trees = random_trees(rng, number)
    side = rng.integers(0, 2, number)
    cores = np.sort(rng.permutation(number)[: int(rng.integers(2, min(number, 9) + 1))])
    least = int(rng.integers(0, len(cores)))
    bounds = least, int(rng.integers(max(least, 1), len(cores) + 1))
    found = side.copy()
    halves(pins_of(trees, number), cores, found, np.zeros(len(trees.sources), np.bool_), bounds, 8)
    assert bounds[0] <= (found[cores] == 0).sum() <= bounds[1]
    others = np.setdiff1d(np.arange(number), cores)
    assert (found[others] == side[others]).all()
    best = np.inf
    for sides in product((0, 1), repeat=len(cores)):
        if bounds[0] <= sides.count(0) <= bounds[1]:
            side[cores] = sides
            best = min(best, _crossing(trees, side))
    assert _crossing(trees, found) == best


def test_clusters_of_cores_are_told_apart() -> None:
    """Two hundred cores in two mixed clusters, of which three spikes in a hundred cross."""
    rng = np.random.default_rng(0)
    cluster = rng.permutation(np.arange(200) % 2)
    sources = rng.integers(0, 200, 3_000)
    stray = rng.random(3_000) < 0.03
    targets = np.array([rng.choice(np.flatnonzero((cluster == cluster[s]) ^ b)) for s, b in zip(sources, stray, strict=True)])
    kept = sources != targets
    trees = Trees(sources[kept], np.arange(kept.sum() + 1), targets[kept], np.ones(kept.sum()))
    side = np.zeros(200, np.int64)
    halves(pins_of(trees, 200), np.arange(200), side, np.zeros(kept.sum(), np.bool_), (90, 110), 8)
    assert (side == cluster).all() or (side == 1 - cluster).all()


@pytest.mark.parametrize("seed", range(10))
def test_cores_that_are_cut_stand_where_they_may(seed: int) -> None:
    rng = np.random.default_rng(seed)
    chip = replace(BOARD, blocked=((None, 5), (1, 0)))
    number = int(rng.integers(2, chip.cores_in_all + 1))
    problem = PlacementProblem(number, _NO_MESSAGES, chip, spikes=random_trees(rng, number))
    shapes = [*rectangles(problem)]
    assert shapes
    for chips in shapes:
        assert sum(len(chip.usable(n)) for n in chips) >= number
        assert sum(len(chip.usable(n)) for n in chips[:-1]) < number
        found = bisected(problem, chips)
        assert len(set(found)) == number and {address.chip for address in found} <= set(chips)
        assert all(address.core in chip.usable(address.chip) for address in found)
        assert found == bisected(problem, chips)


def test_rectangles_of_chips() -> None:
    chip = chip_with(chips=12, board_columns=4, board_rows=3, cores=10, mesh_columns=5, mesh_rows=2)
    shapes = [*rectangles(PlacementProblem(55, _NO_MESSAGES, chip))]
    assert shapes == [[0, 1, 2, 4, 5, 6], [0, 1, 4, 5, 8, 9]]
    assert [*rectangles(PlacementProblem(10, _NO_MESSAGES, chip))] == [[0]]


def test_random_numbers_are_those_of_splitmix() -> None:
    """The first words of the published generator, from the seed 1234567."""
    words = 6457827717110365317, 3203168211198807973, 9817491932198370423
    state = np.array([1234567], np.uint64)
    assert [below(state, 2**32) for _ in words] == [word >> 32 for word in words]
    state[0] = 1234567
    assert [fraction(state) for _ in words] == [(word >> 11) / 2**53 for word in words]
    assert {below(state, 7) for _ in range(200)} == set(range(7))
