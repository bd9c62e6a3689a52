"""Lowering: the same function for any graph, and the choice between folding and relays."""

from __future__ import annotations

import tracemalloc

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ecc_lava.common.arrays import Array, Shape
from ecc_lava.geometry import Conv, Dense, Sparse, axes_permuted, synapses
from ecc_lava.graph.evaluate import evaluate, forward
from ecc_lava.graph.graph import Graph
from ecc_lava.graph.nodes import Add, Final, Input, Linear, Maximum, MaxPool, Node, Relu, Reshape, Scale, Sigmoid, Softmax
from ecc_lava.lowering.decisions import Lowering
from ecc_lava.lowering.lower import lower
from ecc_lava.networks.rates import ideal_rates, rate_forward
from ecc_lava.networks.wiring import Kind
from tests.helpers.graphs import graphs, pool

MANY = settings(derandomize=True, deadline=None, max_examples=150, suppress_health_check=[HealthCheck.too_slow])


def _weights(*shape: int, seed: int = 0) -> Array:
    return np.random.default_rng(seed).normal(0, 1, shape)


def _conv(name: str, source: str, *kernel: int, padding: tuple[int, int, int, int] = (0, 0, 0, 0), bias: float = 0.0) -> Linear:
    return Linear(name, source, Conv(_weights(*kernel), padding=padding), np.full(kernel[3], bias))


def _graph(shape: Shape, *nodes: Node) -> Graph:
    return Graph((Input("input", shape), *nodes))


def _images(graph: Graph, n: int = 3) -> Array:
    return _weights(n, *graph.input.shape, seed=9)


def _error(graph: Graph, lowering: Lowering) -> float:
    x = _images(graph)
    reference = forward(graph, x)
    return float(np.abs(rate_forward(lowering.network, x) - reference).max() / max(np.abs(reference).max(), 1e-3))


@MANY
@given(graphs(), st.sampled_from([0.0, 1.0, 2.0, 1e9]))
def test_rates_equal_the_graph(graph: Graph, fold_limit: float) -> None:
    assert _error(graph, lower(graph, fold_limit)) < 1e-9


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
    graph = _graph(
        (4, 4, 1),
        _conv("a", "input", 3, 3, 1, 2),
        Relu("r", "a"),
        Reshape("f", "r", (1, 1, 8)),
        Linear("d", "f", Dense(_weights(8, 3)), np.ones(3)),
    )
    network = lower(graph).network
    assert [p.name for p in network.populations] == ["input", "r", "d"]
    assert [(p.source, p.target) for p in network.projections] == [("input", "r"), ("r", "d")]
    assert network.readout.shape == (1, 1, 3)


def test_an_output_that_spikes_gets_a_readout_of_its_own() -> None:
    lowering = lower(_graph((3, 3, 1), _conv("a", "input", 1, 1, 1, 2), Relu("r", "a")))
    assert [p.name for p in lowering.network.populations] == ["input", "r", "r.readout"]
    assert [(d.node, d.kind) for d in lowering.decisions] == [("input", "input"), ("a", "folded"), ("r", "population")]


@pytest.mark.parametrize("final", [Softmax, Sigmoid])
def test_a_final_softmax_or_sigmoid_is_left_out(final: type[Final]) -> None:
    lowering = lower(_graph((1, 1, 4), Linear("d", "input", Dense(_weights(4, 3)), np.zeros(3)), final("s", "d")))
    assert [p.name for p in lowering.network.populations] == ["input", "s"]  # the readout has the output's name
    assert [d.kind for d in lowering.decisions] == ["input", "readout"]


def test_branches_that_nothing_reads_vanish() -> None:
    lowering = lower(_graph((4, 4, 1), _conv("dead", "input", 3, 3, 1, 8), Relu("dead_relu", "dead"), _conv("a", "input", 1, 1, 1, 2)))
    assert "dead_relu" not in lowering.network.by_name
    assert [d.node for d in lowering.decisions] == ["input", "a"]


def _pair(first: Linear, second: Linear, shape: Shape, fold_limit: float = 2.0) -> Lowering:
    return lower(_graph(shape, first, second, Relu("r", second.name)), fold_limit)


