"""Step populations of weights wider than two synapses: exactly the signs of whole numbers, on every back end, in files and on cores."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

import ecc_lava
import hw_mappings
from ecc_lava.common.arrays import Array
from ecc_lava.errors import InvalidInput, InvalidNetwork, RangeError
from ecc_lava.formats.loihi2 import LOIHI2
from ecc_lava.geometry import Conv, Dense, Geometry, as_sparse
from ecc_lava.graph.graph import Graph
from ecc_lava.graph.nodes import Input, Linear, Reshape
from ecc_lava.networks import Kind, SpikingNetwork
from ecc_lava.quantisation.as_float import as_float
from ecc_lava.quantisation.carried_steps import carried_step
from ecc_lava.quantisation.quantise import quantise
from ecc_lava.quantisation.range_audit import one_step_bound
from tests.helpers.compare import assert_deployed_alike
from tests.helpers.lava import needs_lava
from tests.helpers.signs import sign_nodes
from tests.helpers.small_networks import float_network
from tests.helpers.wide_steps import exact_signs, step_network

WIDE = {"s": 24, "default": 8}


def _network(seed: int, kind: str) -> tuple[SpikingNetwork, dict[str, Array]]:
    """Return a network whose first signs depend on the last bits of its weights, and its images."""
    rng = np.random.default_rng(seed)
    kernels = {"conv": (3, 3, 3, 4), "two": (3, 3, 3, 4), "dense": (75, 4), "sparse": (3, 3, 3, 4)}

    def drawn() -> Geometry:
        real = rng.normal(0, 0.3, kernels[kind])
        kernel = real.astype(np.float16).astype(np.float64) if seed % 2 else real
        if kind == "dense":
            return Dense(kernel)
        conv = Conv(kernel, padding=(1, 1, 1, 1))
        return as_sparse(conv, (5, 5, 3)) if kind == "sparse" else conv

    shape = (1, 1, 75) if kind == "dense" else (5, 5, 3)
    into = [drawn() for _ in range(2 if kind == "two" else 1)]
    bias = rng.normal(0, 5, (1, 1, 4) if seed % 3 else ((1, 1, 4) if kind == "dense" else (5, 5, 4)))
    network = step_network(shape, bias, *into)
    images = {p.name: rng.integers(0, 256, (64, *shape)).astype(np.uint8) for p in network.inputs}
    return network, images


@pytest.mark.parametrize("kind", ["conv", "two", "dense", "sparse"])
@pytest.mark.parametrize("bits", [17, 21, 24])
@pytest.mark.parametrize("seed", [0, 1])
def test_signs_are_those_of_whole_numbers(seed: int, bits: int, kind: str) -> None:
    snn, images = _network(seed, kind)
    network = quantise(snn, bits=WIDE | {"s": bits})
    names = [p.name for p in network.populations if p.kind.spikes]
    fast = ecc_lava.simulate(network, images, record=names)
    golden = ecc_lava.simulate(network, images, backend="golden", record=names)
    floats = ecc_lava.simulate(as_float(network), images, backend="float", record=names)
    for name in names:
        np.testing.assert_array_equal(fast.counts[name], golden.counts[name], err_msg=name)
        np.testing.assert_array_equal(fast.counts[name], floats.counts[name], err_msg=name)
    chosen = carried_step(snn, snn.by_name["s"], LOIHI2, bits, "channel")
    np.testing.assert_array_equal(fast.counts["s"], exact_signs(snn, images, chosen.units))
    if seed % 2 and bits == 24:  # kept in 16 bits, so that the float network has the same sums
        np.testing.assert_array_equal(fast.counts["s"], ecc_lava.simulate(snn, images, backend="float", record=["s"]).counts["s"])


def test_carries_are_populations_before_their_step_and_their_sums_are_proven() -> None:
    network = quantise(_network(0, "conv")[0], bits=WIDE)
    carries = [p for p in network.populations if p.carries_to]
    assert [p.name for p in network.populations] == ["x0", *(p.name for p in carries), "s", "t", "out"]
    assert len(carries) == 2
    assert {p.carries_to for p in carries} == {"s"}
    assert all(p.kind is Kind.IF and p.payload.bits <= 8 and p.shape == (5, 5, 4) for p in carries)
    assert [p.depth for p in network.populations] == [0, 1, 2, 3, 4, 5]
    assert all(found.one_step_fits for found in one_step_bound(network))
    assert network.payload.bits == 1


def test_more_bits_move_fewer_signs() -> None:
    snn, images = _network(0, "conv")
    real = ecc_lava.simulate(snn, images, backend="float", record=["s"]).counts["s"]
    moved = []
    for bits in (4, 8, 24):
        found = ecc_lava.simulate(quantise(snn, bits={"s": bits, "default": 8}), images, record=["s"]).counts["s"]
        moved.append(int((found != real).sum()))
    assert moved[0] > moved[1] > moved[2] == 0


def test_a_sum_of_0_fires() -> None:
    snn = step_network((1, 1, 2), np.full((1, 1, 1), -3 / 7), Dense(np.array([[1 / 7], [100000 / 7]])))
    images = {"x0": np.array([[2, 0], [3, 0], [4, 0]], np.uint8).reshape(3, 1, 1, 2)}
    assert ecc_lava.simulate(quantise(snn, bits=WIDE), images, record=["s"]).counts["s"].ravel().tolist() == [0, 1, 1]


def test_a_stream_of_carries_sends_the_same_frame_by_frame() -> None:
    snn, images = _network(1, "conv")
    network, frames = quantise(snn, bits=WIDE), images["x0"][:12]
    stream = ecc_lava.sigma_delta(network)
    found = ecc_lava.simulate(stream, {"x0": frames[None]})
    golden = ecc_lava.simulate(stream, {"x0": frames[None]}, backend="golden")
    alone = ecc_lava.simulate(network, {"x0": frames})
    for result in (found, golden):
        np.testing.assert_array_equal(np.asarray(result.logits).reshape(12, -1), np.asarray(alone.logits).reshape(12, -1))


@needs_lava
@pytest.mark.slow
def test_a_network_with_carries_survives_a_file_and_runs_on_cores(tmp_path: Path) -> None:
    snn, images = _network(1, "conv")
    network = quantise(snn, bits=WIDE)
    ecc_lava.save(tmp_path / "net.h5", network, snn=snn)
    stored = ecc_lava.load(tmp_path / "net.h5")[0]
    assert stored.digest == network.digest
    assert [p.carries_to for p in stored.populations] == [p.carries_to for p in network.populations]
    mapping = hw_mappings.map_network(network, chip=hw_mappings.LOIHI2)
    assert_deployed_alike(hw_mappings.deploy(network, mapping, {"x0": images["x0"][:2]}))


def _graph() -> Graph:
    rng = np.random.default_rng(0)
    first = Linear("c", "x", Conv(rng.normal(0, 0.3, (3, 3, 3, 4))), np.zeros(4))
    last = Linear("out", "f", Dense(rng.normal(size=(36, 3))), np.zeros(3))
    return Graph((Input("x", (5, 5, 3)), first, *sign_nodes("s", "c", 4), Reshape("f", "s", (1, 1, 36)), last))


def test_conversion_checks_and_attribution_know_carries() -> None:
    graph, x = _graph(), np.random.default_rng(1).integers(0, 256, (24, 5, 5, 3)).astype(np.uint8)
    widths = {"s.up": 24, "s.down": 20, "default": 8}
    snn = ecc_lava.convert(graph, calibration=x, timesteps=1, bits=widths)
    network = quantise(snn, bits=widths)
    carries = {p.name for p in network.populations if p.carries_to}
    report = ecc_lava.check(network, x, snn=snn, graph=graph, lava=False)
    assert report.ok
    assert {layer.name for layer in report.layers if layer.spike_count_error is None} == carries
    found = ecc_lava.attribute(network, x, snn=snn, graph=graph)
    assert [layer.name for layer in found.layers] == ["s.up", "s.down", "out"]
    steps = [layer for layer in found.layers if layer.name != "out"]
    assert all(layer.rounding.error == 0 for layer in steps)


@pytest.mark.parametrize(
    ("change", "bits", "format", "message"),
    [
        ({}, 17, "loihi2", "17 bits a weight; loihi2 holds 2 to 8, and two synapses up to 16; up to 24 bits are for step populations"),
        ({}, {"out": 17, "default": 8}, "loihi2", "17 bits a weight for 'out'"),
        ({"timesteps": 2}, WIDE, "loihi2", "24 bits a weight for 's'"),
        ({}, WIDE | {"s": 25}, "loihi2", "25 bits a weight for 's'"),
        ({"coding": "rate"}, WIDE, "loihi1", "24 bits a weight for 's'; loihi1 holds 2 to 8, and two synapses up to 16 "),
    ],
)
def test_what_cannot_be_carried_is_refused(change: dict[str, object], bits: object, format: str, message: str) -> None:
    snn = step_network((5, 5, 3), np.zeros((1, 1, 1)), Conv(np.ones((3, 3, 3, 4)) / 3), **change)  # type: ignore[arg-type]
    with pytest.raises(InvalidInput, match=message):
        quantise(snn, bits=bits, format=format)  # type: ignore[arg-type]


def test_factors_of_positions_and_too_many_inputs_are_refused() -> None:
    rng, bias = np.random.default_rng(0), np.zeros((1, 1, 1))
    averaged = Conv(rng.normal(size=(3, 3, 3, 4)), gain=rng.uniform(0.5, 1, (3, 3)))
    with pytest.raises(InvalidInput, match="24 bits a weight for 's': weights with a factor for each position"):
        quantise(step_network((5, 5, 3), bias, averaged), bits=WIDE)
    with pytest.raises(RangeError, match="population 's' has too many inputs for weights of 24 bits"):
        quantise(step_network((1, 1, 80000), bias, Dense(rng.normal(size=(80000, 1)))), bits=WIDE)


def test_carries_go_to_step_populations_alone() -> None:
    network = quantise(float_network((5, 6, 3), Conv(np.ones((3, 3, 3, 4))), timesteps=1))
    populations = tuple(replace(p, carries_to="out") if p.name == "p" else p for p in network.populations)
    with pytest.raises(InvalidNetwork, match="the if population 'p' carries to 'out'"):
        replace(network, populations=populations)
