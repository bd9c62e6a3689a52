"""Lowering: the same function for any graph, and the choice between folding and relays."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ecc_lava.common.arrays import Array
from ecc_lava.geometry import Conv, Dense, synapses
from ecc_lava.graph.evaluate import evaluate
from ecc_lava.graph.graph import Graph
from ecc_lava.graph.nodes import Add, Final, Input, Linear, Maximum, MaxPool, Relu, Reshape, Scale, Sigmoid, Softmax
from ecc_lava.lowering.lower import lower
from ecc_lava.networks.rates import ideal_rates
from ecc_lava.networks.wiring import Kind
from tests.helpers.graphs import graphs
from tests.helpers.lowered import conv_of, graph_of, mixing, nodes_on_a_map, random_images_of, random_weights, rate_error

MANY = settings(max_examples=150)


@MANY
@given(graphs(), st.sampled_from([0.0, 1.0, 2.0, 1e9]))
def test_rates_equal_the_graph(graph: Graph, fold_limit: float) -> None:
    assert rate_error(graph, lower(graph, fold_limit)) < 1e-9


@settings(MANY, max_examples=60)
@given(graphs())
def test_every_node_is_decided_on_once_and_named_after(graph: Graph) -> None:
    lowering = lower(graph)
    decided = sorted(d.node for d in lowering.decisions)
    assert decided == sorted(node.name for node in graph.nodes), "every node feeds the output here"
    kinds = {d.node: d.kind for d in lowering.decisions}
    populations = lowering.network.by_name
    for node in graph.nodes:
        match node:
            case Relu(name=name) | MaxPool(name=name) if kinds[name] == "folded":  # a ReLU, maybe swapped, that another ReLU alone reads
                assert name not in populations
            case Relu(name=name) | MaxPool(name=name) | Maximum(name=name):  # a ReLU and the pool after it may have been swapped
                assert kinds[name] == "population" or "maxima" in kinds[name] or "readout" in kinds[name]
                assert kinds[name] != "population" or populations[name].kind is Kind.IF
            case Input(name=name):
                assert kinds[name] == "input" and populations[name].kind is Kind.INPUT
            case _ if node.name != graph.outputs[0]:
                assert kinds[node.name].split(",")[0] in ("folded", "relay") and node.name not in populations
    relays = [name for name in populations if ".relay" in name]
    assert bool(relays) == any("relay" in kind for kind in kinds.values())
    made = {*relays, *(name for name in populations if ".maximum" in name)}
    assert set(populations) - made - {f"{graph.outputs[0]}.readout"} <= set(kinds)


def test_populations_are_ordered_and_end_in_the_readout() -> None:
    graph = graph_of(
        (4, 4, 1),
        conv_of("a", "input", 3, 3, 1, 2),
        Relu("r", "a"),
        Reshape("f", "r", (1, 1, 8)),
        Linear("d", "f", Dense(random_weights(8, 3)), np.ones(3)),
    )
    network = lower(graph).network
    assert [p.name for p in network.populations] == ["input", "r", "d"]
    assert [(p.source, p.target) for p in network.projections] == [("input", "r"), ("r", "d")]
    assert network.readout.shape == (1, 1, 3)


def test_an_output_that_spikes_gets_a_readout_of_its_own() -> None:
    lowering = lower(graph_of((3, 3, 1), conv_of("a", "input", 1, 1, 1, 2), Relu("r", "a")))
    assert [p.name for p in lowering.network.populations] == ["input", "r", "r.readout"]
    assert [(d.node, d.kind) for d in lowering.decisions] == [("input", "input"), ("a", "folded"), ("r", "population")]


@pytest.mark.parametrize("final", [Softmax, Sigmoid])
def test_a_final_softmax_or_sigmoid_is_left_out(final: type[Final]) -> None:
    lowering = lower(graph_of((1, 1, 4), Linear("d", "input", Dense(random_weights(4, 3)), np.zeros(3)), final("s", "d")))
    assert [p.name for p in lowering.network.populations] == ["input", "s"]  # the readout has the output's name
    assert [d.kind for d in lowering.decisions] == ["input", "readout"]


def test_branches_that_nothing_reads_vanish() -> None:
    lowering = lower(
        graph_of((4, 4, 1), conv_of("dead", "input", 3, 3, 1, 8), Relu("dead_relu", "dead"), conv_of("a", "input", 1, 1, 1, 2))
    )
    assert "dead_relu" not in lowering.network.by_name
    assert [d.node for d in lowering.decisions] == ["input", "a"]


def test_a_shift_under_zero_padding_is_a_bias_per_neuron() -> None:
    scale = Scale("bn", "input", np.ones(1), np.full(1, 2.0))
    conv = Linear("conv", "bn", Conv(np.ones((3, 3, 1, 1)), padding=(1, 1, 1, 1)), np.full(1, 0.5))
    graph = graph_of((4, 4, 1), scale, conv, Relu("r", "conv"))
    lowering = lower(graph)
    bias = lowering.network.by_name["r"].bias
    assert bias[:, :, 0].tolist() == [[8.5, 12.5, 12.5, 8.5], [12.5, 18.5, 18.5, 12.5], [12.5, 18.5, 18.5, 12.5], [8.5, 12.5, 12.5, 8.5]]
    assert rate_error(graph, lowering) < 1e-9


def test_a_shift_without_padding_is_a_bias_per_channel() -> None:
    graph = graph_of(
        (4, 4, 1), Scale("bn", "input", np.ones(1), np.full(1, 2.0)), Linear("c", "bn", Conv(np.ones((3, 3, 1, 2))), np.zeros(2))
    )
    assert lower(graph).network.readout.bias.tolist() == [[[18.0, 18.0]]]


def test_a_batch_normalisation_costs_no_neurons() -> None:
    graph = graph_of((5, 5, 2), conv_of("c", "input", 3, 3, 2, 3), Scale("bn", "c", random_weights(3), random_weights(3)), Relu("r", "bn"))
    lowering = lower(graph)
    assert [p.name for p in lowering.network.populations] == ["input", "r", "r.readout"]
    into = lowering.network.into("r")[0]
    assert synapses(into.geometry, (5, 5, 2)) == 3 * 3 * 3 * 3 * 2 * 3


def test_an_identity_shortcut_stays_a_projection_of_its_own() -> None:
    graph = graph_of(
        (4, 4, 2), Relu("a", "input"), conv_of("c", "a", 3, 3, 2, 2, padding=(1, 1, 1, 1)), Add("s", ("c", "a")), Relu("r", "s")
    )
    kernels = sorted(p.geometry.kernel.shape for p in lower(graph).network.into("r"))
    assert kernels == [(1, 1, 1, 2), (3, 3, 2, 2)]


def test_terms_of_one_layout_are_added_up() -> None:
    graph = graph_of((4, 4, 2), conv_of("a", "input", 3, 3, 2, 2), conv_of("b", "input", 3, 3, 2, 2), Add("s", ("a", "b", "a")))
    projections = lower(graph).network.projections
    assert len(projections) == 1
    np.testing.assert_allclose(projections[0].geometry.kernel, 3 * random_weights(3, 3, 2, 2))


def test_rates_of_every_population_are_its_relus() -> None:
    graph = graph_of((4, 4, 1), conv_of("a", "input", 3, 3, 1, 2, bias=0.3), Relu("r", "a"), conv_of("b", "r", 2, 2, 2, 2), Relu("q", "b"))
    x = random_images_of(graph)
    inputs = {graph.input.name: x}
    found = ideal_rates(lower(graph).network, inputs)
    for name, value in evaluate(graph, inputs):
        if name in ("r", "q"):
            np.testing.assert_allclose(found[name], value, atol=1e-12)


def test_a_term_that_is_zero_everywhere_is_no_projection() -> None:
    left, right = np.zeros((6, 7)), np.zeros((6, 7))
    left[:, :3], right[:, 3:] = 1, 1

    def where(name: str, source: str, inside: Array) -> Linear:
        return Linear(name, source, Conv(np.ones((1, 1, 1, 2)), groups=2, gain=inside), np.zeros(2))

    nodes = (where("a", "x", left), where("b", "a", right), mixing("c", "x", 2, 2), Add("s", ("b", "c")))
    for graph, expected in ((nodes_on_a_map(*nodes), 1), (nodes_on_a_map(*nodes[:2]), 1)):
        projections = lower(graph, 1e9).network.projections
        assert len(projections) == expected
        assert all(isinstance(p.geometry, Conv) and p.geometry.gain is None for p in projections)
        assert rate_error(graph, lower(graph, 1e9)) < 1e-12


@pytest.mark.parametrize(
    ("first", "second", "number"),
    [
        (Relu("a", "x"), Relu("b", "flat", 0.5, 3), 1),
        (Relu("a", "x", 0.4), Relu("b", "flat", 0.5, 3), 2),
        (Relu("a", "x", 0.5, 2), Relu("b", "flat"), 2),
    ],
    ids=["a quantiser", "a lower ceiling first", "a rounding first"],
)
def test_a_relu_after_a_relu_is_one_population(first: Relu, second: Relu, number: int) -> None:
    last = Linear("y", "b", Dense(np.eye(12)), np.zeros(12))
    graph = Graph((Input("x", (2, 2, 3)), first, Reshape("flat", "a", (1, 1, 12)), second, last))
    network = lower(graph).network
    assert sum(p.kind is Kind.IF for p in network.populations) == number
    assert rate_error(graph, lower(graph)) < 1e-9
