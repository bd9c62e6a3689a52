"""What an image costs, by hand."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

import ecc_lava
from ecc_lava.analysis.energy import CORE_ENERGIES, FLOAT32_MAC_PJ, INT8_MAC_PJ, costs
from ecc_lava.common import Payload
from ecc_lava.formats.table import FORMATS
from ecc_lava.geometry import Conv, Dense
from ecc_lava.graph.graph import Graph
from ecc_lava.graph.nodes import Input, Linear, Relu, Reshape
from ecc_lava.inputs import InputCoding
from ecc_lava.networks import QuantisedNetwork, QuantisedPopulation, QuantisedProjection
from ecc_lava.networks.wiring import Kind
from tests.helpers.networks import random_network, recoded


def _two_neurons(coding: str, format: str = "loihi1") -> QuantisedNetwork:
    """Return an input of one value -> two neurons that each fire when it does -> a readout of three."""
    zero = np.zeros((1, 1, 1), np.int32)
    populations = (
        QuantisedPopulation("input", (1, 1, 1), Kind.INPUT, 0, zero, zero, zero),
        QuantisedPopulation("p", (1, 1, 2), Kind.IF, 1, zero, zero + 64, zero),
        QuantisedPopulation("out", (1, 1, 3), Kind.READOUT, 2, zero, zero, zero),
    )
    projections = (
        QuantisedProjection("input", "p", 0, -6, Dense(np.full((1, 2), 32, np.int8))),
        QuantisedProjection("p", "out", 0, -6, Dense(np.full((2, 3), 1, np.int8))),
    )
    return QuantisedNetwork(populations, projections, FORMATS[format], 8, (InputCoding(coding),), 10, (1.0,))


def test_the_energy_of_an_image_by_hand() -> None:
    result = ecc_lava.simulate(_two_neurons("rate"), np.array([255.0, 0.0]).reshape(2, 1, 1, 1))
    assert result.synops.tolist() == [10 * 2 + 2 * 10 * 3, 0]  # ten spikes to two neurons, which fire at each to three
    found = costs(result, _two_neurons("rate"))
    assert found.synops == 40.0
    assert found.updates == 5 * 10
    assert found.energy_low_uj == pytest.approx((40 * 23.6 + 50 * 2 * 52.0) * 1e-6)
    assert found.energy_high_uj == pytest.approx((40 * 23.6 + 50 * 2 * 81.0) * 1e-6)
    synops, updates = found.account.charges
    assert (synops.amount, synops.low_pj, synops.high_pj) == pytest.approx((40.0, 23.6, 23.6))
    assert (updates.amount, updates.low_pj, updates.high_pj) == pytest.approx((50 * 2, 52.0, 81.0))
    shown = found.account.as_dict()
    for end, price in enumerate(("low_pj", "high_pj")):
        total = sum(charge["amount"] * charge[price] * 1e-6 for charge in shown["charges"])
        assert total == pytest.approx((found.energy_low_uj, found.energy_high_uj)[end]) == (shown["low_uj"], shown["high_uj"])[end]
    left_out = " ".join(shown["left_out"])
    assert all(word in left_out for word in ("static power", "hops", "resets", "neurons of a rate code")) and shown["why_none"] is None
    assert found.ann_macs is found.ann_float32_uj is found.ann_int8_uj is None


def test_updates_are_of_the_steps_that_ran() -> None:
    network = _two_neurons("rate")
    assert costs(ecc_lava.simulate(network, np.ones((1, 1, 1, 1)), timesteps=3), network).updates == 15


def test_chips_without_published_energies_have_none() -> None:
    network = _two_neurons("graded", "loihi2")
    found = costs(ecc_lava.simulate(network, np.ones((1, 1, 1, 1))), network)
    assert found.energy_low_uj is found.energy_high_uj is None
    assert found.input_macs == 20.0
    why = found.account.why_none or ""
    assert "no energies are published for loihi2" in why and "input MACs are multiplications" in why
    assert found.account.as_dict()["charges"] == [] and found.account.as_dict()["why_none"] == why
    network = _two_neurons("rate", "loihi2")
    assert costs(ecc_lava.simulate(network, np.ones((1, 1, 1, 1))), network).account.why_none == "no energies are published for loihi2"
    assert set(CORE_ENERGIES) == {"loihi1"}


def test_spikes_with_a_payload_are_multiplications_without_a_price(monkeypatch: pytest.MonkeyPatch) -> None:
    network = _two_neurons("rate", "loihi2")
    monkeypatch.setitem(CORE_ENERGIES, "loihi2", CORE_ENERGIES["loihi1"])
    x = np.full((1, 1, 1, 1), 255.0)
    binary = costs(ecc_lava.simulate(network, x), network)
    assert (binary.synops, binary.graded_synops, binary.payload_bits) == (20 + 30, 0, 10 + 10)  # each fires at every second step
    assert binary.energy_low_uj is not None
    graded = tuple(replace(p, payload=Payload(3, True), vth=p.vth // 4) if p.name == "p" else p for p in network.populations)
    network = replace(network, populations=graded)
    found = costs(ecc_lava.simulate(network, x), network)
    assert (found.synops, found.graded_synops, found.payload_bits) == (20, 60, 10 + 20 * 4)
    assert found.energy_low_uj is found.energy_high_uj is None
    assert {"graded_synops_per_image": 60, "payload_bits_per_image": 90}.items() <= found.as_dict().items()


def test_the_cnn_beside_it() -> None:
    kernel, dense = np.ones((3, 3, 2, 4)), np.ones((4 * 4 * 4, 5))
    graph = Graph(
        (
            Input("x", (4, 4, 2)),
            Linear("conv", "x", Conv(kernel, padding=(1, 1, 1, 1)), np.zeros(4)),
            Relu("a", "conv"),
            Reshape("flat", "a", (1, 1, 64)),
            Linear("dense", "flat", Dense(dense), np.zeros(5)),
        )
    )
    network = _two_neurons("rate")
    found = costs(ecc_lava.simulate(network, np.ones((1, 1, 1, 1))), network, graph)
    macs = 10 * 10 * 2 * 4 + 64 * 5  # 3 taps inside at 2 rows, 2 at the other 2: 10 of 12 along an axis
    assert found.ann_macs == macs
    assert found.ann_float32_uj == pytest.approx(macs * 4.6e-6)
    assert found.ann_int8_uj == pytest.approx(macs * 0.23e-6)
    assert (FLOAT32_MAC_PJ, INT8_MAC_PJ) == (4.6, 0.23)
    assert set(found.as_dict()) >= {"synops_per_image", "updates_per_image", "ann_macs_per_image", "energy_low_uj_per_image"}


def test_every_back_end_costs_the_same() -> None:
    network = recoded(random_network(3), "rate")
    x = np.random.default_rng(0).integers(0, 256, (2, *network.input.shape)).astype(float)
    found = [costs(ecc_lava.simulate(network, x, backend=b), network) for b in ("fast", "golden")]
    assert found[0] == found[1]
