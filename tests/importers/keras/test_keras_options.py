"""`from_keras` against Keras itself, layer by layer and option by option."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import ecc_lava
from ecc_lava.graph.nodes import Relu
from tests.helpers.keras_compared import TOLERANCE, assert_equal, difference, randomised, sequential

CONV_CASES = [
    {"kernel_size": size, "strides": stride, "padding": padding}
    for size in ((3, 3), (2, 4))
    for stride in (1, 2, 3)
    for padding in ("valid", "same")
] + [
    {"kernel_size": 5, "strides": (1, 2), "padding": "same"},
    {"kernel_size": 1, "strides": 3, "padding": "same"},
    {"kernel_size": 3, "padding": "same", "dilation_rate": 2},
    {"kernel_size": (2, 3), "padding": "valid", "dilation_rate": (1, 2)},
    {"kernel_size": 3, "padding": "same", "groups": 3},
    {"kernel_size": 3, "padding": "same", "use_bias": False},
    {"kernel_size": 3, "activation": "relu"},
]


def _text(options: dict[str, Any]) -> str:
    return " ".join(f"{k}={v}" for k, v in options.items())


@pytest.mark.parametrize("shape", [(8, 8, 3), (7, 10, 3)], ids=str)
@pytest.mark.parametrize("options", CONV_CASES, ids=_text)
def test_conv2d(keras: Any, layers: Any, options: dict[str, Any], shape: tuple[int, int, int]) -> None:
    assert_equal(sequential(keras, shape, layers.Conv2D(6, **options)))


@pytest.mark.parametrize("shape", [(8, 8, 3), (7, 9, 3)], ids=str)
@pytest.mark.parametrize(
    "options",
    [
        {"kernel_size": 3, "padding": "same"},
        {"kernel_size": 3, "strides": 2, "padding": "same"},
        {"kernel_size": 3, "strides": 2, "depth_multiplier": 2},
        {"kernel_size": (2, 3), "strides": 3, "padding": "same", "depth_multiplier": 3},
        {"kernel_size": 3, "padding": "same", "dilation_rate": 2, "use_bias": False},
        {"kernel_size": 2, "activation": "relu"},
    ],
    ids=_text,
)
def test_depthwise_conv2d(keras: Any, layers: Any, options: dict[str, Any], shape: tuple[int, int, int]) -> None:
    assert_equal(sequential(keras, shape, layers.DepthwiseConv2D(**options)))


@pytest.mark.parametrize("options", [{}, {"use_bias": False}, {"activation": "relu"}], ids=_text)
@pytest.mark.parametrize("shape", [(5,), (4, 3, 2)], ids=str)
def test_dense_on_vectors_and_on_the_last_axis_of_maps(keras: Any, layers: Any, options: dict[str, Any], shape: tuple[int, ...]) -> None:
    assert_equal(sequential(keras, shape, layers.Dense(4, **options)))


@pytest.mark.parametrize(
    "options", [{}, {"scale": False}, {"center": False}, {"epsilon": 0.3}, {"scale": False, "center": False}], ids=_text
)
@pytest.mark.parametrize("shape", [(5,), (4, 3, 2)], ids=str)
def test_batch_normalization(keras: Any, layers: Any, options: dict[str, Any], shape: tuple[int, ...]) -> None:
    assert_equal(sequential(keras, shape, layers.BatchNormalization(**options)))


@pytest.mark.parametrize("shape", [(8, 8, 2), (7, 9, 2), (5, 4, 2)], ids=str)
@pytest.mark.parametrize("padding", ["valid", "same"])
@pytest.mark.parametrize(("size", "strides"), [(2, None), (3, 2), (3, 1), ((2, 3), (3, 2)), (2, 3)])
def test_average_pooling2d(keras: Any, layers: Any, shape: tuple[int, int, int], padding: str, size: Any, strides: Any) -> None:
    assert_equal(sequential(keras, shape, layers.AveragePooling2D(size, strides, padding)))


@pytest.mark.parametrize("keepdims", [False, True])
def test_global_average_pooling2d(keras: Any, layers: Any, keepdims: bool) -> None:
    assert_equal(sequential(keras, (5, 4, 3), layers.GlobalAveragePooling2D(keepdims=keepdims), layers.Flatten(), layers.Dense(2)))


@pytest.mark.parametrize("options", [{"mean": 3.0, "variance": 4.0}, {"mean": [1.0, 2.0, 3.0], "variance": [4.0, 0.5, 1.0]}], ids=str)
@pytest.mark.parametrize("invert", [False, True])
def test_normalization_of_given_statistics(keras: Any, layers: Any, options: dict[str, Any], invert: bool) -> None:
    model = sequential(keras, (4, 5, 3), layers.Normalization(axis=-1, invert=invert, **options), layers.Conv2D(2, 2))
    assert_equal(model)


@pytest.mark.parametrize("axis", [-1, None])
def test_normalization_adapted_to_data(keras: Any, layers: Any, axis: int | None) -> None:
    layer = layers.Normalization(axis=axis)
    layer.adapt(np.random.default_rng(0).normal(3, 2, (20, 4, 5, 3)))
    model = sequential(keras, (4, 5, 3), layer)
    assert difference(ecc_lava.from_keras(model), model) <= TOLERANCE


@pytest.mark.parametrize("axis", [1, 2, (1, 3)], ids=str)
def test_normalization_of_other_axes(keras: Any, layers: Any, axis: Any) -> None:
    """Axes of one length are not mistaken for one another."""
    layer = layers.Normalization(axis=axis)
    layer.adapt(np.random.default_rng(0).normal(3, 2, (20, 3, 5, 3)))
    model = sequential(keras, (3, 5, 3), layer)
    assert difference(ecc_lava.from_keras(model), model) <= TOLERANCE


@pytest.mark.parametrize(("scale", "offset"), [(1 / 255, 0.0), (2.0, -1.0), ([1.0, 2.0, 3.0], [0.5, 0.0, -0.5])])
def test_rescaling(keras: Any, layers: Any, scale: Any, offset: Any) -> None:
    assert_equal(sequential(keras, (4, 5, 3), layers.Rescaling(scale, offset)))


def test_rescaling_of_another_axis(keras: Any, layers: Any) -> None:
    assert_equal(sequential(keras, (3, 5, 3), layers.Rescaling(np.arange(1.0, 4.0).reshape(3, 1, 1))))


def test_images_are_scaled_unless_the_model_does_it(keras: Any, layers: Any) -> None:
    x = np.random.default_rng(0).integers(0, 256, (2, 4, 4, 3)).astype(np.uint8)
    plain = ecc_lava.from_keras(sequential(keras, (4, 4, 3), layers.Flatten()))
    np.testing.assert_allclose(ecc_lava.forward(plain, x), x.reshape(2, -1) / 255)
    own = ecc_lava.from_keras(sequential(keras, (4, 4, 3), layers.Rescaling(1 / 255), layers.Flatten()))
    np.testing.assert_allclose(ecc_lava.forward(own, x), x.reshape(2, -1) / 255)


@pytest.mark.parametrize("padding", [1, (2, 1), ((0, 1), (2, 0))], ids=str)
def test_zero_padding2d(keras: Any, layers: Any, padding: Any) -> None:
    assert_equal(sequential(keras, (5, 4, 2), layers.ZeroPadding2D(padding), layers.Conv2D(2, 3, strides=2)))


@pytest.mark.parametrize("form", ["layer", "activation", "fused"])
def test_relu_in_every_form(keras: Any, layers: Any, form: str) -> None:
    stack = {
        "layer": [layers.Conv2D(3, 2), layers.ReLU()],
        "activation": [layers.Conv2D(3, 2), layers.Activation("relu")],
        "fused": [layers.Conv2D(3, 2, activation="relu")],
    }[form]
    graph = assert_equal(sequential(keras, (5, 4, 2), *stack))
    assert sum(isinstance(node, Relu) for node in graph.nodes) == 1


def test_dropout_and_linear_activation_vanish(keras: Any, layers: Any) -> None:
    assert_equal(sequential(keras, (5, 4, 2), layers.Dropout(0.5), layers.Conv2D(2, 3), layers.Activation("linear"), layers.Flatten()))


@pytest.mark.parametrize("form", ["fused", "layer", "activation", "sigmoid", "sigmoid layer"])
def test_the_output_is_reported_before_a_final_softmax_or_sigmoid(keras: Any, layers: Any, form: str) -> None:
    def model(end: bool) -> Any:
        stack = {
            "fused": [layers.Dense(4, activation="softmax" if end else None)],
            "layer": [layers.Dense(4), *[layers.Softmax()] * end],
            "activation": [layers.Dense(4), *[layers.Activation("softmax")] * end],
            "sigmoid": [layers.Dense(4, activation="sigmoid" if end else None)],
            "sigmoid layer": [layers.Dense(4), *[layers.Activation("sigmoid")] * end],
        }[form]
        return randomised(sequential(keras, (4, 3, 2), layers.Flatten(), *stack))

    with_end, without = model(True), model(False)
    graph = ecc_lava.from_keras(with_end)
    assert difference(graph, without) <= TOLERANCE
    assert graph.classifiers == (() if "sigmoid" in form else graph.outputs)
    assert not ecc_lava.from_keras(without).classifiers


@pytest.mark.parametrize(("scale", "uint8_scale"), [(1 / 255, 1.0), (1 / 127.5, 1.0), (1.0, 1 / 255)])
def test_a_model_that_rescales_pixels_gets_them_as_stored(keras: Any, layers: Any, scale: float, uint8_scale: float) -> None:
    stack = [keras.Input((4, 4, 1)), layers.RandomFlip(), layers.Rescaling(scale), layers.Flatten(), layers.Dense(2)]
    assert ecc_lava.from_keras(keras.Sequential(stack)).uint8_scale == uint8_scale
