"""Signs of sums of the input: weights that are rounded together move few of them, and all layers after them are exact."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import ecc_lava
from ecc_lava.conversion.calibration.step_rounding import StepRounding
from ecc_lava.conversion.recipes import RECIPES
from ecc_lava.geometry import Conv, Dense
from ecc_lava.graph.evaluate import forward
from ecc_lava.graph.graph import Graph
from ecc_lava.graph.nodes import Input, Linear, Node, Reshape, Scale, Step
from ecc_lava.networks import QuantisedNetwork, SpikingNetwork
from ecc_lava.networks.rates import rate_forward

_BITS = {"default": 8, "s": 16}


def _images(rng: np.random.Generator, number: int) -> Any:
    """Return images whose neighbouring pixels are alike, as those of cameras are."""
    coarse = rng.integers(0, 256, (number, 4, 4, 3)).astype(np.float64).repeat(3, axis=1).repeat(3, axis=2)
    return np.clip(coarse + rng.normal(0, 8, coarse.shape), 0, 255).astype(np.uint8)


def _signs_of_sums(seed: int) -> Graph:
    rng = np.random.default_rng(seed)
    nodes: list[Node] = [
        Input("x", (12, 12, 3)),
        Linear("c", "x", Conv(rng.normal(size=(3, 3, 3, 8)).astype(np.float32), padding=(1, 1, 1, 1)), rng.normal(size=8)),
        Scale("b", "c", rng.choice([-1.0, 1.0], 8) * rng.uniform(0.5, 2, 8), rng.normal(size=8)),
        Step("s", "b"),
        Linear("c2", "s", Conv(rng.choice([-1.0, 1.0], (3, 3, 8, 4)), strides=(2, 2)), rng.normal(size=4)),
        Step("s2", "c2"),
        Reshape("f", "s2", (1, 1, 100)),
        Linear("out", "f", Dense(rng.normal(size=(100, 3)).astype(np.float32)), rng.normal(size=3)),
    ]
    return Graph(tuple(nodes))


def _moved(network: QuantisedNetwork, snn: SpikingNetwork, x: Any) -> tuple[int, int]:
    """Return how many signs of the first layer rounding moves, and how many of the second layer, given those of the first."""
    ours = ecc_lava.simulate(network, x, record=["s", "s2"]).counts
    signs = ecc_lava.simulate(snn.ideal or snn, x, backend="float", record=["s"]).counts
    second = snn.by_name["s2"]
    sums = _sums(snn, ours["s"])
    return int((ours["s"] != signs["s"]).sum()), int((ours["s2"] != (sums >= second.vth)).sum())


def _sums(snn: SpikingNetwork, spikes: Any) -> Any:
    """Return the sums of the second layer in real units, of spikes of the first."""
    (projection,) = snn.into("s2")
    kernel, stride = projection.geometry.kernel, 2
    rows = range(0, 9 + 1, stride)
    windows = np.stack([spikes[:, y : y + 3, x : x + 3].reshape(len(spikes), -1) for y in rows for x in rows], axis=1)
    sums = windows @ kernel.reshape(-1, kernel.shape[-1]) + snn.by_name["s2"].bias.reshape(1, 1, -1)
    return sums.reshape(len(spikes), 5, 5, -1)


@pytest.mark.parametrize("bits", [8, _BITS], ids=["8", "16"])
def test_half_as_many_signs_move_and_no_layer_after_them_adds_to_it(bits: Any) -> None:
    moved = {"channel": 0, "best": 0}
    for seed in range(3):
        graph, rng = _signs_of_sums(seed), np.random.default_rng(seed)
        calibration, x = _images(rng, 64), _images(rng, 200)
        for recipe in moved:
            snn = ecc_lava.convert(graph, calibration=calibration, timesteps=1, bits=bits, recipe=recipe)
            np.testing.assert_allclose(rate_forward(snn, x), forward(graph, x), rtol=1e-9, atol=1e-9)
            here, after = _moved(ecc_lava.quantise(snn, bits=bits), snn, x)
            moved[recipe] += here
            assert after == 0
    assert 0 < 2 * moved["best"] < moved["channel"], moved


def test_integers_are_alike_in_both_engines_and_weights_that_the_model_has_rounded_stay() -> None:
    graph, rng = _signs_of_sums(0), np.random.default_rng(0)
    x = _images(rng, 20)
    snn = ecc_lava.convert(graph, calibration=x, timesteps=1, bits=8)
    network = ecc_lava.quantise(snn, bits=8)
    assert "StepRounding" in " ".join(snn.trace) and snn.into("s")[0].grid is not None
    fast, golden = (ecc_lava.simulate(network, x, backend=name, record=["s", "s2"]) for name in ("fast", "golden"))
    np.testing.assert_array_equal(np.asarray(fast.readout), np.asarray(golden.readout))
    again = StepRounding(format="loihi2", bits=8)(snn, {"x": x / 255.0})
    assert all(p.geometry is q.geometry for p, q in zip(again.projections, snn.projections, strict=True))


def test_a_network_without_signs_of_the_input_stays_itself() -> None:
    nodes = Reshape("f", "x", (1, 1, 432)), Linear("out", "f", Dense(np.ones((432, 2))), np.zeros(2))
    graph = Graph((Input("x", (12, 12, 3)), *nodes))
    snn = ecc_lava.convert(graph, calibration=_images(np.random.default_rng(0), 4), timesteps=1, recipe=RECIPES["channel"])
    assert StepRounding(format="loihi2", bits=8)(snn, {}) is snn
