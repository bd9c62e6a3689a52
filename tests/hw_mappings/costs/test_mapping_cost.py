"""What an image costs on a mapping: events against a simulation, prices by hand."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from ecc_lava.backends.result import Result
from ecc_lava.backends.simulate import simulate
from ecc_lava.geometry import fan_out
from ecc_lava.networks import QuantisedNetwork
from hw_mappings import LOIHI1, LOIHI2, Mapping, map_network
from hw_mappings.chips import COSTS, Address, ChipSpec, Figure
from hw_mappings.chips.mesh import board_positions
from hw_mappings.costs.cost import core_energies_uj, core_step_us, estimate
from hw_mappings.costs.events import events
from hw_mappings.mapping.deployed import deployed
from hw_mappings.placement import Traffic
from hw_mappings.placement.links import loads, routes
from tests.helpers.chips import TINY, chip_with
from tests.helpers.networks import random_images, random_network


def _mapped(chip: ChipSpec, seed: int = 1) -> tuple[QuantisedNetwork, Mapping, Result]:
    network = random_network(seed)
    activity = simulate(network, random_images(network, 3), backend="golden", record=tuple(p.name for p in network.populations))
    return network, map_network(network, chip, activity), activity


COST_FIGURES: dict[str, Any] = {name: Figure(getattr(LOIHI1, name).value, name == "synop_fj", "a test") for name in COSTS}
PRICED = replace(TINY, **COST_FIGURES)


@pytest.mark.parametrize("seed", range(4))
def test_events_of_a_random_network(seed: int) -> None:
    network, mapping, activity = _mapped(PRICED, seed)
    found = events(deployed(mapping, network, activity))
    shapes = {p.name: p.shape for p in network.populations}
    expected = sum(
        float(activity.spike_counts[p.source].mean()) / np.prod(shapes[p.source]) * fan_out(p.geometry, shapes[p.source]).sum()
        for p in network.projections
    )
    assert found.synops.sum() == pytest.approx(expected)
    neurons = sum(p.neurons for p in network.populations if p.name != "input")
    assert found.updates.sum() == neurons * network.timesteps
    assert (found.resets, found.outputs) == (neurons, network.readout.neurons)
    assert found.timesteps + found.depth == activity.latency_steps


def test_prices_by_hand() -> None:
    network, mapping, activity = _mapped(PRICED)
    found = events(deployed(mapping, network, activity))
    cost = estimate(found, PRICED)
    assert cost.energy_uj is not None and cost.step_us is not None and cost.total_uj is not None and cost.image_us is not None
    assert cost.energy_uj["synops"] == pytest.approx(found.synops.sum() * 23.6e-6)
    work = (found.synops * 3.5e-3 + found.updates * 8.4e-3) / network.timesteps
    assert cost.bottleneck_us == pytest.approx(work.max()) and cost.bottleneck_core == work.argmax()
    assert cost.step_us > work.max() + 0.113
    assert cost.image_us == pytest.approx(network.timesteps * cost.step_us + (found.resets + found.outputs) * 0.1)
    assert cost.latency_steps == activity.latency_steps
    of_cores, work_of_cores = core_energies_uj(found, PRICED), core_step_us(found, PRICED)
    assert of_cores is not None and {part: pytest.approx(energy.sum()) for part, energy in of_cores.items()} == {
        part: energy for part, energy in cost.energy_uj.items() if part != "static"
    }
    assert (found.hops.sum(axis=0) == pytest.approx((found.routes.horizontal, found.routes.vertical))) and work_of_cores is not None
    assert work_of_cores[cost.bottleneck_core] == cost.bottleneck_us
    assert cost.energy_uj["static"] == pytest.approx(0.029 * mapping.chips * cost.image_us)
    assert {s.figure for s in cost.sensitivity} == set(COSTS) - {"synop_fj"}
    static = next(s for s in cost.sensitivity if s.figure == "static_uw")
    assert static.energy == pytest.approx(1 + cost.energy_uj["static"] / cost.total_uj) and static.time == 1


def test_nothing_is_invented_for_a_chip_without_figures() -> None:
    network, mapping, activity = _mapped(chip_with(compartments=24))
    found = events(deployed(mapping, network, activity))
    cost = estimate(found, LOIHI2)
    assert [cost.energy_uj, cost.total_uj, cost.image_us, cost.images_per_second, cost.limited_by] == [None] * 5
    assert core_energies_uj(events(deployed(mapping, network, activity)), LOIHI2) is None
    assert core_step_us(events(deployed(mapping, network, activity)), LOIHI2) is None
    assert cost.events["updates"] > 0 and cost.sensitivity == ()


def test_routes_go_along_the_row_and_then_along_the_column() -> None:
    addresses = [Address(0, 0), Address(0, 2), Address(0, 17), Address(1, 16)]
    assert board_positions(addresses, LOIHI2).tolist() == [[0, 0], [2, 0], [1, 1], [16, 1]]
    traffic = Traffic(np.array([0, 0, 3, 2]), np.array([1, 2, 2, 2]), np.array([3.0, 4.0, 1.0, 9.0]))
    found = routes(loads(traffic, addresses, LOIHI2))
    assert (found.horizontal, found.vertical) == (2 * 3 + 1 * 4 + 15 * 1, 4)
    assert found.busiest == ((0, 0), (1, 0)) and found.busiest_messages == 7
