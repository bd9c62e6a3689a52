"""Numbers without an absolute scale: the unit of the outputs, and channels that are nearly dead."""

from __future__ import annotations

import logging
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

import ecc_lava
from ecc_lava.analysis.differences import compare
from ecc_lava.common.arrays import Array, first_output
from ecc_lava.errors import RangeError
from ecc_lava.geometry import Conv, Dense
from ecc_lava.graph.graph import Graph
from ecc_lava.graph.nodes import Input, Linear, Node, Relu, Softmax
from ecc_lava.networks import QuantisedNetwork

CHIPS: dict[str, dict[str, Any]] = {
    "loihi1": {"format": "loihi1", "timesteps": 8},
    "loihi2": {"format": "loihi2", "timesteps": 8},
    "payloads": {"format": "loihi2", "payload_bits": 6},
}
IMAGES = np.random.default_rng(3).random((24, 8, 8, 1))


def _nodes(unit: float, offset: float = 0.0) -> tuple[Node, ...]:
    """Return a small CNN whose outputs are multiplied by `unit`, with a bias of about `offset` before."""
    rng = np.random.default_rng(0)
    return (
        Input("x", (8, 8, 1)),
        Linear("conv", "x", Conv(rng.normal(0, 0.4, (3, 3, 1, 6))), rng.normal(0, 0.1, 6)),
        Relu("relu", "conv"),
        Linear("dense", "relu", Dense(rng.normal(0, 0.2, (216, 4)) * unit), (rng.normal(0, 0.2, 4) + offset) * unit),
    )


def _converted(graph: Graph, recipe: str, spikes: dict[str, Any]) -> QuantisedNetwork:
    return ecc_lava.quantise(ecc_lava.convert(graph, calibration=IMAGES, recipe=recipe, **spikes), format=spikes["format"])


@pytest.mark.parametrize("recipe", ["channel", "best"])
@pytest.mark.parametrize("spikes", CHIPS.values(), ids=CHIPS)
@pytest.mark.parametrize("offset", [0.0, 1.0])
def test_the_unit_of_the_outputs_changes_the_unit_alone(recipe: str, spikes: dict[str, Any], offset: float) -> None:
    plain = ecc_lava.simulate(_converted(Graph(_nodes(1.0, offset)), recipe, spikes), IMAGES)
    for unit in (2.0**-20, 2.0**7, 2.0**20):  # powers of two round alike
        found = ecc_lava.simulate(_converted(Graph(_nodes(unit, offset)), recipe, spikes), IMAGES)
        assert first_output(found.readout).tolist() == first_output(plain.readout).tolist()
        np.testing.assert_array_equal(found.logits, plain.logits * np.float32(unit))


@pytest.mark.parametrize("recipe", ["channel", "best"])
@pytest.mark.parametrize("unit", [1e-6, 3e-3, 255.0, 1e6])
def test_any_unit_of_classes_leaves_the_decisions(recipe: str, unit: float) -> None:
    def decided(unit: float) -> Array:
        graph = Graph((*_nodes(unit), Softmax("softmax", "dense")))
        return ecc_lava.simulate(_converted(graph, recipe, CHIPS["loihi2"]), IMAGES).predictions

    assert (decided(unit) == decided(1.0)).mean() >= 0.9  # class offsets depend on how sure the CNN is


@pytest.mark.parametrize("recipe", ["ecc", "channel", "best"])
@pytest.mark.parametrize("spikes", CHIPS.values(), ids=CHIPS)
@pytest.mark.parametrize("peak", [1e-2, 1e-3, 1e-4, 1e-6])
def test_a_channel_that_hardly_ever_fires_stops_no_conversion(
    peak: float, spikes: dict[str, Any], recipe: str, caplog: pytest.LogCaptureFixture
) -> None:
    nodes = _nodes(1.0)
    conv = nodes[1]
    assert isinstance(conv, Linear)
    reached = ecc_lava.forward(Graph(nodes[:2]), IMAGES).reshape(-1, 6)[:, 2].max()
    shift = np.where(np.arange(6) == 2, peak - reached, 0.0)  # channel 2 reaches `peak` at one place of one image
    nodes = (nodes[0], replace(conv, bias=conv.bias + shift), *nodes[2:])
    with caplog.at_level(logging.INFO):
        network = _converted(Graph(nodes), recipe, spikes)
    assert compare(network, IMAGES[:4], "golden").equal
    # one lambda of a layer is never so small, and a channel that never fires has the largest
    assert ("relu: lambda of channel 2 raised" in caplog.text) == (recipe != "ecc" and peak == 1e-4)


def test_thresholds_too_small_for_their_inputs_are_told_with_their_channel() -> None:
    nodes = _nodes(1.0)
    snn = ecc_lava.convert(Graph(nodes), calibration=IMAGES, recipe="channel", format="loihi1", timesteps=4)
    small = replace(snn.by_name["relu"], vth=np.where(np.arange(6) == 4, 1e-9, 1.0).reshape(1, 1, 6))
    snn = replace(snn, populations=tuple(small if p.name == "relu" else p for p in snn.populations))
    with pytest.raises(
        RangeError, match=r"channel 4 of population 'relu': one step's input can be .* times its threshold; loihi1 holds 131071"
    ):
        ecc_lava.quantise(snn, format="loihi1")
