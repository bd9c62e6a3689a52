"""Models of Larq: files are read without its package, and compute what Larq computes."""

from __future__ import annotations

import logging
import os
import subprocess
import sys
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from ecc_lava.backends import simulate
from ecc_lava.common import Array
from ecc_lava.conversion import convert
from ecc_lava.errors import UnsupportedModel
from ecc_lava.graph import Graph, forward
from ecc_lava.importers.keras import from_keras, load_model, with_input_shapes
from ecc_lava.quantisation import quantise
from tests.helpers.larq_files import conv, layer, quantiser, sign, write
from tests.helpers.own_weights import differing

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::UserWarning")
needs_larq = pytest.mark.skipif(find_spec("larq") is None, reason="needs Larq: uv run --group larq pytest, in an environment of its own")

ROOT = Path(__file__).parents[3]
STE_SIGN = quantiser("SteSign", clip_value=1.0)
WEIGHT_CLIP = {"module": "larq.constraints", "class_name": "weight_clip", "config": {"clip_value": 1}, "registered_name": "weight_clip"}


def _drawn(*shape: int) -> Array:
    """Return multiples of 1/8, zeros among them, whose sums are exact."""
    drawn: Array = np.random.default_rng(sum(shape)).integers(-8, 9, shape) / 8
    return drawn


def _graph(path: Path, shape: tuple[int, ...], layers: list[dict[str, Any]], weights: dict[str, dict[str, Array]]) -> Graph:
    return from_keras(load_model(write(path, shape, layers, weights)))