def test_depthwise_into_few_pointwise_outputs_folds() -> None:
    depthwise = Linear("dw", "input", Conv(_weights(3, 3, 1, 4), groups=4), np.zeros(4))
    lowering = _pair(depthwise, _conv("pw", "dw", 1, 1, 4, 1), (6, 6, 4))
    decision = lowering.decisions[2]
    assert decision.kind == "folded"
    assert decision.folded is not None and decision.pair is not None
    assert decision.folded.weights == 3 * 3 * 4
    assert decision.pair.weights == 3 * 3 * 4 + 4
    assert decision.folded.synapses == 4 * 4 * 3 * 3 * 4
    assert decision.pair.synapses == 4 * 4 * (3 * 3 * 4 + 4)


def test_depthwise_into_many_pointwise_outputs_becomes_a_relay() -> None:
    """Folded, the pair would have 9 times the weights (Xception)."""
    depthwise = Linear("dw", "input", Conv(_weights(3, 3, 1, 16), groups=16), np.zeros(16))
    lowering = _pair(depthwise, _conv("pw", "dw", 1, 1, 16, 32), (6, 6, 16))
    decision = lowering.decisions[2]
    assert decision.kind == "relay"
    assert decision.folded is not None and decision.pair is not None
    assert (decision.folded.weights, decision.pair.weights) == (9 * 16 * 32, 9 * 16 + 16 * 32)
    assert [p.name for p in lowering.network.populations] == ["input", "dw.relay", "dw.relay_negative", "r", "r.readout"]


def test_the_limit_is_the_callers() -> None:
    first, second = _conv("a", "input", 3, 3, 2, 2), _conv("b", "a", 3, 3, 2, 2)  # 5x5: 100 weights for 36 + 36
    folded = _pair(first, second, (9, 9, 2), 100.0)
    assert "a.relay" not in folded.network.by_name
    assert folded.network.projections[0].geometry.kernel.shape == (5, 5, 2, 2)
    assert "a.relay" in _pair(first, second, (9, 9, 2), 1.0).network.by_name


@pytest.mark.parametrize(("channels", "relayed"), [(256, False), (8, True)])
def test_what_is_many_times_the_pair_folds_where_it_is_little_of_the_model(channels: int, relayed: bool) -> None:
    """An average over 8x8 positions before ten classes, 8.6 times the pair's weights, behind a large or a small model."""
    large = _conv("large", "input", 5, 5, channels, 64, padding=(2, 2, 2, 2))
    average = Linear("average", "relu", Conv(np.full((8, 8, 1, 64), 1 / 64), groups=64), np.zeros(64))
    graph = _graph(
        (8, 8, channels), large, Relu("relu", "large"), average, Linear("classes", "average", Dense(_weights(64, 10)), np.zeros(10))
    )
    for limit, left in ((2.0, relayed), (1.0, True)):
        lowering = lower(graph, limit)
        assert ("average.relay" in lowering.network.by_name) == left
        assert _error(graph, lowering) < 1e-9


def test_what_cannot_be_folded_exactly_is_relayed_at_any_limit() -> None:
    lowering = _pair(
        _conv("a", "input", 3, 3, 1, 1, padding=(1, 1, 1, 1)), _conv("b", "a", 3, 3, 1, 1, padding=(1, 1, 1, 1)), (5, 5, 1), 1e9
    )
    assert lowering.decisions[2].kind == "relay"
    assert lowering.decisions[2].folded is None
    assert lowering.decisions[2].pair is not None


def test_a_relayed_readout_keeps_its_costs() -> None:
    """A bottleneck into a dense layer that would be far larger without it."""
    graph = _graph(
        (1, 1, 64),
        Linear("narrow", "input", Dense(_weights(64, 2)), np.zeros(2)),
        Linear("wide", "narrow", Dense(_weights(2, 64)), np.zeros(64)),
    )
    lowering = lower(graph)
    last = lowering.decisions[-1]
    assert (last.node, last.kind) == ("wide", "readout over a relay")
    assert last.folded is not None and last.folded.weights == 64 * 64
    assert last.pair is not None and last.pair.weights == 2 * 64 * 2
    assert _error(graph, lowering) < 1e-9


