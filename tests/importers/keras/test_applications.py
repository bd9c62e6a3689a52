"""Keras's own application models: the graph and the ideal network compute what Keras computes, layer by layer."""

from __future__ import annotations

import gc
import tracemalloc
from collections.abc import Iterator
from dataclasses import dataclass
from time import perf_counter
from typing import Any

import numpy as np
import pytest

import ecc_lava
from ecc_lava.common.arrays import Array
from ecc_lava.errors import UnsupportedModel
from ecc_lava.graph.evaluate import evaluate, forward
from ecc_lava.graph.graph import Graph
from ecc_lava.lowering.lower import lower
from ecc_lava.networks.rates import rate_forward

CLASSES = 10
IMAGES = 2


@dataclass(frozen=True)
class Case:
    """An application model.

    Attributes
    ----------
    name : str
    size : int
        Side of its images.
    layers : int
        Depth in layers with weights; the tolerance is 1e-5 up to 30 of them.
    growth : float
        Most weights of the network, as a multiple of the model's parameters.
    """

    name: str
    size: int
    layers: int
    growth: float

    @property
    def tolerance(self) -> float:
        return 1e-5 if self.layers <= 30 else 1e-4


FAST = (Case("MobileNetV2", 32, 53, 3.0),)
SLOW = (
    Case("VGG16", 32, 16, 3.0),
    Case("MobileNet", 64, 28, 1.2),
    Case("ResNet50", 32, 50, 1.2),
    Case("DenseNet121", 32, 121, 3.0),
    Case("VGG19", 32, 19, 3.0),
    Case("ResNet50V2", 32, 50, 3.0),
    Case("ResNet101", 32, 101, 1.2),
    Case("Xception", 71, 71, 3.0),
    Case("InceptionV3", 75, 94, 3.0),
    Case("InceptionResNetV2", 75, 244, 3.0),
    Case("NASNetMobile", 32, 389, 3.0),
)
CASES = [*FAST, *(pytest.param(case, marks=pytest.mark.slow) for case in SLOW)]


