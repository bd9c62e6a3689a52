"""Reshapes, and scales of features, cost synapses only where they have to."""

from __future__ import annotations

import numpy as np
import pytest

from ecc_lava.geometry import Conv, Dense, Sparse, axes_permuted
from ecc_lava.graph.nodes import Add, Linear, MaxPool, Relu, Reshape, Scale
from ecc_lava.lowering.lower import lower
from tests.helpers.lowered import conv_of, graph_of, random_weights, rate_error


def test_a_scale_per_feature_takes_a_synapse_for_each() -> None:
    """A batch normalisation between Flatten and a dense layer, or a ReLU, of more features than a matrix of their square could hold."""
    features = 2**15 + 1
    flat, scale = (
        Reshape("flat", "input", (1, 1, features)),
        Scale("bn", "flat", random_weights(features), random_weights(features, seed=1)),
    )
    before_a_relu = lower(
        graph_of((features, 1, 1), flat, scale, Relu("r", "bn"), Linear("d", "r", Dense(random_weights(features, 2)), np.ones(2)))
    )
    assert isinstance(before_a_relu.network.into("r")[0].geometry, Sparse)
    assert before_a_relu.network.by_name["r"].lambda_.shape == (1, 1, 1) and before_a_relu.network.by_name["r"].shape == (1, 1, features)
    graph = graph_of((features, 1, 1), flat, scale, Linear("d", "bn", Dense(random_weights(features, 2)), np.ones(2)))
    lowering = lower(graph)
    assert [p.geometry.kernel.size for p in lowering.network.projections] == [2 * features]
    assert rate_error(graph, lowering) < 1e-9


def test_a_scale_of_all_features_alike_stays_a_factor_per_channel() -> None:
    flat, scale = Reshape("flat", "c", (1, 1, 32)), Scale("bn", "flat", np.full(32, 2.0), np.full(32, 3.0))
    graph = graph_of((4, 4, 1), conv_of("c", "input", 1, 1, 1, 2), flat, scale, Relu("r", "bn"))
    network = lower(graph).network
    assert network.into("r")[0].geometry.kernel.shape == (1, 1, 1, 2)
    assert network.by_name["r"].bias.tolist() == [[[3.0, 3.0]]]


def test_a_reshape_that_only_a_dense_layer_reads_costs_nothing() -> None:
    graph = graph_of(
        (4, 3, 2), Relu("r", "input"), Reshape("s", "r", (2, 6, 2)), Linear("d", "s", Dense(random_weights(24, 3)), np.zeros(3))
    )
    network = lower(graph).network
    assert [p.shape for p in network.populations] == [(4, 3, 2), (4, 3, 2), (1, 1, 3)]
    assert all(not isinstance(p.geometry, Sparse) for p in network.projections)


def test_a_relay_of_a_reshaped_tensor_takes_a_synapse_per_neuron() -> None:
    graph = graph_of(
        (6, 4, 2),
        conv_of("a", "input", 3, 3, 2, 2, padding=(1, 1, 1, 1)),
        Relu("r", "a"),
        Reshape("s", "r", (4, 2, 6)),
        conv_of("b", "s", 3, 3, 6, 8, padding=(1, 1, 1, 1)),
    )
    lowering = lower(graph)
    network = lowering.network
    assert [p.name for p in network.populations] == ["input", "r", "s.relay", "b"]
    moved = network.into("s.relay")[0].geometry
    assert isinstance(moved, Sparse) and moved.kernel.size == 48
    assert {d.node: d.kind for d in lowering.decisions} == {
        **dict.fromkeys(("a", "s"), "folded"),
        "input": "input",
        "r": "population",
        "b": "readout over a relay",
    }
    assert rate_error(graph, lowering) < 1e-12
    wide = lower(graph, 1e9).network
    assert [p.name for p in wide.populations] == ["input", "r", "b"]
    assert (wide.by_name["r"].shape, type(wide.into("r")[0].geometry)) == ((4, 2, 6), Sparse)


def test_a_relu_that_is_read_as_another_map_is_made_as_that_map() -> None:
    """A generator: dense, ReLU, Reshape, convolution."""
    graph = graph_of(
        (1, 1, 6),
        Linear("d", "input", Dense(random_weights(6, 60)), random_weights(60)),
        Relu("r", "d"),
        Reshape("s", "r", (5, 4, 3)),
        conv_of("c", "s", 3, 3, 3, 2),
    )
    lowering = lower(graph)
    assert [(p.name, p.shape) for p in lowering.network.populations] == [("input", (1, 1, 6)), ("r", (5, 4, 3)), ("c", (3, 2, 2))]
    assert [p.geometry.kernel.size for p in lowering.network.projections] == [6 * 60, 9 * 6]
    assert all(isinstance(p.geometry, Conv) for p in lowering.network.projections)
    assert rate_error(graph, lowering) < 1e-12


def test_a_relu_that_something_else_reads_too_keeps_its_shape() -> None:
    nodes = (Linear("d", "input", Dense(random_weights(6, 60)), np.zeros(60)), Relu("r", "d"), Reshape("s", "r", (5, 4, 3)))
    sums = (conv_of("c", "s", 5, 4, 3, 60), Add("t", ("c", "r")))
    graph = graph_of((1, 1, 6), *nodes, *sums)
    lowering = lower(graph)
    assert lowering.network.by_name["r"].shape == (1, 1, 60)
    assert rate_error(graph, lowering) < 1e-12


def test_one_tensor_relayed_in_two_shapes() -> None:
    """A sum of flat vectors is still a sum of maps until something reads it as another map."""
    convs = (conv_of("a", "input", 3, 3, 2, 4, padding=(1, 1, 1, 1)), conv_of("b", "input", 5, 5, 2, 4, padding=(2, 2, 2, 2)))
    flat = (Reshape("fa", "a", (1, 1, 96)), Reshape("fb", "b", (1, 1, 96)), Add("sum", ("fa", "fb")))
    ends = (
        Linear("d", "sum", Dense(random_weights(96, 40)), np.zeros(40)),
        Reshape("s", "sum", (4, 6, 4)),
        conv_of("c", "s", 4, 6, 4, 40),
        Add("e", ("d", "c")),
    )
    graph = graph_of((6, 4, 2), *convs, *flat, *ends)
    for fold_limit in (0.0, 1.0, 2.0, 1e9):
        assert rate_error(graph, lower(graph, fold_limit)) < 1e-12
    shapes = {p.name: p.shape for p in lower(graph, 0.0).network.populations}
    assert (shapes["sum.6x4x4.relay"], shapes["s.relay"]) == ((6, 4, 4), (4, 6, 4))


def test_more_synapses_than_are_listed_become_a_relay(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ecc_lava.geometry.composition.NONZEROS_MAX", 90)
    order = Linear("p", "r", axes_permuted((6, 4, 4), (1, 0, 2)), np.zeros(4))
    graph = graph_of((6, 4, 2), conv_of("a", "input", 1, 1, 2, 4), Relu("r", "a"), order, MaxPool("m", "p", (3, 3), (1, 1), (1, 1, 1, 1)))
    lowering = lower(graph, 1e9)
    assert "p.relay" in lowering.network.by_name
    assert rate_error(graph, lowering) < 1e-12
    before = graph_of((6, 4, 2), conv_of("a", "input", 1, 1, 2, 4), Linear("p", "a", axes_permuted((6, 4, 4), (1, 0, 2)), np.zeros(4)))
    assert "a.relay" in lower(before, 1e9).network.by_name
