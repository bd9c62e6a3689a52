"""Pools of maxima as trees of ReLUs: how many neurons and kernels they take."""

from __future__ import annotations

import tracemalloc

import numpy as np
import pytest

from ecc_lava.geometry import Conv, Dense
from ecc_lava.graph.evaluate import forward
from ecc_lava.graph.nodes import Add, Linear, MaxPool, Relu, Scale
from ecc_lava.lowering.lower import lower
from ecc_lava.networks.wiring import Kind
from tests.helpers.lowered import graph_of, mixing, nodes_on_a_map, random_images_of, random_weights, rate_error


def test_a_pool_after_a_relu_takes_as_many_neurons_as_the_relu() -> None:
    graph = nodes_on_a_map(mixing("c", "x", 2, 4), Relu("r", "c"), MaxPool("m", "r", (2, 2), (2, 2)))
    lowering = lower(graph)
    assert rate_error(graph, lowering) < 1e-12
    pools = [p for p in lowering.network.populations if p.kind is Kind.IF]
    assert [p.name for p in pools] == ["r.maximum1", "r.maximum2", "r.maximum3", "m"]
    assert all(p.shape == (3, 3, 4) for p in pools)


def test_a_relu_that_others_read_stays_before_the_pool() -> None:
    pooled = MaxPool("m", "r", (2, 2), (1, 1), (0, 1, 0, 1))
    graph = nodes_on_a_map(mixing("c", "x", 2, 4), Relu("r", "c"), pooled, Add("a", ("m", "r")))
    lowering = lower(graph)
    assert rate_error(graph, lowering) < 1e-12
    assert "r" in lowering.network.by_name


@pytest.mark.parametrize("size", [(2, 2), (3, 3), (3, 2), (1, 3)])
@pytest.mark.parametrize("stride", [1, 2])
def test_zeros_around_a_map_are_no_candidates_of_a_pool(size: tuple[int, int], stride: int) -> None:
    """Of negative values the largest is negative, at the border too."""
    padding = ((size[0] - 1) // 2, size[0] // 2, (size[1] - 1) // 2, size[1] // 2)
    below = Scale("s", "x", np.array([-1.0, -2.0]), np.array([-9.0, -9.0]))
    graph = nodes_on_a_map(below, MaxPool("m", "s", size, (stride, stride), padding))
    assert (forward(graph, random_images_of(graph)) < 0).all()
    assert rate_error(graph, lower(graph)) < 1e-9


def test_the_ceiling_of_a_relu_is_its_populations() -> None:
    graph = nodes_on_a_map(mixing("c", "x", 2, 4), Relu("r", "c", 0.5), mixing("d", "r", 4, 2))
    lowering = lower(graph)
    assert lowering.network.by_name["r"].ceiling == 0.5
    assert rate_error(graph, lowering) < 1e-12


def test_channels_put_together_and_taken_apart_cost_nothing() -> None:
    def place(name: str, source: str, first: int) -> Linear:
        return Linear(name, source, Conv(np.ones((1, 1, 1, 3)), groups=3, writes=(first, 6)), np.zeros(6))

    taken = Linear("t", "both", Conv(np.ones((1, 1, 1, 3)), groups=3, reads=(3, 6)), np.zeros(3))
    graph = nodes_on_a_map(
        *(mixing("c", "x", 2, 3), Relu("r", "c"), mixing("dd", "x", 2, 3), Relu("q", "dd")),
        *(place("pr", "r", 0), place("pq", "q", 3), Add("both", ("pr", "pq")), taken, mixing("e", "t", 3, 2)),
    )
    lowering = lower(graph)
    assert rate_error(graph, lowering) < 1e-12
    assert [(p.source, p.geometry.kernel.shape) for p in lowering.network.into("e")] == [("q", (3, 3, 3, 2))]


def test_a_pool_of_overlapping_windows_reads_a_relay_rather_than_17_copies() -> None:
    graph = nodes_on_a_map(mixing("c", "x", 2, 8), MaxPool("m", "c", (3, 3), (2, 2)), Relu("r", "m"))
    lowering = lower(graph)
    assert rate_error(graph, lowering) < 1e-9
    decision = next(d for d in lowering.decisions if d.node == "m")
    assert decision.kind == "maxima over a relay"
    assert decision.folded is not None and decision.folded.weights == 17 * 3 * 3 * 2 * 8


def test_a_pool_of_one_position_is_a_stride() -> None:
    graph = nodes_on_a_map(mixing("c", "x", 2, 4), MaxPool("m", "c", (1, 1), (2, 2)), Relu("r", "m"))
    lowering = lower(graph)
    assert rate_error(graph, lowering) < 1e-12
    assert [p.name for p in lowering.network.populations] == ["x", "r", "r.readout"]
    assert lowering.network.into("r")[0].geometry.kernel.shape == (3, 3, 2, 4)


def test_neighbouring_taps_of_a_pool_share_one_kernel() -> None:
    graph = nodes_on_a_map(mixing("c", "x", 2, 4), Relu("r", "c"), MaxPool("m", "r", (2, 2), (2, 2)))
    network = lower(graph).network
    shapes = [p.geometry.kernel.shape[:2] for p in network.projections if p.source == "x"]
    assert shapes == [(3, 4), (3, 4), (4, 3), (3, 3)]


def test_large_kernels_are_neither_copied_nor_composed_in_vain() -> None:
    kernel = random_weights(512, 2048).astype(np.float32)
    pooled = Linear("pool", "input", Conv(np.full((16, 16, 1, 512), 1 / 256), groups=512), np.zeros(512))
    graph = graph_of((16, 16, 512), pooled, Linear("d", "pool", Dense(kernel), np.zeros(2048)), Relu("r", "d"))
    tracemalloc.start()
    network = lower(graph).network  # folded, the pair would be 2 GB
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 20e6
    assert network.into("r")[0].geometry.kernel.base is not None
    assert np.shares_memory(network.into("r")[0].geometry.kernel, kernel)
