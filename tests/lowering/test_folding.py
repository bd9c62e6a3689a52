"""Where two linear operators become one, and where a relay stands between them."""

from __future__ import annotations

import numpy as np
import pytest

from ecc_lava.common.arrays import Shape
from ecc_lava.geometry import Conv, Dense
from ecc_lava.graph.graph import Graph
from ecc_lava.graph.nodes import Add, Linear, Node, Relu, Scale
from ecc_lava.lowering.decisions import Lowering
from ecc_lava.lowering.lower import lower
from tests.helpers.graphs import pool
from tests.helpers.lowered import conv_of, graph_of, mixing, nodes_on_a_map, random_weights, rate_error


def _pair(first: Linear, second: Linear, shape: Shape, fold_limit: float = 2.0) -> Lowering:
    return lower(graph_of(shape, first, second, Relu("r", second.name)), fold_limit)


def test_depthwise_into_few_pointwise_outputs_folds() -> None:
    depthwise = Linear("dw", "input", Conv(random_weights(3, 3, 1, 4), groups=4), np.zeros(4))
    lowering = _pair(depthwise, conv_of("pw", "dw", 1, 1, 4, 1), (6, 6, 4))
    decision = lowering.decisions[2]
    assert decision.kind == "folded"
    assert decision.folded is not None and decision.pair is not None
    assert decision.folded.weights == 3 * 3 * 4
    assert decision.pair.weights == 3 * 3 * 4 + 4
    assert decision.folded.synapses == 4 * 4 * 3 * 3 * 4
    assert decision.pair.synapses == 4 * 4 * (3 * 3 * 4 + 4)


def test_depthwise_into_many_pointwise_outputs_becomes_a_relay() -> None:
    """Folded, the pair would have 9 times the weights (Xception)."""
    depthwise = Linear("dw", "input", Conv(random_weights(3, 3, 1, 16), groups=16), np.zeros(16))
    lowering = _pair(depthwise, conv_of("pw", "dw", 1, 1, 16, 32), (6, 6, 16))
    decision = lowering.decisions[2]
    assert decision.kind == "relay"
    assert decision.folded is not None and decision.pair is not None
    assert (decision.folded.weights, decision.pair.weights) == (9 * 16 * 32, 9 * 16 + 16 * 32)
    assert [p.name for p in lowering.network.populations] == ["input", "dw.relay", "dw.relay_negative", "r", "r.readout"]


def test_the_limit_is_the_callers() -> None:
    first, second = conv_of("a", "input", 3, 3, 2, 2), conv_of("b", "a", 3, 3, 2, 2)  # 5x5: 100 weights for 36 + 36
    folded = _pair(first, second, (9, 9, 2), 100.0)
    assert "a.relay" not in folded.network.by_name
    assert folded.network.projections[0].geometry.kernel.shape == (5, 5, 2, 2)
    assert "a.relay" in _pair(first, second, (9, 9, 2), 1.0).network.by_name


@pytest.mark.parametrize(("channels", "relayed"), [(256, False), (8, True)])
def test_what_is_many_times_the_pair_folds_where_it_is_little_of_the_model(channels: int, relayed: bool) -> None:
    """An average over 8x8 positions before ten classes, 8.6 times the pair's weights, behind a large or a small model."""
    large = conv_of("large", "input", 5, 5, channels, 64, padding=(2, 2, 2, 2))
    average = Linear("average", "relu", Conv(np.full((8, 8, 1, 64), 1 / 64), groups=64), np.zeros(64))
    graph = graph_of(
        (8, 8, channels), large, Relu("relu", "large"), average, Linear("classes", "average", Dense(random_weights(64, 10)), np.zeros(10))
    )
    for limit, left in ((2.0, relayed), (1.0, True)):
        lowering = lower(graph, limit)
        assert ("average.relay" in lowering.network.by_name) == left
        assert rate_error(graph, lowering) < 1e-9