def test_a_binary_network_keeps_its_bits(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    x, k0, k1, k2 = _drawn(16, 6, 6, 2), _drawn(3, 3, 2, 4), _drawn(3, 3, 4, 5), _drawn(45, 3)
    plain = {"padding": "same", "use_bias": False, "kernel_size": [3, 3], "kernel_constraint": WEIGHT_CLIP, "groups": 1}
    layers = [
        layer("QuantConv2D", "first", filters=4, kernel_quantizer=STE_SIGN, **plain),
        layer("Activation", "act", activation="ste_sign"),
        layer("QuantConv2D", "second", filters=5, strides=[2, 2], pad_values=1.0, kernel_quantizer=STE_SIGN, **plain),
        layer("Activation", "act2", activation=quantiser("ApproxSign", clip_value=1.0)),
        layer("Flatten", "flatten"),
        layer("QuantDense", "classes", units=3, use_bias=True, kernel_quantizer="magnitude_aware_sign"),
    ]
    bias = _drawn(3)
    weights = {"first": {"kernel": k0}, "second": {"kernel": k1}, "classes": {"kernel": k2, "bias": bias}}
    with caplog.at_level(logging.WARNING):
        graph = _graph(tmp_path / "model.h5", (6, 6, 2), layers, weights)
    assert "an Activation by SteSign becomes a layer" in caplog.text
    hidden = sign(conv(sign(conv(x, sign(k0), pad=0)), sign(k1), 2, pad=1))
    wanted = hidden.reshape(16, -1) @ (sign(k2) * np.abs(k2).mean(axis=0)) + bias
    np.testing.assert_allclose(forward(graph, x), wanted, rtol=1e-6, atol=1e-6)

    network = quantise(convert(graph, calibration=x, timesteps=1))
    assert differing(network, {"act.step": sign(k0), "act2.step": sign(k1), "classes": sign(k2)}) == 0
    assert {p.bits for p in network.projections} == {1}
    fast, golden = (simulate(network, x, backend=name) for name in ("fast", "golden"))
    assert fast.readout is not None
    assert golden.readout is not None
    assert np.array_equal(fast.readout, golden.readout)


def _tern(x: Array, limit: float) -> Array:
    return np.where(np.abs(x) >= limit, np.sign(x), 0) if limit else np.sign(x)


def _dorefa(x: Array) -> Array:
    squashed = np.tanh(x)
    return 2 * np.rint((squashed / (2 * np.abs(squashed).max()) + 0.5) * 3) / 3 - 1


@pytest.mark.parametrize(
    ("described", "made"),
    [
        ("swish_sign", sign),
        (quantiser("SteTern", threshold_value=0.25, ternary_weight_networks=False), lambda k: _tern(k, 0.25)),
        (quantiser("SteTern", ternary_weight_networks=True), lambda k: _tern(k, 0.7 * np.abs(k).mean())),
        (quantiser("SteTern", threshold_value=0), lambda k: _tern(k, 0)),
        ("ste_heaviside", lambda k: (k > 0).astype(float)),
        (quantiser("MagnitudeAwareSign"), lambda k: sign(k) * np.abs(k).mean(axis=0)),
        (quantiser("DoReFa", k_bit=2, mode="weights"), _dorefa),
        (quantiser("NoOp", precision=1), lambda k: k),
        (None, lambda k: k),
    ],
)
def test_weights_are_as_their_quantiser_makes_them(described: Any, made: Callable[[Array], Array], tmp_path: Path) -> None:
    x, kernel = _drawn(9, 7), _drawn(7, 5)
    dense = layer("QuantDense", "dense", units=5, use_bias=False, kernel_quantizer=described)
    graph = _graph(tmp_path / "model.h5", (7,), [dense], {"dense": {"kernel": kernel}})
    np.testing.assert_allclose(forward(graph, x), x @ made(kernel), rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize(
    ("described", "made"),
    [
        ("approx_sign", sign),
        ("ste_heaviside", lambda x: (x > 0).astype(float)),
        (quantiser("SteTern", threshold_value=0.25), lambda x: _tern(x, 0.25)),
        (quantiser("SteTern", threshold_value=0.0), lambda x: _tern(x, 0)),
        (quantiser("DoReFa", k_bit=2, mode="activations"), lambda x: np.rint(x.clip(0, 1) * 3) / 3),
        (quantiser("NoOp", precision=2), lambda x: x),
    ],
)
def test_inputs_are_as_their_quantiser_makes_them(described: Any, made: Callable[[Array], Array], tmp_path: Path) -> None:
    x, kernel = _drawn(9, 7), _drawn(7, 5)
    dense = layer("QuantDense", "dense", units=5, use_bias=False, input_quantizer=described, activation="approx_sign")
    graph = _graph(tmp_path / "model.h5", (7,), [dense], {"dense": {"kernel": kernel}})
    off = np.abs(made(x) @ kernel) > 1e-6  # thirds do not sum to 0 in floats
    np.testing.assert_array_equal(forward(graph, x)[off], sign(made(x) @ kernel)[off])


@pytest.mark.parametrize("pad", [0.0, 1.0, -1.0])
def test_depthwise_and_separable_convolutions_pad_by_a_value(pad: float, tmp_path: Path) -> None:
    x, depth, kernel, point = _drawn(5, 5, 5, 3), _drawn(3, 3, 3, 2), _drawn(3, 3, 6, 1), _drawn(1, 1, 6, 4)
    same = {"padding": "same", "pad_values": pad, "kernel_size": [3, 3], "use_bias": True, "input_quantizer": "ste_sign"}
    layers = [
        layer("QuantDepthwiseConv2D", "depth", depth_multiplier=2, depthwise_quantizer="magnitude_aware_sign", **same),
        layer("QuantSeparableConv2D", "both", filters=4, depthwise_quantizer="ste_sign", pointwise_quantizer="ste_sign", **same),
    ]
    biases = _drawn(6), _drawn(4)
    weights = {
        "depth": {"depthwise_kernel": depth, "bias": biases[0]},
        "both": {"depthwise_kernel": kernel, "pointwise_kernel": point, "bias": biases[1]},
    }
    graph = _graph(tmp_path / "model.h5", (5, 5, 3), layers, weights)
    scaled = sign(depth) * np.abs(depth).mean(axis=(0, 1, 2))
    first = np.concatenate([conv(sign(x[..., c : c + 1]), scaled[:, :, c : c + 1], pad=pad) for c in range(3)], axis=3) + biases[0]
    between = np.concatenate([conv(sign(first[..., c : c + 1]), sign(kernel)[:, :, c : c + 1], pad=pad) for c in range(6)], axis=3)
    wanted = conv(between, sign(point)) + biases[1]
    np.testing.assert_allclose(forward(graph, x), wanted.reshape(5, -1), atol=1e-5)


@pytest.mark.parametrize(
    ("found", "message"),
    [
        (layer("QuantDense", "dense", units=2, kernel_quantizer="mine"), "the quantiser mine, which is not known here"),
        (layer("QuantDense", "dense", units=2, kernel_quantizer=quantiser("Evil")), "this layer type is not supported; of larq are"),
        (layer("QuantDense", "dense", units=2, input_quantizer="magnitude_aware_sign"), "MagnitudeAwareSign, which is no step here"),
        (layer("QuantDense", "dense", units=2, input_quantizer=quantiser("SteTern", ternary_weight_networks=True)), "of the batch"),
        (layer("QuantDense", "dense", units=2, input_quantizer=quantiser("SteTern", threshold_value=-1)), "must be 0 or more"),
        (layer("QuantDense", "dense", units=2, kernel_quantizer=["x"]), "which is not known here"),
        (layer("QuantDense", "dense", units=2, kernel_quantizer=quantiser("DoReFa", k_bit="x", mode="weights")), "must be a number"),
        (layer("QuantDense", "dense", units=2, input_quantizer=quantiser("DoReFa", k_bit=10**9)), "k_bit is 1e[+]09"),
        (layer("QuantLocallyConnected1D", "dense", filters=2), "QuantLocallyConnected1D.*not supported"),
        (layer("QuantDense", "dense", units=2, kernel_initializer={"class_name": "E", "module": "e", "config": {}}), "custom object"),
        (layer("QuantDense", "dense", units=2) | {"module": "larq.layers", "registered_name": "mine>Evil"}, "registered as 'mine>Evil'"),
    ],
)
def test_what_has_no_conversion_is_named(found: dict[str, Any], message: str, tmp_path: Path) -> None:
    path = write(tmp_path / "model.h5", (3,), [found], {"dense": {"kernel": np.zeros((3, 2)), "bias": np.zeros(2)}})
    with pytest.raises(UnsupportedModel, match=message):
        from_keras(load_model(path))


def test_a_model_with_an_open_size_keeps_its_quantisers(tmp_path: Path) -> None:
    x, kernel = _drawn(4, 5, 6, 2), _drawn(3, 3, 2, 3)
    settings = {
        "filters": 3,
        "kernel_size": [3, 3],
        "padding": "same",
        "pad_values": -1.0,
        "use_bias": False,
        "activation": "ste_heaviside",
    }
    layers = [
        layer("SteSign", "sign", clip_value=1.0),
        layer("QuantConv2D", "conv", kernel_quantizer="ste_sign", input_quantizer=STE_SIGN, **settings),
    ]
    path = write(tmp_path / "model.h5", (None, None, 2), layers, {"conv": {"kernel": kernel}})
    graph = from_keras(with_input_shapes(load_model(path), {"": (5, 6, 2)}))
    wanted = conv(sign(x), sign(kernel), pad=-1.0) > 0
    np.testing.assert_array_equal(forward(graph, x), wanted.reshape(4, -1))


def test_a_loaded_model_is_read_and_not_run(tmp_path: Path) -> None:
    dense = layer("QuantDense", "dense", units=2, kernel_quantizer="ste_sign")
    path = write(tmp_path / "model.h5", (3,), [dense], {"dense": {"kernel": np.zeros((3, 2)), "bias": np.zeros(2)}})
    with pytest.raises(NotImplementedError, match="QuantDense is read from a file of Larq and not run"):
        load_model(path)(np.zeros((1, 3)))


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder of what Larq writes and computes; it needs another Keras, and so a process of its own."""
    folder = tmp_path_factory.mktemp("larq")
    environment = {**os.environ, "TF_USE_LEGACY_KERAS": "1", "PYTHONPATH": str(ROOT)}
    subprocess.run([sys.executable, "-m", "tests.helpers.larq_models", str(folder)], env=environment, check=True, capture_output=True)
    return folder


@needs_larq
@pytest.mark.parametrize("weights", ["latent", "binary"])
@pytest.mark.parametrize("ending", ["h5", "keras"])
def test_files_of_larq_compute_what_larq_computes(ending: str, weights: str, written: Path) -> None:
    graph = from_keras(load_model(written / f"{weights}.{ending}"))
    np.testing.assert_allclose(forward(graph, np.load(written / "x.npy")), np.load(written / "y.npy"), rtol=1e-5, atol=1e-5)