def test_a_tensor_read_twice_is_relayed_once() -> None:
    depthwise = Linear("dw", "input", Conv(_weights(3, 3, 1, 16), groups=16), np.zeros(16))
    graph = _graph((6, 6, 16), depthwise, _conv("a", "dw", 1, 1, 16, 32), _conv("b", "dw", 1, 1, 16, 32), Add("s", ("a", "b")))
    names = [p.name for p in lower(graph).network.populations]
    assert names == ["input", "dw.relay", "dw.relay_negative", "s"]


@pytest.mark.parametrize(("weight", "bias", "twin"), [(1.0, 0.0, False), (1.0, 0.5, False), (1.0, -0.5, True), (-1.0, 0.0, True)])
def test_a_relay_has_a_negative_twin_only_where_it_is_needed(weight: float, bias: float, twin: bool) -> None:
    kernel = np.abs(_weights(3, 3, 1, 16))
    kernel[0, 0, 0, 0] *= weight
    graph = _graph(
        (6, 6, 16),
        Relu("r", "input"),
        Linear("dw", "r", Conv(kernel, groups=16), np.full(16, bias)),
        _conv("pw", "dw", 1, 1, 16, 32),
    )
    lowering = lower(graph)
    assert "dw.relay" in lowering.network.by_name
    assert ("dw.relay_negative" in lowering.network.by_name) is twin
    assert _error(graph, lowering) < 1e-9


def test_an_average_pool_over_spikes_needs_no_twin() -> None:
    graph = _graph((5, 5, 2), Relu("r", "input"), Linear("pool", "r", pool((5, 5, 2), 2, 2), np.zeros(2)), _conv("c", "pool", 3, 3, 2, 4))
    lowering = lower(graph)
    assert [p.name for p in lowering.network.populations] == ["input", "r", "pool.relay", "c"]
    assert _error(graph, lowering) < 1e-9


def test_a_shift_under_zero_padding_is_a_bias_per_neuron() -> None:
    scale = Scale("bn", "input", np.ones(1), np.full(1, 2.0))
    conv = Linear("conv", "bn", Conv(np.ones((3, 3, 1, 1)), padding=(1, 1, 1, 1)), np.full(1, 0.5))
    graph = _graph((4, 4, 1), scale, conv, Relu("r", "conv"))
    lowering = lower(graph)
    bias = lowering.network.by_name["r"].bias
    assert bias[:, :, 0].tolist() == [[8.5, 12.5, 12.5, 8.5], [12.5, 18.5, 18.5, 12.5], [12.5, 18.5, 18.5, 12.5], [8.5, 12.5, 12.5, 8.5]]
    assert _error(graph, lowering) < 1e-9


def test_a_shift_without_padding_is_a_bias_per_channel() -> None:
    graph = _graph(
        (4, 4, 1), Scale("bn", "input", np.ones(1), np.full(1, 2.0)), Linear("c", "bn", Conv(np.ones((3, 3, 1, 2))), np.zeros(2))
    )
    assert lower(graph).network.readout.bias.tolist() == [[[18.0, 18.0]]]


def test_a_batch_normalisation_costs_no_neurons() -> None:
    graph = _graph((5, 5, 2), _conv("c", "input", 3, 3, 2, 3), Scale("bn", "c", _weights(3), _weights(3)), Relu("r", "bn"))
    lowering = lower(graph)
    assert [p.name for p in lowering.network.populations] == ["input", "r", "r.readout"]
    into = lowering.network.into("r")[0]
    assert synapses(into.geometry, (5, 5, 2)) == 3 * 3 * 3 * 3 * 2 * 3


def test_an_identity_shortcut_stays_a_projection_of_its_own() -> None:
    graph = _graph((4, 4, 2), Relu("a", "input"), _conv("c", "a", 3, 3, 2, 2, padding=(1, 1, 1, 1)), Add("s", ("c", "a")), Relu("r", "s"))
    kernels = sorted(p.geometry.kernel.shape for p in lower(graph).network.into("r"))
    assert kernels == [(1, 1, 1, 2), (3, 3, 2, 2)]