def test_what_cannot_be_folded_exactly_is_relayed_at_any_limit() -> None:
    lowering = _pair(
        conv_of("a", "input", 3, 3, 1, 1, padding=(1, 1, 1, 1)), conv_of("b", "a", 3, 3, 1, 1, padding=(1, 1, 1, 1)), (5, 5, 1), 1e9
    )
    assert lowering.decisions[2].kind == "relay"
    assert lowering.decisions[2].folded is None
    assert lowering.decisions[2].pair is not None


def test_a_relayed_readout_keeps_its_costs() -> None:
    """A bottleneck into a dense layer that would be far larger without it."""
    graph = graph_of(
        (1, 1, 64),
        Linear("narrow", "input", Dense(random_weights(64, 2)), np.zeros(2)),
        Linear("wide", "narrow", Dense(random_weights(2, 64)), np.zeros(64)),
    )
    lowering = lower(graph)
    last = lowering.decisions[-1]
    assert (last.node, last.kind) == ("wide", "readout over a relay")
    assert last.folded is not None and last.folded.weights == 64 * 64
    assert last.pair is not None and last.pair.weights == 2 * 64 * 2
    assert rate_error(graph, lowering) < 1e-9


def test_a_tensor_read_twice_is_relayed_once() -> None:
    depthwise = Linear("dw", "input", Conv(random_weights(3, 3, 1, 16), groups=16), np.zeros(16))
    graph = graph_of((6, 6, 16), depthwise, conv_of("a", "dw", 1, 1, 16, 32), conv_of("b", "dw", 1, 1, 16, 32), Add("s", ("a", "b")))
    names = [p.name for p in lower(graph).network.populations]
    assert names == ["input", "dw.relay", "dw.relay_negative", "s"]


@pytest.mark.parametrize(("weight", "bias", "twin"), [(1.0, 0.0, False), (1.0, 0.5, False), (1.0, -0.5, True), (-1.0, 0.0, True)])
def test_a_relay_has_a_negative_twin_only_where_it_is_needed(weight: float, bias: float, twin: bool) -> None:
    kernel = np.abs(random_weights(3, 3, 1, 16))
    kernel[0, 0, 0, 0] *= weight
    graph = graph_of(
        (6, 6, 16),
        Relu("r", "input"),
        Linear("dw", "r", Conv(kernel, groups=16), np.full(16, bias)),
        conv_of("pw", "dw", 1, 1, 16, 32),
    )
    lowering = lower(graph)
    assert "dw.relay" in lowering.network.by_name
    assert ("dw.relay_negative" in lowering.network.by_name) is twin
    assert rate_error(graph, lowering) < 1e-9


def test_an_average_pool_over_spikes_needs_no_twin() -> None:
    graph = graph_of(
        (5, 5, 2), Relu("r", "input"), Linear("pool", "r", pool((5, 5, 2), 2, 2), np.zeros(2)), conv_of("c", "pool", 3, 3, 2, 4)
    )
    lowering = lower(graph)
    assert [p.name for p in lowering.network.populations] == ["input", "r", "pool.relay", "c"]
    assert rate_error(graph, lowering) < 1e-9


def _trunk(blocks: int, width: int = 8) -> Graph:
    """A pre-activation ResNet: x + c1 + c2 + ..., read by a batch normalisation and a ReLU after every block."""
    nodes: list[Node] = [mixing("stem", "x", 2, width)]
    trunk = "stem"
    for i in range(blocks):
        nodes += [
            *(Scale(f"bn{i}", trunk, random_weights(width, seed=i), random_weights(width, seed=i + 50)), Relu(f"r{i}", f"bn{i}")),
            *(mixing(f"c{i}", f"r{i}", width, width), Add(f"x{i}", (trunk, f"c{i}"))),
        ]
        trunk = f"x{i}"
    return nodes_on_a_map(*nodes, Relu("last", trunk))


def test_a_branch_that_many_populations_would_fold_becomes_one_relay() -> None:
    graph = _trunk(8)
    lowering = lower(graph)
    assert rate_error(graph, lowering) < 1e-9
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
