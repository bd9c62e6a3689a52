"""Tensors that no input reaches: a place in the network without synapses, on every engine and on a chip."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import ecc_lava
import hw_mappings
from ecc_lava.analysis.differences import compare
from ecc_lava.geometry import Conv, Dense
from ecc_lava.graph.graph import Graph
from ecc_lava.graph.nodes import Add, Input, Linear, Relu
from ecc_lava.lowering.lower import lower
from ecc_lava.networks.rates import rate_forward
from tests.helpers.lava import needs_lava

CHIPS: dict[str, dict[str, Any]] = {
    "loihi1": {"format": "loihi1", "timesteps": 4},
    "loihi2": {"format": "loihi2", "payload_bits": 4},
}


def _graph() -> Graph:
    """Return a CNN with a branch that keeps nothing but the zeros around its images, and so its biases."""
    rng = np.random.default_rng(1)
    same = np.ones((1, 1, 1, 2))
    return Graph(
        (
            Input("x", (4, 4, 2)),
            Linear("padded", "x", Conv(same, padding=(0, 0, 0, 4), groups=2), np.zeros(2)),
            Linear("zeros", "padded", Conv(same, padding=(0, 0, -4, 0), groups=2), np.array([0.4, -0.3])),
            Relu("constant", "zeros"),
            Linear("conv", "x", Conv(rng.normal(0, 0.5, (3, 3, 2, 2)), padding=(1, 1, 1, 1)), np.zeros(2)),
            Relu("relu", "conv"),
            Add("sum", ("constant", "relu")),
            Linear("dense", "sum", Dense(rng.normal(0, 0.3, (32, 3))), np.zeros(3)),
            Linear("only constant", "constant", Dense(rng.normal(0, 0.3, (32, 3))), np.zeros(3)),
            Linear("nothing", "zeros", Dense(rng.normal(0, 0.3, (32, 3))), np.ones(3)),
        ),
        outputs=("dense", "only constant", "nothing"),
    )


def test_the_network_computes_what_the_graph_does() -> None:
    graph, x = _graph(), np.random.default_rng(0).random((5, 4, 4, 2))
    network = lower(graph).network
    expected, found = ecc_lava.forward(graph, x), rate_forward(network, x)
    for name in graph.outputs:
        np.testing.assert_allclose(found[name], expected[name], atol=1e-12)
    assert np.ptp(expected["nothing"], axis=0).max() < 1e-12


@needs_lava
@pytest.mark.parametrize("spikes", CHIPS.values(), ids=CHIPS)
def test_constants_convert_run_alike_and_deploy(spikes: dict[str, Any]) -> None:
    graph, x = _graph(), np.random.default_rng(0).random((16, 4, 4, 2))
    network = ecc_lava.quantise(ecc_lava.convert(graph, calibration=x, **spikes), format=spikes["format"])
    assert compare(network, x[:4], "golden").equal
    mapping = hw_mappings.map_network(network, hw_mappings.chip(spikes["format"]))
    assert hw_mappings.deploy(network, mapping, x[:2], runtime="one-process", sample=0).ok
    logits = ecc_lava.simulate(network, x).logits
    np.testing.assert_allclose(logits["nothing"], ecc_lava.forward(graph, x)["nothing"], rtol=0.02)
