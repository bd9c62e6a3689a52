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
from hw_mappings.mapping.deployed import deployed
from hw_mappings.placement import PLACERS, PlacementProblem, Placer, Traffic, hop_weighted
from hw_mappings.placement.hilbert import along_a_curve
from tests.helpers.chips import chip_with, for_chip
from tests.helpers.networks import chain, same_conv

SMALL = replace(chip_with(chips=4, board_columns=2, board_rows=2, cores=11, mesh_columns=4, mesh_rows=3), blocked=((None, 5), (1, 0)))


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


def test_better_placers_move_messages_less() -> None:
    layers = same_conv(3, 32), same_conv(32, 32), same_conv(32, 64), Dense(np.zeros((16384, 10), np.int8))
    network = for_chip(chain((16, 16, 3), *layers), LOIHI1)
    mapping = map_network(network, LOIHI1, placer="row-major")
    edges = deployed(mapping, network).traffic
    problem = PlacementProblem(len(mapping.cores), edges, mapping.chip)
    hops = {name: hop_weighted(problem, placer(problem)) for name, placer in PLACERS.items()}
    assert hops["row-major"] == hop_weighted(problem, [core.address for core in mapping.cores])
    for placer in ("qap", "annealed"):
        assert hops[placer] < 0.7 * min(hops["row-major"], hops["hilbert"])


def test_seeds_of_annealing() -> None:
    problem = _problem(24, SMALL)
    assert PLACERS["annealed"](replace(problem, seed=1)) == PLACERS["annealed"](replace(problem, seed=1))


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