def blobs(count: int, size: int, seed: int) -> Array:
    """Return images of smooth shapes and noise, of different brightness and contrast, in -1..1."""
    rng = np.random.default_rng(seed)
    coarse = rng.normal(0, 1, (count, 4, 4, 3)) * rng.uniform(0.3, 1.2, (count, 1, 1, 1))
    smooth = coarse.repeat(-(-size // 4), axis=1).repeat(-(-size // 4), axis=2)[:, :size, :size]
    noisy = smooth + rng.uniform(-0.5, 0.5, (count, 1, 1, 3)) + rng.normal(0, 0.2, smooth.shape)
    return np.clip(noisy, -1, 1).astype(np.float32)


def application(name: str, size: int) -> Any:
    import keras

    return getattr(keras.applications, name)(weights=None, classes=CLASSES, classifier_activation=None, input_shape=(size, size, 3))


def in_double(model: Any, name: str, size: int) -> Any:
    """Return the same application with the same weights, computed by Keras in float64.

    Keras's own rounding in float32 would take up most of the tolerance.
    """
    import keras

    floatx, policy = keras.config.floatx(), keras.config.dtype_policy()
    try:
        keras.config.set_floatx("float64")
        keras.config.set_dtype_policy("float64")
        double = application(name, size)
    finally:
        keras.config.set_floatx(floatx)
        keras.config.set_dtype_policy(policy)
    double.set_weights(model.get_weights())
    return double


def build(name: str, size: int) -> Any:
    """Return an application with random weights whose batch normalisations hold the statistics of random images."""
    import keras

    keras.utils.set_random_seed(1)
    model = application(name, size)
    rng = np.random.default_rng(2)
    normalisations = [layer for layer in model.layers if isinstance(layer, keras.layers.BatchNormalization)]
    for weight in model.trainable_weights:
        if weight.name.endswith("kernel"):
            weight.assign(rng.normal(0, np.sqrt(2 / fan_in(weight)), weight.shape))
        elif weight.name == "bias":
            weight.assign(rng.normal(0, 0.1, weight.shape))
    for layer in normalisations:
        if layer.scale:
            layer.gamma.assign(rng.uniform(0.7, 1.3, layer.gamma.shape))
        layer.beta.assign(rng.normal(0, 0.3, layer.beta.shape))
        layer.momentum = 0.0
    if normalisations:
        model(blobs(32, size, 3), training=True)
        check_normalised(model, normalisations, blobs(32, size, 3))
    return model


def fan_in(kernel: Any) -> int:
    """Return how many inputs a kernel's output sums up, zeros around a map included."""
    inputs = kernel.shape[:2] if kernel.shape[-1] == 1 else kernel.shape[:-1]  # depthwise: (kh, kw, channels, 1)
    return int(np.prod(inputs))


def check_normalised(model: Any, layers: list[Any], x: Array) -> None:
    """Check that every normalisation makes mean and variance of its channels, on average, what gain and offset say."""
    import keras

    for layer, value in zip(layers, keras.Model(model.inputs, [layer.output for layer in layers])([x], training=False), strict=True):
        gain = np.asarray(layer.gamma) if layer.scale else 1.0
        plain = ((np.asarray(value) - np.asarray(layer.beta)) / gain).reshape(-1, layer.beta.shape[0])
        variance = float(np.median(plain.var(axis=0)))  # a channel behind a dead ReLU has none
        assert abs(plain.mean()) < 0.1 and 0.5 < variance < 1.5, f"{layer.name}: mean {plain.mean()}, variance {variance}"


def rectified_layers(model: Any) -> list[Any]:
    """Return the layers that end in a ReLU, their own or Keras's `relu` as their activation."""
    return [
        layer
        for layer in model.layers
        if type(layer).__name__ == "ReLU" or getattr(getattr(layer, "activation", None), "__name__", "") == "relu"
    ]


def off(found: Array, reference: Array) -> float:
    """Return the largest difference relative to the reference's largest value; a vector may be a map of one position."""
    return float(np.abs(found.reshape(reference.shape) - reference).max() / np.abs(reference).max())


def reference_tensors(model: Any, x: Array, named: Any) -> tuple[dict[str, Array], Array]:
    """Return Keras's value of every ReLU by its layer in `named`, and the output, both checked to be worth comparing with."""
    import keras

    layers = rectified_layers(model)
    names = [layer.name for layer in rectified_layers(named)]
    assert layers
    values = keras.Model(model.inputs, [*(layer.output for layer in layers), model.outputs[0]])([x], training=False)
    *tensors, output = (np.asarray(value, np.float64) for value in values)
    for layer, tensor in zip(layers, tensors, strict=True):
        assert (tensor > 0).mean() >= 0.1, f"{layer.name} is dead"
    assert np.ptp(output, axis=0).max() >= 0.01 * np.abs(output).max(), "the outputs do not depend on the images"
    return dict(zip(names, tensors, strict=True)), output


def assert_tensors_equal(graph: Graph, x: Array, reference: dict[str, Array], tolerance: float) -> None:
    unseen = set(reference)
    for name, value in evaluate(graph, {graph.input.name: x.astype(np.float64)}):
        if name in reference:
            assert off(value, reference[name]) <= tolerance, f"{name} is off by {off(value, reference[name])}"
            unseen.discard(name)
    assert not unseen, "every ReLU of the model is a node of the graph"


@pytest.fixture(autouse=True)
def _forget_models() -> Iterator[None]:
    """Give back what the models of one test hold before the next."""
    yield
    import keras

    keras.backend.clear_session()
    gc.collect()


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_an_application_computes_the_same_before_and_after_lowering(case: Case) -> None:
    model = build(case.name, case.size)
    x = blobs(IMAGES, case.size, 4)
    reference, output = reference_tensors(in_double(model, case.name, case.size), x.astype(np.float64), model)
    graph = ecc_lava.from_keras(model)
    parameters = model.count_params()
    del model
    assert off(forward(graph, x), output) <= case.tolerance
    assert_tensors_equal(graph, x, reference, case.tolerance)
    network = lower(graph).network
    assert off(rate_forward(network, x), output) <= case.tolerance
    assert sum(p.geometry.kernel.size for p in network.projections) <= case.growth * parameters


def layers_of(model: Any) -> list[Any]:
    """Return a model's layers, those of the models in it included."""
    return [part for layer in model.layers for part in (layers_of(layer) if hasattr(layer, "layers") else [layer])]


def curved(layer: Any) -> bool:
    """Whether a layer is not piecewise linear."""
    activation = getattr(getattr(layer, "activation", None), "__name__", "")
    return activation in ("silu", "gelu", "sigmoid") or type(layer).__name__ in ("Multiply", "LayerNormalization", "LayerScale")


@pytest.mark.parametrize("name", ["EfficientNetB0", "MobileNetV3Small", "ConvNeXtTiny"])
def test_an_application_that_is_not_piecewise_linear_is_refused_layer_by_layer(name: str) -> None:
    import keras

    model = getattr(keras.applications, name)(weights=None, classes=CLASSES, classifier_activation=None, input_shape=(32, 32, 3))
    with pytest.raises(UnsupportedModel) as refused:
        ecc_lava.from_keras(model)
    named = {where.split(" ")[0].split(".")[-1] for where, _ in refused.value.offences}
    expected = {layer.name for layer in layers_of(model) if curved(layer)}
    assert len(expected) > 5
    assert not expected - named, "every offending layer is named"


VGG16_SECONDS = 10.0
"""Most time for importing and lowering VGG16 at 224x224."""


@pytest.mark.slow
def test_vgg16_at_full_size_is_lowered_in_seconds_and_little_memory() -> None:
    import keras

    model = keras.applications.VGG16(weights=None)
    tracemalloc.start()
    start = perf_counter()
    network = lower(ecc_lava.from_keras(model)).network
    seconds, peak = perf_counter() - start, tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    parameters = model.count_params()
    assert seconds < VGG16_SECONDS
    assert peak < 3 * 4 * parameters, "three times the model's float32 weights"
    assert sum(p.geometry.kernel.size for p in network.projections) < 1.25 * parameters
