"""The closed form against the published formula, and against time."""

from __future__ import annotations

import numpy as np
import pytest

import ecc_lava
from ecc_lava.errors import InvalidInput
from ecc_lava.geometry import Dense
from ecc_lava.graph.evaluate import forward
from ecc_lava.inputs import InputCoding
from ecc_lava.networks.spiking import Population, Projection, SpikingNetwork
from ecc_lava.networks.wiring import Kind
from tests.helpers.cnns import small_graph


def _chain(weight: float, bias: float, v_init: float = 0.5, vth: float = 1.0) -> SpikingNetwork:
    """Return input -> one neuron -> readout of weight 1."""
    one, zero = np.ones((1, 1, 1)), np.zeros((1, 1, 1))
    populations = (
        Population("input", (1, 1, 1), Kind.INPUT, zero, one, zero, one),
        Population("r", (1, 1, 1), Kind.IF, bias * one, vth * one, v_init * one, one),
        Population("out", (1, 1, 1), Kind.READOUT, zero, one, zero, one),
    )
    projections = (Projection("input", "r", Dense(np.full((1, 1), weight))), Projection("r", "out", Dense(np.ones((1, 1)))))
    return SpikingNetwork(populations, projections, (InputCoding(),), 4)


@pytest.mark.parametrize(
    ("weight", "bias", "vth", "count"),
    [
        (0.25, 0.125, 1.0, 2),  # (0.25 + 0.125) * 4 = 1.5: a residual of exactly half counts as one more
        (0.25, 0.12, 1.0, 1),  # 1.48
        (0.25, -0.5, 1.0, 0),  # negative input: relu first
        (0.25, -0.2, 1.0, 0),  # 0.2: residual below half
        (3.0, 0.0, 1.0, 4),  # never more than T
        (0.25, 0.125, 0.5, 3),  # 1.5 / 0.5 = 3 exactly
        (0.3125, 0.0, 0.5, 3),  # 1.25 / 0.5 = 2.5: half again
    ],
)
def test_the_closed_form_is_the_published_formula(weight: float, bias: float, vth: float, count: int) -> None:
    network = _chain(weight, bias, v_init=0.5 * vth, vth=vth)
    result = ecc_lava.simulate(network, np.ones((1, 1, 1, 1)), backend="closed_form", record=["r"])
    assert result.counts["r"].item() == count
    assert result.logits.item() == pytest.approx(count / 4)
    assert result.readout is None


def test_the_closed_form_rectifies_before_the_initial_potential_is_added() -> None:
    result = ecc_lava.simulate(_chain(-0.5, 0.0, v_init=1.25), np.ones((1, 1, 1, 1)), backend="closed_form", record=["r"])
    assert result.counts["r"].item() == 1  # floor(relu(-2) + 1.25)


def test_without_residual_elimination_the_closed_form_rounds_down() -> None:
    result = ecc_lava.simulate(_chain(0.25, 0.12, v_init=0.0), np.ones((1, 1, 1, 1)), backend="closed_form", record=["r"])
    assert result.counts["r"].item() == 1
    assert ecc_lava.simulate(_chain(0.25, 0.24, 0.0), np.ones((1, 1, 1, 1)), backend="closed_form", record=["r"]).counts["r"].item() == 1


def test_a_closed_form_of_two_layers_by_hand() -> None:
    """T = 4, x = (2, 1): I = 4 * (2*0.25 - 0.125) = 1.5 -> 2 and 4 * (1*0.5) = 2 -> 2 spikes; readout 2*1 + 2*(-2) + 4*0.25 = -1."""
    one, zero = np.ones((1, 1, 1)), np.zeros((1, 1, 1))
    populations = (
        Population("input", (1, 1, 2), Kind.INPUT, zero, one, zero, one),
        Population("r", (1, 1, 2), Kind.IF, zero, one, 0.5 * one, one),
        Population("out", (1, 1, 1), Kind.READOUT, 0.25 * one, one, zero, 2 * one),
    )
    weights = np.array([[0.25, 0.0], [-0.125, 0.5]])
    projections = (Projection("input", "r", Dense(weights)), Projection("r", "out", Dense(np.array([[1.0], [-2.0]]))))
    result = ecc_lava.simulate(
        SpikingNetwork(populations, projections, (InputCoding(),), 4), np.array([[2.0, 1.0]]), backend="closed_form", record=["r"]
    )
    assert result.counts["r"].ravel().tolist() == [2, 2]
    assert result.logits.item() == -1.0 / 4 * 2


def test_a_constant_input_makes_the_closed_form_and_time_agree() -> None:
    """What separates them is spike timing, and the first layer's input has none."""
    for weight in (0.1875, 0.25, 0.4375, 0.9375):
        network = _chain(weight, 0.03125)
        x = np.ones((1, 1, 1, 1))
        in_time = ecc_lava.simulate(network, x, backend="float", record=["r"]).counts["r"]
        assert in_time.item() == ecc_lava.simulate(network, x, backend="closed_form", record=["r"]).counts["r"].item()


def test_more_timesteps_come_closer_to_the_cnn() -> None:
    graph = small_graph()
    rng = np.random.default_rng(0)
    x = rng.integers(0, 256, (8, 5, 5, 2)) / 255.0  # on the input's grid
    reference = forward(graph, x)

    def error(timesteps: int, backend: str) -> float:
        network = ecc_lava.convert(graph, calibration=x, timesteps=timesteps, recipe="ecc")
        return float(np.abs(ecc_lava.simulate(network, x, backend=backend).logits - reference).max() / np.abs(reference).max())

    for backend in ("float", "closed_form"):
        assert error(512, backend) < 0.02
        assert error(512, backend) < error(16, backend) / 4


def test_the_closed_form_has_no_time() -> None:
    with pytest.raises(InvalidInput, match="no timesteps"):
        ecc_lava.simulate(_chain(0.5, 0.0), np.ones((1, 1, 1, 1)), backend="closed_form", over_time=True)
    assert not ecc_lava.simulate(_chain(0.5, 0.0), np.ones((1, 1, 1, 1)), backend="closed_form", record=["r"]).raster
