"""The sweep: every row is what the mapper finds, a row that cannot fit says why, and larger limits do what is said of them."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings

import ecc_lava
from ecc_lava.errors import DoesNotFit, InvalidInput
from ecc_lava.geometry import Dense
from ecc_lava.graph.graph import Graph
from ecc_lava.networks import QuantisedNetwork
from hw_mappings import LOIHI1, LOIHI2, Sweep, map_network, sweep
from hw_mappings.chips import BOARDS, CHIPS, RESOURCES, ChipSpec, Figure
from hw_mappings.partition import lower_bound_cores
from hw_mappings.resources import SynapseModel
from hw_mappings.sweeps import GROWTHS, draw, requantised, with_sign
from hw_mappings.sweeps.boards import chips_for, cores_on, smallest_board
from hw_mappings.sweeps.growing import Growing
from hw_mappings.sweeps.growth import grown, unlimited
from hw_mappings.sweeps.planning import Plans
from hw_mappings.sweeps.sensitivity import LimitGrowth
from tests.helpers.chips import chip_with
from tests.helpers.graphs import graphs
from tests.helpers.networks import chain, random_network, same_conv, with_payloads
from tests.helpers.small_networks import converted

SMALL_MESH = {"cores": 4, "mesh_columns": 2, "mesh_rows": 2}
SMALL = chip_with(compartments=256, memory_bits=14_000, **SMALL_MESH)
"""Loihi 2 with little memory, and four cores a chip."""


def _network() -> QuantisedNetwork:
    return chain((6, 6, 2), same_conv(2, 4), same_conv(4, 4), Dense(np.zeros((144, 5), np.int8)))


@pytest.fixture(scope="module")
def swept() -> Sweep:
    return sweep(_network(), SMALL, bits=(8, 4, 3))


def test_every_row_is_what_the_mapper_finds(swept: Sweep) -> None:
    network, chips = _network(), {"tiny": SMALL, "loihi1": LOIHI1, "loihi2": LOIHI2}
    assert [row.chip for row in swept.rows] == ["tiny"] * 8 + ["loihi1"] * 6 + ["loihi2"] * 8
    for row in swept.rows:
        chip = chips[row.chip]
        of_row = requantised(network, format=chip.format, bits=None if row.is_own else max(row.bits))
        mapping = map_network(with_sign(of_row, row.signed), chip, synapse_model=row.synapse_model, placer="row-major")
        assert (row.cores, row.chips, row.lower_bound_cores) == (len(mapping.cores), mapping.chips, mapping.lower_bound_cores)
        assert row.fits and row.reason is None and row.limited_by in RESOURCES and 0 < (row.utilisation or 0) <= 1
    assert [row.bits for row in swept.rows[:4]] == [(8,), (4,), (3,), (8,)] and swept.rows[0].is_own and swept.rows[3].signed
    assert [(row.width, row.payload) for row in swept.rows[2:4]] == [("3", "binary"), ("8", "1 bit and sign")]
    of_width = [row.cores or 0 for row in swept.rows[:3]]
    assert of_width == sorted(of_width, reverse=True) and of_width[0] > of_width[2]


def test_the_smallest_board() -> None:
    for chip in (LOIHI1, LOIHI2):
        for cores in (1, 129, 1025, 5000):
            name = smallest_board(chip, cores)
            board = CHIPS[str(name)]
            assert board.format == chip.format and board.cores_in_all >= cores
            assert not any(b.format == chip.format and cores <= b.cores_in_all < board.cores_in_all for b in BOARDS)
    assert smallest_board(LOIHI2, LOIHI2.cores_in_all) == "loihi2" and smallest_board(LOIHI2, LOIHI2.cores_in_all + 1) is None
    assert smallest_board(SMALL, 5) == "tiny"  # no built-in board has such cores
    blocked = replace(SMALL, blocked=((0, 1), (None, 2)))
    assert [chips_for(blocked, cores) for cores in (2, 3, 5, 6)] == [1, 2, 2, 3] and cores_on(blocked, 2) == 5


def test_a_row_that_cannot_fit_names_the_population_and_the_limit_and_stops_nothing() -> None:
    network = _network()
    chip = chip_with(memory_bits=None, synapse_bits=2_500, compartments=64)
    found = sweep(network, chip, bits=(4, 2))
    refused = [row for row in found.rows if not row.fits]
    assert {row.chip for row in refused} == {"tiny"} and len(found.rows) == len([row for row in found.rows if row.chip != "tiny"]) + 8
    with pytest.raises(DoesNotFit) as misfit:
        map_network(network, chip)
    own = next(row for row in refused if row.is_own)
    assert own.reason == str(misfit.value) and "population 'readout'" in own.reason and "the limit is 2500" in own.reason
    assert (own.cores, own.chips, own.board) == (None, None, None) and own.lower_bound_cores == lower_bound_cores(network, chip)
    assert any(row.fits and row.chip == "tiny" for row in found.rows)
    limits = found.sensitivity
    assert limits is not None and limits.cores is None and limits.goal_cores == chip.cores_in_all
    memory = next(growth for growth in limits.limits if growth.resource == "synapse_bits")
    assert memory.cores[0] is None and memory.cores[-1] is not None and memory.percent is not None
    map_network(network, grown(chip, "synapse_bits", memory.percent))
    with pytest.raises(DoesNotFit):
        map_network(network, grown(chip, "synapse_bits", memory.percent - 1))


def test_a_format_that_cannot_hold_the_network_is_a_row_too() -> None:
    found = sweep(random_network(0), bits=(4,))  # thresholds by neuron: more than the first Loihi holds
    reasons = [row.reason or "" for row in found.rows if row.chip == "loihi1"]
    assert len(reasons) == 4 and all("cannot be quantised: population 'p3' has 24 distinct thresholds" in reason for reason in reasons)
    assert all(row.fits for row in found.rows if row.chip == "loihi2")
    assert sweep(random_network(0), LOIHI1, bits=()).sensitivity is None


def test_payloads_a_chip_cannot_carry() -> None:
    network = with_payloads(_network(), 0, 4, True)
    found = sweep(network, chip_with(payload_bits=8), bits=())
    assert [row.payload for row in found.rows[:2]] == ["4 bits and sign", "4 bits"] and all(row.fits for row in found.rows)
    assert {row.payload for row in found.rows if row.chip == "loihi1"} == {"binary"}
    narrow = sweep(network, chip_with(payload_bits=4), bits=())  # the graded input carries 8 bits
    assert all("population 'input' carry 8 bits" in str(row.reason) for row in narrow.rows if row.chip == "tiny")


@pytest.mark.parametrize("seed", [3, 9, 11])
def test_rows_of_generated_networks(seed: int) -> None:
    network = random_network(seed, ports=seed == 11, sparse=seed >= 9)
    network = with_payloads(network, seed, 3, False) if seed == 3 else network
    chip = chip_with(compartments=32, memory_bits=24_000)
    found = sweep(network, chip, bits=(4,))
    for row in found.rows:
        if row.is_own:
            spec = chip if row.chip == "tiny" else LOIHI2
            assert row.cores == len(map_network(network, spec, synapse_model=row.synapse_model, placer="row-major").cores)
    _check_growths(found, network, chip)


def _check_growths(found: Sweep, network: QuantisedNetwork, chip: ChipSpec) -> None:
    """Check what is said of every limit by mapping: monotone cores, never below the bound, and what saves a chip."""
    limits = found.sensitivity
    assert limits is not None and limits.cores is not None and limits.chips is not None
    assert {growth.resource for growth in limits.limits} | set(limits.unlimited) == set(RESOURCES)
    for growth in limits.limits:
        cores = [number or 0 for number in growth.cores]
        assert all(more >= fewer for more, fewer in pairwise(cores)) and cores[-1] >= growth.lower_bound_cores
        assert cores[0] <= limits.cores and growth.limit == chip.limit(growth.resource) and (growth.fullest or 0) <= growth.limit
        if growth.percent is not None:
            assert limits.goal_cores is not None and growth.at_least_percent is not None
            assert 0 <= growth.at_least_percent <= growth.percent >= 1
            assert map_network(network, grown(chip, growth.resource, growth.percent), placer="row-major").chips < limits.chips
            assert map_network(network, grown(chip, growth.resource, growth.percent - 1), placer="row-major").chips == limits.chips
            assert lower_bound_cores(network, grown(chip, growth.resource, growth.at_least_percent)) <= limits.goal_cores
            if growth.at_least_percent:
                assert lower_bound_cores(network, grown(chip, growth.resource, growth.at_least_percent - 1)) > limits.goal_cores


def test_growths_say_what_the_mapper_finds(swept: Sweep) -> None:
    network, limits = _network(), swept.sensitivity
    assert limits is not None
    _check_growths(swept, network, SMALL)
    memory = next(growth for growth in limits.limits if growth.resource == "memory_bits")
    assert memory.percent is not None
    for percent, cores in zip((0, *GROWTHS), memory.cores, strict=False):
        assert cores is not None and cores <= len(map_network(network, grown(SMALL, "memory_bits", percent), placer="row-major").cores)


@pytest.mark.parametrize("resource", ["input_axons", "output_axons", "thresholds", "exponents", "delay_slots"])
def test_every_kind_of_limit_grows(resource: str) -> None:
    network = chain((6, 6, 2), same_conv(2, 4), same_conv(4, 8), Dense(np.zeros((288, 3), np.int8)), skip=True)
    tight = {"input_axons": 450, "output_axons": 60, "thresholds": 1, "exponents": 1, "delay_slots": 50}[resource]
    chip = chip_with(population_atoms=None, memory_bits=None, compartments=64, **{resource: tight}, **SMALL_MESH)
    plans = Plans()
    base = plans.planned(network, chip, SynapseModel.STRICT)
    growing = Growing(network, chip, SynapseModel.STRICT, resource, base, plans)
    cores = [number or 0 for number in growing.fewest(growing.bound(unlimited(network, chip, resource)))]
    assert all(more >= fewer for more, fewer in pairwise(cores)) and cores[0] <= base.cores
    assert (cores[-1] < cores[0]) == (resource in {"input_axons", "output_axons", "delay_slots"}), cores


def test_on_one_chip_no_growth_saves_one() -> None:
    limits = sweep(_network(), bits=()).sensitivity
    assert limits is not None and limits.chips == 1 and limits.goal_cores is None
    assert all(growth.at_least_percent is growth.percent is None for growth in limits.limits)


@settings(max_examples=3)
@given(graphs())
def test_other_widths_take_what_networks_quantised_so_take(graph: Graph) -> None:
    """With the float network at hand, each row is of the integers that quantisation makes at this width."""
    snn, _ = converted(graph)
    network = ecc_lava.quantise(snn, format="loihi2", bits=8)
    found = sweep(network, snn=snn, bits=(5, 2))
    assert not found.is_from_integers
    for row in found.rows:
        if row.is_own or row.signed or row.reason is not None:
            continue
        if row.chip == "loihi2":
            real = ecc_lava.quantise(snn, format="loihi2", bits=max(row.bits))
            assert row.cores == len(map_network(real, LOIHI2, synapse_model=row.synapse_model, placer="row-major").cores)
    bare = requantised(network, bits=5)
    real = ecc_lava.quantise(snn, format="loihi2", bits=5)
    assert [q.bits for q in bare.projections] == [q.bits for q in real.projections]
    assert lower_bound_cores(bare, SMALL) == lower_bound_cores(real, SMALL)


def test_bad_widths_and_models() -> None:
    for bits in ((1,), (9,), (4.0,), (True,)):
        wrong: Any = bits
        with pytest.raises(InvalidInput, match="a sweep takes whole numbers from 2 to 8"):
            sweep(_network(), bits=wrong)
    with pytest.raises(InvalidInput, match="synapse model 'none' is not known"):
        sweep(_network(), synapse_model="none")


def test_the_mapper_is_not_asked_twice(monkeypatch: pytest.MonkeyPatch) -> None:
    """Chips of equal cores share plans, whatever their boards and costs; a smaller board still refuses what it cannot hold."""
    plans, network = Plans(), _network()
    first = plans.planned(network, SMALL, SynapseModel.STRICT)
    monkeypatch.setattr("hw_mappings.sweeps.planning.plan_network", None)
    larger: dict[str, Any] = {"cores": Figure(8, False, "a test"), "mesh_rows": Figure(4, False, "a test")}
    assert plans.planned(network, replace(SMALL, name="larger", **larger), SynapseModel.STRICT) is first
    monkeypatch.undo()
    with pytest.raises(DoesNotFit, match="too many"):
        plans.planned(network, chip_with(**{**SMALL_MESH, "compartments": 256, "memory_bits": 20_000, "chips": 1}), SynapseModel.STRICT)


def test_the_bisection_finds_the_least_growth(monkeypatch: pytest.MonkeyPatch) -> None:
    """Wherever the mapper begins to succeed, the growth found is that one."""
    growing = Growing(_network(), SMALL, SynapseModel.STRICT, "memory_bits", None, Plans())
    for least in (1, 7, 25, 26, 60, 101, 350):
        for begins in (least, least + 1, least + 13, 400):
            monkeypatch.setattr(Growing, "saves", lambda self, percent, goal, begins=begins: percent >= begins)
            assert growing.least_by_mapper(4, least, 10**9) == max(begins, least)
    monkeypatch.setattr(Growing, "saves", lambda *_: False)
    assert growing.least_by_mapper(4, 1, 100_000) is None


def test_pictures(swept: Sweep) -> None:
    assert draw(swept, "net.h5").startswith(b"\x89PNG")
    limits = swept.sensitivity
    assert limits is not None
    none = LimitGrowth("memory_bits", 1, None, (None,) * 5, (None,) * 5, 3)
    empty = Sweep((replace(swept.rows[0], cores=None, lower_bound_cores=None),), replace(limits, limits=(none,)), True)
    for odd, format in zip((empty, replace(empty, sensitivity=None)), ("svg", "pdf"), strict=True):
        assert draw(odd, "net.h5", format).startswith({"svg": b"<?xml", "pdf": b"%PDF"}[format])