def test_terms_of_one_layout_are_added_up() -> None:
    graph = _graph((4, 4, 2), _conv("a", "input", 3, 3, 2, 2), _conv("b", "input", 3, 3, 2, 2), Add("s", ("a", "b", "a")))
    projections = lower(graph).network.projections
    assert len(projections) == 1
    np.testing.assert_allclose(projections[0].geometry.kernel, 3 * _weights(3, 3, 2, 2))


def test_a_scale_per_feature_takes_a_synapse_for_each() -> None:
    """A batch normalisation between Flatten and a dense layer, or a ReLU, of more features than a matrix of their square could hold."""
    features = 2**15 + 1
    flat, scale = Reshape("flat", "input", (1, 1, features)), Scale("bn", "flat", _weights(features), _weights(features, seed=1))
    before_a_relu = lower(
        _graph((features, 1, 1), flat, scale, Relu("r", "bn"), Linear("d", "r", Dense(_weights(features, 2)), np.ones(2)))
    )
    assert isinstance(before_a_relu.network.into("r")[0].geometry, Sparse)
    assert before_a_relu.network.by_name["r"].lambda_.shape == (1, 1, 1) and before_a_relu.network.by_name["r"].shape == (1, 1, features)
    graph = _graph((features, 1, 1), flat, scale, Linear("d", "bn", Dense(_weights(features, 2)), np.ones(2)))
    lowering = lower(graph)
    assert [p.geometry.kernel.size for p in lowering.network.projections] == [2 * features]
    assert _error(graph, lowering) < 1e-9


def test_a_scale_of_all_features_alike_stays_a_factor_per_channel() -> None:
    flat, scale = Reshape("flat", "c", (1, 1, 32)), Scale("bn", "flat", np.full(32, 2.0), np.full(32, 3.0))
    graph = _graph((4, 4, 1), _conv("c", "input", 1, 1, 1, 2), flat, scale, Relu("r", "bn"))
    network = lower(graph).network
    assert network.into("r")[0].geometry.kernel.shape == (1, 1, 1, 2)
    assert network.by_name["r"].bias.tolist() == [[[3.0, 3.0]]]


def test_a_reshape_that_only_a_dense_layer_reads_costs_nothing() -> None:
    graph = _graph((4, 3, 2), Relu("r", "input"), Reshape("s", "r", (2, 6, 2)), Linear("d", "s", Dense(_weights(24, 3)), np.zeros(3)))
    network = lower(graph).network
    assert [p.shape for p in network.populations] == [(4, 3, 2), (4, 3, 2), (1, 1, 3)]
    assert all(not isinstance(p.geometry, Sparse) for p in network.projections)


