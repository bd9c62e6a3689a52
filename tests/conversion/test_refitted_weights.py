"""Weights that are refitted together: those into one population that write to the same channels, and those that an average made equal."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import ecc_lava
from ecc_lava.analysis.differences import compare
from ecc_lava.conversion.calibration import regression
from ecc_lava.conversion.calibration.layerwise import LayerwiseCalibration
from ecc_lava.conversion.calibration.presynaptic import PresynapticInput
from ecc_lava.conversion.calibration.weight_sharing import Sharing
from ecc_lava.conversion.calibration.weights import written_together
from ecc_lava.conversion.convert import convert
from ecc_lava.conversion.recipes import RECIPES
from ecc_lava.geometry import Conv, Dense
from ecc_lava.graph.graph import Graph
from ecc_lava.graph.nodes import Add, Input, Linear, Node, Relu, Reshape, Softmax
from ecc_lava.networks.spiking import Projection
from tests.helpers.cnns import samples


def _conv(total: int, first: int, channels: int) -> Projection:
    return Projection("a", "b", Conv(np.ones((1, 1, 2, channels)), writes=(first, total)))


def test_channels_are_taken_together_by_what_writes_to_them() -> None:
    projections = [_conv(6, 0, 4), _conv(6, 2, 3), Projection("a", "b", Dense(np.ones((2, 6))))]
    found = {tuple(places): channels.tolist() for channels, places in written_together(projections, [0, 1, 2], 6)}
    assert found == {(0, 2): [0, 1], (0, 1, 2): [2, 3], (1, 2): [4], (2,): [5]}
    assert [c.tolist() for c, _ in written_together(projections, [0], 6)] == [[0, 1, 2, 3]]


@pytest.mark.parametrize("spikes", [{"timesteps": 6}, {"payload_bits": 3}, {"payload_bits": 2, "timesteps": 3, "signed_spikes": True}])
def test_a_concatenation_of_linear_branches_is_calibrated(spikes: dict[str, Any]) -> None:
    rng = np.random.default_rng(5)

    def conv(name: str, source: str, size: int, inputs: int, outputs: int, writes: tuple[int, int] | None = None) -> Linear:
        geometry = Conv(rng.normal(0, 0.5, (size, size, inputs, outputs)), padding=(size // 2,) * 4, writes=writes)
        return Linear(name, source, geometry, rng.normal(0, 0.1, writes[1] if writes else outputs))

    graph = Graph(
        (
            Input("x", (6, 6, 2)),
            conv("first", "x", 3, 2, 24),
            Relu("relu", "first"),
            conv("left", "relu", 1, 24, 5, (0, 12)),
            conv("right", "relu", 3, 24, 7, (5, 12)),
            Add("both", ("left", "right")),
            conv("wide", "both", 3, 12, 40),  # costs more than a relay of 12 channels
            Relu("relu2", "wide"),
            Linear("dense", "relu2", Dense(rng.normal(0, 0.1, (1440, 4))), np.zeros(4)),
            Softmax("softmax", "dense"),
        )
    )
    x = rng.random((40, 6, 6, 2))
    network = ecc_lava.quantise(ecc_lava.convert(graph, calibration=x, **spikes))
    assert {p.geometry.writes for p in network.projections if isinstance(p.geometry, Conv)} > {None}, "no relay of the concatenation"
    assert compare(network, x[:4], "golden").equal
    agreement = (ecc_lava.simulate(network, x).predictions == ecc_lava.forward(graph, x).argmax(axis=1)).mean()
    assert agreement >= 0.9


def test_a_population_answers_again_unless_rates_are_fine(monkeypatch: pytest.MonkeyPatch) -> None:
    rng = np.random.default_rng(6)
    graph = Graph(
        (
            Input("x", (6, 6, 2)),
            Linear("conv", "x", Conv(rng.normal(0, 0.5, (3, 3, 2, 8))), rng.normal(0, 0.1, 8)),
            Relu("relu", "conv"),
            Linear("dense", "relu", Dense(rng.normal(0, 0.1, (128, 4))), np.zeros(4)),
            Softmax("softmax", "dense"),
        )
    )
    x, answered, answer = rng.random((40, 6, 6, 2)), [], PresynapticInput.answer

    def counted(*given: Any) -> Any:
        answered.append(given[2])
        return answer(*given)

    monkeypatch.setattr(PresynapticInput, "answer", counted)

    def answers(most: int, **options: Any) -> int:
        answered.clear()
        recipe = [LayerwiseCalibration(answers=most) if isinstance(step, LayerwiseCalibration) else step for step in RECIPES["best"]]
        ecc_lava.convert(graph, calibration=x, recipe=tuple(recipe), **options)
        return answered.count("relu")

    assert answers(0, timesteps=8) < answers(2, timesteps=8)
    assert answers(0, payload_bits=8) == answers(2, payload_bits=8)


def test_many_inputs_are_refitted_through_few_and_give_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    rng = np.random.default_rng(2)
    rates = np.maximum(rng.normal(size=(60, 90)), 0).astype(np.float32)
    missing = (rates @ rng.normal(size=(90, 4)) + 0.1 * rng.normal(size=(60, 4))).astype(np.float32)

    def found() -> list[Any]:
        fitted = regression.Regression(rates.copy())
        correction = fitted.correction(missing)
        assert correction is not None
        return [*correction, fitted.step(missing)]

    whole = found()
    monkeypatch.setattr(regression, "WIDER", 1)
    for one, other in zip(whole, found(), strict=True):
        np.testing.assert_allclose(other, one, rtol=0, atol=1e-4 * np.abs(one).max())


@pytest.mark.parametrize("repeats", [1, 4])
def test_shared_weights_are_an_orthonormal_part_of_all(repeats: int) -> None:
    rng = np.random.default_rng(1)
    kernel = np.repeat(rng.normal(size=(3, 2, 5)), repeats, axis=0).reshape(-1, 5)
    sharing = Sharing.of(kernel, channels=2)
    assert sharing.basis.shape == (3 * repeats, 3)
    assert np.allclose(sharing.basis.T @ sharing.basis, np.eye(3))
    ideal_rates, weights = rng.normal(size=(7, 6 * repeats)), rng.normal(size=(6, 5))
    assert np.allclose(sharing.reduced(ideal_rates) @ weights, ideal_rates @ sharing.expanded(weights))
    assert np.allclose(sharing.expanded(np.linalg.lstsq(sharing.reduced(np.eye(6 * repeats)), kernel, rcond=None)[0]), kernel)


def test_weights_that_an_average_made_equal_stay_equal_when_refitted() -> None:
    rng = np.random.default_rng(2)
    nodes: list[Node] = [
        Input("input", (4, 4, 2)),
        Linear("c", "input", Conv(rng.normal(size=(3, 3, 2, 6)), padding=(1, 1, 1, 1)), rng.normal(size=6)),
        Relu("r", "c"),
        Reshape("f", "r", (1, 1, 96)),
        Linear("out", "f", Dense(np.tile(rng.normal(size=(6, 3)) / 16, (16, 1))), rng.normal(size=3)),
    ]
    graph = Graph(tuple(nodes))
    plain, fitted = (convert(graph, calibration=samples(graph, 64), timesteps=4, recipe=r) for r in ("channel", "best"))
    before, after = (network.projections[-1].geometry.kernel.reshape(16, -1) for network in (plain, fitted))
    assert not np.allclose(before, after, rtol=1e-3)
    assert np.allclose(after, after[:1], rtol=1e-9)
