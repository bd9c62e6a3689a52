"""What an image costs on a mapping: events against a simulation, prices by hand."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from ecc_lava.backends.activity import Recording
from ecc_lava.backends.collecting import as_result
from ecc_lava.backends.result import Result
from ecc_lava.backends.simulate import simulate
from ecc_lava.backends.stepwise import golden
from ecc_lava.common import Payload
from ecc_lava.geometry import Dense, fan_out
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
from tests.helpers.networks import chain, random_images, random_network, recoded, same_conv, with_payloads


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


@pytest.mark.parametrize("seed", range(3))
def test_events_of_payloads_are_counted_apart(seed: int) -> None:
    """By the number of spikes, not by the sum of what they carry."""
    network = with_payloads(random_network(seed), seed, 4, True)
    activity = simulate(network, random_images(network, 3), backend="golden", record=tuple(network.by_name))
    assert any(activity.counts[name].sum() > activity.messages(name).sum() > 0 for name in activity.sent)
    mapping = map_network(network, PRICED, activity)
    on_cores = deployed(mapping, network, activity)
    found = events(on_cores)
    by_source = {p.source: float(activity.spike_counts[p.source].mean()) / network.by_name[p.source].neurons for p in network.projections}
    passed = dict.fromkeys((True, False), 0.0)
    for p in network.projections:
        passed[p.source == "input"] += by_source[p.source] * fan_out(p.geometry, network.by_name[p.source].shape).sum()
    assert found.input_macs == pytest.approx(passed[True])
    assert found.graded_synops == pytest.approx(passed[False])
    assert found.synops.sum() == pytest.approx(found.input_macs + found.graded_synops)
    assert found.payload_bits == pytest.approx(5 * found.messages.sum())
    cost = estimate(found, PRICED)
    assert cost.events["synops"] == pytest.approx(0, abs=1e-6) and cost.events["graded_synops"] == found.graded_synops > 0
    assert cost.events["payload_bits"] == found.payload_bits
    assert [cost.total_uj, cost.image_us, cost.energy_uj] == [None] * 3 and cost.sensitivity == ()


def test_events_of_an_input_with_a_payload_are_graded_synops() -> None:
    network = recoded(random_network(1), "events")
    populations = tuple(replace(p, payload=Payload(3)) if p.name == "input" else p for p in network.populations)
    network = replace(network, populations=populations)
    sent = np.random.default_rng(0).integers(0, 8, (2, 6, *network.input.shape)).astype(np.uint8)
    done = golden(network, {"input": sent}, 6, Recording())
    activity = as_result(network, done, "golden", 6, ["input"])
    found = events(deployed(map_network(network, TINY, activity), network, activity))
    fan = sum(fan_out(p.geometry, network.input.shape).sum() for p in network.projections if p.source == "input")
    assert found.input_macs == 0
    assert found.graded_synops == pytest.approx(np.count_nonzero(sent) / 2 / network.input.neurons * fan)


def test_traffic_counts_spikes_whether_or_not_they_were_recorded_by_neuron() -> None:
    network = with_payloads(chain((6, 6, 2), same_conv(2, 4), Dense(np.zeros((144, 3), np.int8))), 0, 6, False)
    network = replace(network, populations=tuple(replace(p, bias=p.bias + 20 * (p.name == "p0")) for p in network.populations))
    images = random_images(network, 2)
    mapping = map_network(network, chip_with(compartments=36))
    found = []
    for record in ((), tuple(network.by_name)):
        activity = simulate(network, images, backend="golden", record=record)
        found.append(deployed(mapping, network, activity).traffic)
    assert activity.counts["p0"].min() == 20 * network.timesteps and (activity.messages("p0") == network.timesteps).all()
    for traffic in found:
        assert traffic.messages.sum() == pytest.approx(network.timesteps * sum(core.usage["output_axons"] for core in mapping.cores))
        assert traffic.payload_bits == pytest.approx(6 * traffic.messages.sum())


def test_binary_messages_have_one_bit() -> None:
    network, mapping, activity = _mapped(PRICED)
    cost = estimate(events(deployed(mapping, network, activity)), PRICED)
    assert cost.events["payload_bits"] == pytest.approx(cost.events["messages"]) and cost.events["graded_synops"] == 0


def test_routes_go_along_the_row_and_then_along_the_column() -> None:
    addresses = [Address(0, 0), Address(0, 2), Address(0, 17), Address(1, 16)]
    assert board_positions(addresses, LOIHI2).tolist() == [[0, 0], [2, 0], [1, 1], [16, 1]]
    traffic = Traffic(np.array([0, 0, 3, 2]), np.array([1, 2, 2, 2]), np.array([3.0, 4.0, 1.0, 9.0]))
    found = routes(loads(traffic, addresses, LOIHI2))
    assert (found.horizontal, found.vertical) == (2 * 3 + 1 * 4 + 15 * 1, 4)
    assert found.busiest == ((0, 0), (1, 0)) and found.busiest_messages == 7