def test_a_relay_of_a_reshaped_tensor_takes_a_synapse_per_neuron() -> None:
    graph = _graph(
        (6, 4, 2),
        _conv("a", "input", 3, 3, 2, 2, padding=(1, 1, 1, 1)),
        Relu("r", "a"),
        Reshape("s", "r", (4, 2, 6)),
        _conv("b", "s", 3, 3, 6, 8, padding=(1, 1, 1, 1)),
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
    assert _error(graph, lowering) < 1e-12
    wide = lower(graph, 1e9).network
    assert [p.name for p in wide.populations] == ["input", "r", "b"]
    assert (wide.by_name["r"].shape, type(wide.into("r")[0].geometry)) == ((4, 2, 6), Sparse)


def test_a_relu_that_is_read_as_another_map_is_made_as_that_map() -> None:
    """A generator: dense, ReLU, Reshape, convolution."""
    graph = _graph(
        (1, 1, 6),
        Linear("d", "input", Dense(_weights(6, 60)), _weights(60)),
        Relu("r", "d"),
        Reshape("s", "r", (5, 4, 3)),
        _conv("c", "s", 3, 3, 3, 2),
    )
    lowering = lower(graph)
    assert [(p.name, p.shape) for p in lowering.network.populations] == [("input", (1, 1, 6)), ("r", (5, 4, 3)), ("c", (3, 2, 2))]
    assert [p.geometry.kernel.size for p in lowering.network.projections] == [6 * 60, 9 * 6]
    assert all(isinstance(p.geometry, Conv) for p in lowering.network.projections)
    assert _error(graph, lowering) < 1e-12


def test_a_relu_that_something_else_reads_too_keeps_its_shape() -> None:
    nodes = (Linear("d", "input", Dense(_weights(6, 60)), np.zeros(60)), Relu("r", "d"), Reshape("s", "r", (5, 4, 3)))
    sums = (_conv("c", "s", 5, 4, 3, 60), Add("t", ("c", "r")))
    graph = _graph((1, 1, 6), *nodes, *sums)
    lowering = lower(graph)
    assert lowering.network.by_name["r"].shape == (1, 1, 60)
    assert _error(graph, lowering) < 1e-12


def test_one_tensor_relayed_in_two_shapes() -> None:
    """A sum of flat vectors is still a sum of maps until something reads it as another map."""
    convs = (_conv("a", "input", 3, 3, 2, 4, padding=(1, 1, 1, 1)), _conv("b", "input", 5, 5, 2, 4, padding=(2, 2, 2, 2)))
    flat = (Reshape("fa", "a", (1, 1, 96)), Reshape("fb", "b", (1, 1, 96)), Add("sum", ("fa", "fb")))
    ends = (
        Linear("d", "sum", Dense(_weights(96, 40)), np.zeros(40)),
        Reshape("s", "sum", (4, 6, 4)),
        _conv("c", "s", 4, 6, 4, 40),
        Add("e", ("d", "c")),
    )
    graph = _graph((6, 4, 2), *convs, *flat, *ends)
    for fold_limit in (0.0, 1.0, 2.0, 1e9):
        assert _error(graph, lower(graph, fold_limit)) < 1e-12
    shapes = {p.name: p.shape for p in lower(graph, 0.0).network.populations}
    assert (shapes["sum.6x4x4.relay"], shapes["s.relay"]) == ((6, 4, 4), (4, 6, 4))


def test_more_synapses_than_are_listed_become_a_relay(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ecc_lava.geometry.composition.NONZEROS_MAX", 90)
    order = Linear("p", "r", axes_permuted((6, 4, 4), (1, 0, 2)), np.zeros(4))
    graph = _graph((6, 4, 2), _conv("a", "input", 1, 1, 2, 4), Relu("r", "a"), order, MaxPool("m", "p", (3, 3), (1, 1), (1, 1, 1, 1)))
    lowering = lower(graph, 1e9)
    assert "p.relay" in lowering.network.by_name
    assert _error(graph, lowering) < 1e-12
    before = _graph((6, 4, 2), _conv("a", "input", 1, 1, 2, 4), Linear("p", "a", axes_permuted((6, 4, 4), (1, 0, 2)), np.zeros(4)))
    assert "a.relay" in lower(before, 1e9).network.by_name


def test_rates_of_every_population_are_its_relus() -> None:
    graph = _graph((4, 4, 1), _conv("a", "input", 3, 3, 1, 2, bias=0.3), Relu("r", "a"), _conv("b", "r", 2, 2, 2, 2), Relu("q", "b"))
    x = _images(graph)
    inputs = {graph.input.name: x}
    found = ideal_rates(lower(graph).network, inputs)
    for name, value in evaluate(graph, inputs):
        if name in ("r", "q"):
            np.testing.assert_allclose(found[name], value, atol=1e-12)


def _tensors(*nodes: Node) -> Graph:
    return Graph((Input("x", (6, 7, 2)), *nodes))


def _mixing(name: str, source: str, inputs: int, outputs: int) -> Linear:
    rng = np.random.default_rng(len(name))
    return Linear(name, source, Conv(rng.normal(size=(3, 3, inputs, outputs)), padding=(1, 1, 1, 1)), rng.normal(size=outputs))


def test_a_pool_after_a_relu_takes_as_many_neurons_as_the_relu() -> None:
    graph = _tensors(_mixing("c", "x", 2, 4), Relu("r", "c"), MaxPool("m", "r", (2, 2), (2, 2)))
    lowering = lower(graph)
    assert _error(graph, lowering) < 1e-12
    pools = [p for p in lowering.network.populations if p.kind is Kind.IF]
    assert [p.name for p in pools] == ["r.maximum1", "r.maximum2", "r.maximum3", "m"]
    assert all(p.shape == (3, 3, 4) for p in pools)


def test_a_relu_that_others_read_stays_before_the_pool() -> None:
    pooled = MaxPool("m", "r", (2, 2), (1, 1), (0, 1, 0, 1))
    graph = _tensors(_mixing("c", "x", 2, 4), Relu("r", "c"), pooled, Add("a", ("m", "r")))
    lowering = lower(graph)
    assert _error(graph, lowering) < 1e-12
    assert "r" in lowering.network.by_name


@pytest.mark.parametrize("size", [(2, 2), (3, 3), (3, 2), (1, 3)])
@pytest.mark.parametrize("stride", [1, 2])
def test_zeros_around_a_map_are_no_candidates_of_a_pool(size: tuple[int, int], stride: int) -> None:
    """Of negative values the largest is negative, at the border too."""
    padding = ((size[0] - 1) // 2, size[0] // 2, (size[1] - 1) // 2, size[1] // 2)
    below = Scale("s", "x", np.array([-1.0, -2.0]), np.array([-9.0, -9.0]))
    graph = _tensors(below, MaxPool("m", "s", size, (stride, stride), padding))
    assert (forward(graph, _images(graph)) < 0).all()
    assert _error(graph, lower(graph)) < 1e-9


def test_the_ceiling_of_a_relu_is_its_populations() -> None:
    graph = _tensors(_mixing("c", "x", 2, 4), Relu("r", "c", 0.5), _mixing("d", "r", 4, 2))
    lowering = lower(graph)
    assert lowering.network.by_name["r"].ceiling == 0.5
    assert _error(graph, lowering) < 1e-12


def test_channels_put_together_and_taken_apart_cost_nothing() -> None:
    def place(name: str, source: str, first: int) -> Linear:
        return Linear(name, source, Conv(np.ones((1, 1, 1, 3)), groups=3, writes=(first, 6)), np.zeros(6))

    taken = Linear("t", "both", Conv(np.ones((1, 1, 1, 3)), groups=3, reads=(3, 6)), np.zeros(3))
    graph = _tensors(
        *(_mixing("c", "x", 2, 3), Relu("r", "c"), _mixing("dd", "x", 2, 3), Relu("q", "dd")),
        *(place("pr", "r", 0), place("pq", "q", 3), Add("both", ("pr", "pq")), taken, _mixing("e", "t", 3, 2)),
    )
    lowering = lower(graph)
    assert _error(graph, lowering) < 1e-12
    assert [(p.source, p.geometry.kernel.shape) for p in lowering.network.into("e")] == [("q", (3, 3, 3, 2))]


def _trunk(blocks: int, width: int = 8) -> Graph:
    """A pre-activation ResNet: x + c1 + c2 + ..., read by a batch normalisation and a ReLU after every block."""
    nodes: list[Node] = [_mixing("stem", "x", 2, width)]
    trunk = "stem"
    for i in range(blocks):
        nodes += [
            *(Scale(f"bn{i}", trunk, _weights(width, seed=i), _weights(width, seed=i + 50)), Relu(f"r{i}", f"bn{i}")),
            *(_mixing(f"c{i}", f"r{i}", width, width), Add(f"x{i}", (trunk, f"c{i}"))),
        ]
        trunk = f"x{i}"
    return _tensors(*nodes, Relu("last", trunk))


def test_a_branch_that_many_populations_would_fold_becomes_one_relay() -> None:
    graph = _trunk(8)
    lowering = lower(graph)
    assert _error(graph, lowering) < 1e-9
    kinds = {d.node: d for d in lowering.decisions}
    assert [i for i in range(8) if kinds[f"c{i}"].kind == "folded, shared over a relay"] == [0, 1, 2, 3]
    assert kinds["c4"].kind == "folded", "four copies cost no more than twice a relay and its twin"
    own, places = 3 * 3 * 8 * 8, 8
    shared = kinds["c0"]
    assert shared.folded is not None and shared.pair is not None
    assert (shared.folded.weights, shared.pair.weights) == (8 * own, 2 * own + 2 * 8 * places)


def test_relays_of_branches_do_not_follow_one_another() -> None:
    network = lower(_trunk(8)).network
    for relay in ("c1.relay", "c3.relay_negative"):
        assert not any("relay" in p.source for p in network.into(relay))


def test_a_trunk_keeps_its_weights_in_proportion() -> None:
    for blocks in (4, 12, 24):
        own = 3 * 3 * 8 * (2 + blocks * 8)
        found = sum(p.geometry.kernel.size for p in lower(_trunk(blocks)).network.projections)
        places = 2 * 8 * (blocks + 2) ** 2
        assert found <= 2.5 * own + places


def test_a_pool_of_overlapping_windows_reads_a_relay_rather_than_17_copies() -> None:
    graph = _tensors(_mixing("c", "x", 2, 8), MaxPool("m", "c", (3, 3), (2, 2)), Relu("r", "m"))
    lowering = lower(graph)
    assert _error(graph, lowering) < 1e-9
    decision = next(d for d in lowering.decisions if d.node == "m")
    assert decision.kind == "maxima over a relay"
    assert decision.folded is not None and decision.folded.weights == 17 * 3 * 3 * 2 * 8


def test_a_pool_of_one_position_is_a_stride() -> None:
    graph = _tensors(_mixing("c", "x", 2, 4), MaxPool("m", "c", (1, 1), (2, 2)), Relu("r", "m"))
    lowering = lower(graph)
    assert _error(graph, lowering) < 1e-12
    assert [p.name for p in lowering.network.populations] == ["x", "r", "r.readout"]
    assert lowering.network.into("r")[0].geometry.kernel.shape == (3, 3, 2, 4)


def test_neighbouring_taps_of_a_pool_share_one_kernel() -> None:
    graph = _tensors(_mixing("c", "x", 2, 4), Relu("r", "c"), MaxPool("m", "r", (2, 2), (2, 2)))
    network = lower(graph).network
    shapes = [p.geometry.kernel.shape[:2] for p in network.projections if p.source == "x"]
    assert shapes == [(3, 4), (3, 4), (4, 3), (3, 3)]


def test_large_kernels_are_neither_copied_nor_composed_in_vain() -> None:
    kernel = _weights(512, 2048).astype(np.float32)
    pooled = Linear("pool", "input", Conv(np.full((16, 16, 1, 512), 1 / 256), groups=512), np.zeros(512))
    graph = _graph((16, 16, 512), pooled, Linear("d", "pool", Dense(kernel), np.zeros(2048)), Relu("r", "d"))
    tracemalloc.start()
    network = lower(graph).network  # folded, the pair would be 2 GB
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 20e6
    assert network.into("r")[0].geometry.kernel.base is not None
    assert np.shares_memory(network.into("r")[0].geometry.kernel, kernel)


def test_a_term_that_is_zero_everywhere_is_no_projection() -> None:
    left, right = np.zeros((6, 7)), np.zeros((6, 7))
    left[:, :3], right[:, 3:] = 1, 1

    def where(name: str, source: str, inside: Array) -> Linear:
        return Linear(name, source, Conv(np.ones((1, 1, 1, 2)), groups=2, gain=inside), np.zeros(2))

    nodes = (where("a", "x", left), where("b", "a", right), _mixing("c", "x", 2, 2), Add("s", ("b", "c")))
    for graph, expected in ((_tensors(*nodes), 1), (_tensors(*nodes[:2]), 1)):
        projections = lower(graph, 1e9).network.projections
        assert len(projections) == expected
        assert all(isinstance(p.geometry, Conv) and p.geometry.gain is None for p in projections)
        assert _error(graph, lower(graph, 1e9)) < 1e-12


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
    assert _error(graph, lower(graph)) < 1e-9
