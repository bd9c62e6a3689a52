"""Weights that the model itself has rounded keep its integers in every format, beside other weights, and through files."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from ecc_lava import load, save
from ecc_lava.common import Array
from ecc_lava.conversion import convert
from ecc_lava.formats import number_format
from ecc_lava.geometry import Conv, Dense, grid_of
from ecc_lava.graph import Add, Graph, Input, Linear, Relu, Reshape, forward
from ecc_lava.networks import SpikingNetwork, rate_forward
from ecc_lava.quantisation import own_widths, quantise
from tests.helpers.own_weights import differing

SHAPE = (6, 6, 3)


def _integers(*shape: int, bits: int = 4, seed: int = 1) -> Array:
    most = 2 ** (bits - 1) - 1
    return np.random.Generator(np.random.Philox(seed)).integers(-most, most + 1, shape)


def _linear(name: str, source: str, mantissas: Array, step: Array | float, bits: int = 4) -> Linear:
    kernel = (mantissas * np.asarray(step)).astype(np.float32)
    geometry = Dense(kernel) if kernel.ndim == 2 else Conv(kernel, padding=(1, 1, 1, 1))
    return Linear(name, source, geometry, np.full(kernel.shape[-1], 0.05, np.float32), grid_of(mantissas, bits))


FIRST, SECOND, LAST = _integers(3, 3, 3, 4), _integers(3, 3, 4, 4, seed=2), _integers(144, 5, seed=3)
STEPS = np.array([0.01, 0.013, 0.017, 0.011])


def _graph(*, step: Array | float = STEPS, shortcut: float | None = None, bits: int | None = None) -> Graph:
    ceiling = np.inf if bits is None else (2**bits - 1) * 2.0**-bits
    joined = [] if shortcut is None else [Add("sum", ("second", "first.relu"))]
    return Graph(
        (
            Input("images", SHAPE),
            _linear("first", "images", FIRST, step),
            Relu("first.relu", "first", ceiling, bits),
            _linear("second", "first.relu", SECOND, step),
            *joined,
            Relu("second.relu", "sum" if joined else "second", ceiling, bits),
            Reshape("flat", "second.relu", (1, 1, 144)),
            _linear("classes", "flat", LAST, 1 / 64),
        )
    )


def _images() -> Array:
    return np.random.Generator(np.random.Philox(9)).random((24, *SHAPE))


OWN = {"first.relu": FIRST, "second.relu": SECOND, "classes": LAST}


def _converted(graph: Graph, **options: Any) -> SpikingNetwork:
    return convert(graph, calibration=_images(), **options)


@pytest.mark.parametrize("format", ["loihi1", "loihi2"])
@pytest.mark.parametrize("recipe", ["ecc", "best"])
def test_binary_spikes_keep_steps_by_channel(format: str, recipe: str) -> None:
    spiking = _converted(_graph(), format=format, recipe=recipe, timesteps=16)
    network = quantise(spiking, format=format)
    step = 2 ** network.format.dropped_bits(4)  # a format that drops low bits keeps them at the top
    assert differing(network, {name: step * own for name, own in OWN.items()}) == 0
    assert {p.bits for p in network.projections} == {4}
    np.testing.assert_allclose(rate_forward(spiking, _images()), forward(_graph(), _images()), atol=1e-5)


@pytest.mark.parametrize("recipe", ["channel", "best"])
def test_payloads_keep_one_step(recipe: str) -> None:
    spiking = _converted(_graph(step=0.011), recipe=recipe, payload_bits=6)
    assert differing(quantise(spiking), OWN) == 0


def test_a_shortcut_is_rounded_beside_them() -> None:
    graph = _graph(shortcut=1.0)
    network = quantise(_converted(graph, recipe="channel", timesteps=64))
    (shortcut, convolution) = sorted(network.into("second.relu"), key=lambda p: p.geometry.kernel.size)
    np.testing.assert_array_equal(convolution.geometry.kernel, SECOND)
    assert shortcut.geometry.kernel.any() and shortcut.bits == 8


def test_two_grids_that_differ_by_no_power_of_two_are_rounded() -> None:
    other = _linear("other", "first.relu", SECOND, 0.7 * STEPS)
    nodes = list(_graph().nodes)
    nodes[4:5] = [other, Add("sum", ("second", "other")), Relu("second.relu", "sum")]
    network = quantise(_converted(Graph(tuple(nodes)), recipe="channel"))
    assert differing(network, {"first.relu": FIRST, "classes": LAST}) == 0


def test_two_grids_into_one_population_are_told(caplog: pytest.LogCaptureFixture) -> None:
    nodes = list(_graph().nodes)
    other = _linear("other", "images", FIRST, 0.7 * STEPS)
    nodes[4:5] = [other, Add("sum", ("second", "other")), Relu("second.relu", "sum")]
    network = quantise(_converted(Graph(tuple(nodes)), recipe="channel"))
    assert differing(network, {"first.relu": FIRST, "classes": LAST}) == 0
    assert "weights into second.relu do not keep the model's own steps" in caplog.text


def test_more_channels_than_thresholds_are_told(caplog: pytest.LogCaptureFixture) -> None:
    kernel = _integers(3, 3, 3, 24, seed=4)
    nodes = (Input("images", SHAPE), _linear("first", "images", kernel, 0.01 * np.linspace(1, 2, 24)), Relu("first.relu", "first"))
    last = _linear("classes", "flat", _integers(24 * 36, 3, seed=5), 1 / 64)
    graph = Graph((*nodes, Reshape("flat", "first.relu", (1, 1, 24 * 36)), last))
    for format, told in (("loihi2", False), ("loihi1", True)):
        caplog.clear()
        quantise(_converted(graph, recipe="channel", format=format, timesteps=16), format=format)
        assert ("do not keep the model's own steps" in caplog.text) == told


def test_widths_are_the_models_own_up_to_the_formats(caplog: pytest.LogCaptureFixture) -> None:
    spiking, format = _converted(_graph(), recipe="ecc"), number_format("loihi2")
    assert own_widths(spiking, format) == {"default": 8, "first.relu": 4, "second.relu": 4, "classes": 4}
    wide = _integers(3, 3, 3, 4, bits=12)
    nodes = (Input("images", SHAPE), _linear("first", "images", wide, 0.001, 12), Relu("first.relu", "first"), *_graph().nodes[3:])
    assert quantise(_converted(Graph(nodes), recipe="ecc")).quantisation is not None
    assert "first.relu (12 bits) are rounded again; a synapse of loihi2 holds 8 bits, and two hold 16 if `bits` says so" in caplog.text


def test_files_hold_grids(tmp_path: Path) -> None:
    graph = _graph(step=2.0**-6, bits=4)
    spiking = _converted(graph, recipe="ecc", payload_bits=4)
    network = quantise(spiking)
    save(tmp_path / "network.h5", network, snn=spiking, graph=graph)
    loaded, loaded_spiking, loaded_graph = load(tmp_path / "network.h5")
    assert loaded_spiking is not None and loaded_graph is not None
    assert loaded.digest == network.digest == quantise(loaded_spiking).digest
    assert loaded_graph.digest == graph.digest
    per_class = quantise(_converted(_graph(step=STEPS), recipe="ecc"))
    save(tmp_path / "other.h5", per_class)
    assert load(tmp_path / "other.h5")[0].logit_scales == per_class.logit_scales


def test_rounded_activations_are_equal_before_and_after_lowering() -> None:
    graph = _graph(step=2.0**-6, bits=4)
    made = rate_forward(_converted(graph, recipe="ecc", payload_bits=4), _images())
    np.testing.assert_allclose(made, forward(graph, _images()), atol=1e-9)
    assert np.abs(made - forward(_graph(step=2.0**-6), _images())).max() > 1e-3
