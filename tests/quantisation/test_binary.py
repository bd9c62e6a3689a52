"""Binarised networks: one bit a weight, step populations, exact at one timestep."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

import ecc_lava
from ecc_lava.analysis.differences import compare
from ecc_lava.common.arrays import Array
from ecc_lava.errors import InvalidInput, RangeError
from ecc_lava.geometry import Conv, Dense, Geometry
from ecc_lava.geometry.binary import is_binary, mixes_channels
from ecc_lava.graph.evaluate import forward
from ecc_lava.graph.graph import Graph
from ecc_lava.graph.nodes import Add, Input, Linear, Node, Relu, Reshape, Scale, Step
from ecc_lava.lowering.lower import lower
from ecc_lava.networks.rates import rate_forward
from ecc_lava.networks.wiring import Kind
from ecc_lava.quantisation.quantise import quantise
from tests.helpers.lava import needs_lava
from tests.helpers.signs import sign_nodes


def _signs(rng: np.random.Generator, *shape: int) -> Array:
    """Return +-alpha, one alpha for every output channel, in single precision."""
    return (rng.choice([-1.0, 1.0], shape) * rng.uniform(0.1, 2.0, shape[-1])).astype(np.float32)


def _binarised(seed: int) -> Graph:
    """Return a network of sign activations and binarised weights between batch normalisations."""
    rng = np.random.default_rng(seed)
    nodes: list[Node] = [
        Input("x", (7, 6, 2)),
        Linear("c1", "x", Conv(_signs(rng, 3, 3, 2, 5)), np.zeros(5)),
        Scale("b1", "c1", rng.normal(1, 0.5, 5), rng.normal(0, 0.5, 5)),
        *sign_nodes("s1", "b1", 5),
        Linear("c2", "s1", Conv(_signs(rng, 3, 3, 5, 4), padding=(1, 1, 1, 1)), np.zeros(4)),
        Scale("b2", "c2", rng.normal(1, 0.5, 4), rng.normal(0, 0.5, 4)),
        *sign_nodes("s2", "b2", 4),
        Reshape("f", "s2", (1, 1, 5 * 4 * 4)),
        Linear("out", "f", Dense(0.7 * rng.choice([-1.0, 1.0], (80, 3))), rng.normal(size=3)),  # a readout has one unit, so one alpha
    ]
    return Graph(tuple(nodes))


@pytest.mark.parametrize("seed", range(6))
def test_a_binarised_network_is_exact_at_one_timestep_with_one_bit_a_weight(seed: int) -> None:
    graph = _binarised(seed)
    x = np.random.default_rng(seed).integers(0, 256, (40, 7, 6, 2)).astype(np.uint8)
    reference = forward(graph, x)
    snn = ecc_lava.convert(graph, calibration=x, timesteps=1)
    np.testing.assert_allclose(rate_forward(snn, x), reference, rtol=1e-9, atol=1e-9)
    network = quantise(snn)
    assert {p.bits for p in network.projections} == {1}
    assert all((np.abs(p.geometry.kernel) == 1).all() for p in network.projections)
    spikes = [p.name for p in network.populations if p.kind.spikes]
    assert all(network.by_name[name].kind is Kind.STEP for name in spikes)
    result = ecc_lava.simulate(network, x, record=spikes)
    real = ecc_lava.simulate(snn, x, backend="float", record=spikes)
    for name in spikes:
        np.testing.assert_array_equal(result.counts[name], real.counts[name], err_msg=name)
        assert 0 < result.counts[name].mean() < 1
    np.testing.assert_allclose(result.logits, reference, rtol=1e-4, atol=1e-4 * np.abs(reference).max())
    assert np.array_equal(np.asarray(result.readout), np.asarray(ecc_lava.simulate(network, x, backend="golden").readout))


@needs_lava
def test_step_populations_on_lava() -> None:
    x = np.random.default_rng(7).integers(0, 256, (4, 7, 6, 2)).astype(np.uint8)
    network = quantise(ecc_lava.convert(_binarised(7), calibration=x, timesteps=1))
    found = compare(network, x, "lava")
    assert (found.images, found.differing_spikes, found.differing_potentials) == (4, 0, 0)


def test_the_file_keeps_one_bit_and_the_kind(tmp_path: object) -> None:
    from pathlib import Path

    graph = _binarised(0)
    x = np.random.default_rng(0).integers(0, 256, (5, 7, 6, 2)).astype(np.uint8)
    snn = ecc_lava.convert(graph, calibration=x, timesteps=1)
    network = quantise(snn)
    path = Path(str(tmp_path)) / "net.h5"
    ecc_lava.save(path, network, snn=snn, graph=graph)
    loaded, _, again = ecc_lava.load(path)
    assert again is not None
    assert loaded.digest == network.digest
    assert [p.bits for p in loaded.projections] == [p.bits for p in network.projections]
    np.testing.assert_array_equal(forward(again, x), forward(graph, x))


def test_step_at_zero_is_one_and_sign_of_zero_is_zero() -> None:
    graph = Graph((Input("x", (1, 1, 3)), *sign_nodes("s", "x", 3)))
    np.testing.assert_array_equal(forward(graph, np.array([[-0.5, 0.0, 0.5]])), [[-1, 0, 1]])
    np.testing.assert_array_equal(rate_forward(lower(graph).network, np.array([[-0.5, 0.0, 0.5]])), [[-1, 0, 1]])


def test_step_activations_over_time_or_beside_relus_are_refused_unless_asked_for() -> None:
    graph = _binarised(0)
    x = np.random.default_rng(0).integers(0, 256, (5, 7, 6, 2)).astype(np.uint8)
    with pytest.raises(InvalidInput, match=r"step activations \(s1.up, s1.down, s2.up\).*32 timesteps.*--steps-in-time"):
        ecc_lava.convert(graph, calibration=x)
    mixed = Graph((Input("x", (1, 1, 3)), Step("s", "x"), Relu("r", "s")))
    values = np.array([[-1.0, 0.0, 1.0]])
    with pytest.raises(InvalidInput, match=r"ReLU populations beside them \(r\)"):
        ecc_lava.convert(mixed, calibration=values, timesteps=1)
    network = quantise(ecc_lava.convert(graph, calibration=x, timesteps=8, steps_in_time=True))
    for backend in ("golden", "fast"):
        result = ecc_lava.simulate(network, x, backend=backend, record=["s1.up"])
        assert set(np.unique(result.counts["s1.up"])) <= {0, 8}  # a constant input has the same sign at every step


@pytest.mark.parametrize(
    ("geometry", "binary", "mixes"),
    [
        (Dense(np.array([[0.5, -2.0], [-0.5, 2.0]])), True, True),
        (Dense(np.array([[0.5, -2.0], [-0.5, 1.0]])), False, True),
        (Dense(np.array([[0.0, 1.0], [0.0, 1.0]])), False, True),
        (Dense(np.ones((1, 4))), False, True),  # one weight is always +-alpha
        (Conv(np.full((2, 2, 1, 3), 0.25), groups=3), True, False),  # a mean
        (Conv(np.full((2, 2, 1, 3), 0.25), groups=3, gain=np.ones((2, 2))), False, False),
        (Conv(np.array([[[[0.1], [-0.1]]]], np.float32)), True, True),
    ],
)
def test_binary_weights_are_recognised(geometry: Geometry, binary: bool, mixes: bool) -> None:
    assert is_binary(geometry) is binary
    assert mixes_channels(geometry) is mixes


def test_a_relu_network_with_binary_weights_keeps_one_bit_and_one_lambda() -> None:
    rng = np.random.default_rng(3)
    graph = Graph(
        (
            Input("x", (6, 6, 2)),
            Linear("a", "x", Conv(rng.normal(size=(3, 3, 2, 4))), rng.normal(size=4)),
            Relu("r", "a"),
            Linear("b", "r", Conv(_signs(rng, 3, 3, 4, 5)), rng.normal(size=5)),
            Relu("q", "b"),
            Linear("c", "q", Conv(rng.normal(size=(2, 2, 5, 3))), rng.normal(size=3)),
        )
    )
    x = rng.integers(0, 256, (20, 6, 6, 2)).astype(np.uint8)
    snn = ecc_lava.convert(graph, calibration=x)
    assert snn.by_name["r"].lambda_.shape == (1, 1, 1)
    assert snn.by_name["q"].lambda_.shape == (1, 1, 5)
    network = quantise(snn)
    assert [p.bits for p in network.projections] == [8, 1, 8]
    assert network.into("q")[0].largest_weight == 1


def test_binary_weights_that_one_bit_would_round_keep_more() -> None:
    """Two binarised branches into one ReLU, of unlike alpha, have no common unit."""
    rng = np.random.default_rng(4)
    graph = Graph(
        (
            Input("x", (4, 4, 2)),
            Linear("a", "x", Conv(_signs(rng, 3, 3, 2, 4)), np.zeros(4)),
            Linear("b", "x", Conv(_signs(rng, 1, 1, 2, 4), padding=(-1, -1, -1, -1)), np.zeros(4)),
            Add("s", ("a", "b")),
            Relu("r", "s"),
        )
    )
    x = rng.integers(0, 256, (20, 4, 4, 2)).astype(np.uint8)
    network = quantise(ecc_lava.convert(graph, calibration=x))
    assert {p.bits for p in network.into("r")} == {8}


def test_one_bit_is_no_width_to_ask_for() -> None:
    graph = _binarised(0)
    snn = ecc_lava.convert(graph, calibration=np.zeros((1, 7, 6, 2), np.uint8), timesteps=1)
    with pytest.raises(InvalidInput, match="holds 2 to 8"):
        quantise(snn, bits=1)


def test_a_step_population_may_have_a_threshold_of_zero_and_no_other() -> None:
    network = quantise(ecc_lava.convert(_binarised(0), calibration=np.ones((1, 7, 6, 2)), timesteps=1))
    step = network.by_name["s1.up"]
    assert (step.vth == 0).all()
    others = tuple(replace(p, kind=Kind.IF) if p is step else p for p in network.populations)
    with pytest.raises(RangeError, match="must be at least 1"):
        replace(network, populations=others)
