"""What an image costs on a mapping: events against a simulation, prices by hand."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from ecc_lava.analysis import costs, image_events
from ecc_lava.backends.activity import Recording
from ecc_lava.backends.collecting import as_result
from ecc_lava.backends.result import Result
from ecc_lava.backends.simulate import simulate
from ecc_lava.backends.stepwise import golden
from ecc_lava.common import Payload
from ecc_lava.errors import InvalidInput
from ecc_lava.geometry import Dense, fan_out
from ecc_lava.networks import QuantisedNetwork
from hw_mappings import LOIHI1, LOIHI2, Mapping, map_network
from hw_mappings.chips import COSTS, Address, ChipSpec, Figure
from hw_mappings.chips.mesh import board_positions
from hw_mappings.costs.cost import core_step_us, estimate
from hw_mappings.costs.energy import core_energies_uj
from hw_mappings.costs.events import events
from hw_mappings.mapping.deployed import deployed
from hw_mappings.placement import Traffic
from hw_mappings.placement.links import loads, routes
from tests.helpers.chips import TINY, chip_with
from tests.helpers.networks import chain, random_images, random_network, recoded, same_conv, with_payloads


def _mapped(chip: ChipSpec, seed: int = 1) -> tuple[QuantisedNetwork, Mapping, Result]:
    network = recoded(random_network(seed), "rate")  # graded input would be multiplications, which have no price
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
        float((activity.messages(p.source) * fan_out(p.geometry, shapes[p.source])).sum()) / len(activity.synops)
        for p in network.projections
    )
    assert found.synops.sum() == pytest.approx(expected, rel=1e-12)
    assert found.network == image_events(activity, network) and found.network.synops == pytest.approx(expected, rel=1e-12)
    assert (found.repeater_synops, found.repeater_updates) == (0, 0)
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


@pytest.mark.parametrize("delays", [62, 1, 0])
def test_the_account_multiplies_out_and_the_network_has_the_events_of_any_run(delays: int) -> None:
    """A skip over three layers needs repeaters, whose events are counted apart."""
    network = recoded(random_network(54, layers=5, timesteps=8), "rate")
    chip = replace(PRICED, delay_max=Figure(delays, False, "a test"), compartments_per_neuron=Figure(2, False, "a test"))
    activity = simulate(network, random_images(network, 3), record=tuple(network.by_name))
    found = events(deployed(map_network(network, chip, activity), network, activity))
    cost, run = estimate(found, chip), costs(activity, network)
    own = {
        name: run.as_dict()[f"{name}_per_image"] for name in ("spikes", "synops", "input_macs", "graded_synops", "payload_bits", "updates")
    }
    assert own.items() <= cost.events.items()
    assert (found.repeater_updates > 0) == (found.repeater_synops > 0) == (delays < 62)
    assert found.synops.sum() == pytest.approx(found.network.synops + found.repeater_synops, rel=1e-12)
    assert found.updates.sum() == 2 * (found.network.updates + found.repeater_updates)
    shown = cost.as_dict()["account"]
    for end, price in enumerate(("low_pj", "high_pj")):
        total = sum(charge["amount"] * charge[price] * 1e-6 for charge in shown["charges"])
        assert total == pytest.approx((cost.least_uj, cost.total_uj)[end]) == (shown["low_uj"], shown["high_uj"])[end]
    prices = {charge["words"]: (charge["low_pj"], charge["high_pj"]) for charge in shown["charges"]}
    assert prices["synops"] == pytest.approx((23.6, 23.6)) and prices["updates of compartments, 2 a neuron"] == pytest.approx((52, 81))
    assert prices["static power, chip-microseconds"] == (29_000, 29_000) and ("synops of repeaters" in prices) == (delays < 62)
    assert "resets" in " ".join(shown["left_out"]) and "static" not in " ".join(shown["left_out"])


def test_events_need_the_spikes_of_every_neuron() -> None:
    network, mapping, _ = _mapped(PRICED)
    few = simulate(network, random_images(network, 3), record=["p0"])
    with pytest.raises(InvalidInput, match=r"lacks the counts of 'input'; simulate with record="):
        events(deployed(mapping, network, few))


def test_nothing_is_invented_for_a_chip_without_figures() -> None:
    network, mapping, activity = _mapped(chip_with(compartments=24))
    found = events(deployed(mapping, network, activity))
    cost = estimate(found, LOIHI2)
    assert [cost.energy_uj, cost.total_uj, cost.image_us, cost.images_per_second, cost.limited_by] == [None] * 5
    assert core_energies_uj(events(deployed(mapping, network, activity)), LOIHI2) is None
    assert core_step_us(events(deployed(mapping, network, activity)), LOIHI2) is None
    assert cost.events["updates"] > 0 and cost.sensitivity == ()
    assert cost.account.why_none == "loihi2 has no synop_fj nor 14 more figures: not published for this model"


@pytest.mark.parametrize("seed", range(3))
def test_events_of_payloads_are_counted_apart(seed: int) -> None:
    """By the number of spikes, not by the sum of what they carry."""
    network = with_payloads(random_network(seed), seed, 4, True)
    activity = simulate(network, random_images(network, 3), backend="golden", record=tuple(network.by_name))
    assert any(activity.counts[name].sum() > activity.messages(name).sum() > 0 for name in activity.sent)
    mapping = map_network(network, PRICED, activity)
    on_cores = deployed(mapping, network, activity)
    found = events(on_cores)
    passed = dict.fromkeys((True, False), 0.0)
    for p in network.projections:
        fan = fan_out(p.geometry, network.by_name[p.source].shape)
        passed[p.source == "input"] += float((activity.messages(p.source) * fan).sum()) / len(activity.synops)
    assert found.network.input_macs == pytest.approx(passed[True], rel=1e-12)
    assert found.network.graded_synops == pytest.approx(passed[False], rel=1e-12)
    assert found.synops.sum() == pytest.approx(passed[True] + passed[False], rel=1e-12)
    assert found.message_bits == pytest.approx(5 * found.messages.sum())
    cost = estimate(found, PRICED)
    assert cost.events["synops"] == 0 and cost.events["graded_synops"] == found.network.graded_synops > 0
    assert cost.events["message_bits"] == found.message_bits
    assert cost.events["payload_bits"] == found.network.payload_bits == activity.payload_bits.mean()
    assert [cost.total_uj, cost.image_us, cost.energy_uj] == [None] * 3 and cost.sensitivity == ()


def test_events_of_an_input_with_a_payload_are_graded_synops() -> None:
    network = recoded(random_network(1), "events")
    populations = tuple(replace(p, payload=Payload(3)) if p.name == "input" else p for p in network.populations)
    network = replace(network, populations=populations)
    sent = np.random.default_rng(0).integers(0, 8, (2, 6, *network.input.shape)).astype(np.uint8)
    done = golden(network, {"input": sent}, 6, Recording())
    activity = as_result(network, done, "golden", 6, list(network.by_name))
    found = events(deployed(map_network(network, TINY, activity), network, activity))
    fan = sum(fan_out(p.geometry, network.input.shape) for p in network.projections if p.source == "input")
    assert found.network.input_macs == 0
    assert found.network.graded_synops == (np.count_nonzero(sent, axis=1) * fan).sum() / 2


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
    assert cost.events["message_bits"] == pytest.approx(cost.events["messages"]) and cost.events["graded_synops"] == 0


def test_routes_go_along_the_row_and_then_along_the_column() -> None:
    addresses = [Address(0, 0), Address(0, 2), Address(0, 17), Address(1, 16)]
    assert board_positions(addresses, LOIHI2).tolist() == [[0, 0], [2, 0], [1, 1], [16, 1]]
    traffic = Traffic(np.array([0, 0, 3, 2]), np.array([1, 2, 2, 2]), np.array([3.0, 4.0, 1.0, 9.0]))
    found = routes(loads(traffic.one_by_one, addresses, LOIHI2), LOIHI2)
    assert (found.horizontal, found.vertical) == (2 * 3 + 1 * 4 + 15 * 1, 4)
    assert found.busiest == ((0, 0), (1, 0)) and found.busiest_messages == 7
