"""Layers that join tensors: the graph and the lowered network against Keras itself."""

from __future__ import annotations

from typing import Any

import pytest

from tests.helpers.keras_compared import Build, assert_both_equal, functional, refused

MERGES: dict[str, Build] = {
    "concatenate": lambda layers, ops, x: layers.Concatenate()([layers.Conv2D(3, 1)(x), x, layers.Conv2D(1, 3, padding="same")(x)]),
    "concatenate rows": lambda layers, ops, x: layers.Concatenate(axis=1)([layers.Conv2D(2, 1)(x), x]),
    "concatenate columns": lambda layers, ops, x: layers.Concatenate(axis=-2)([layers.ReLU()(layers.Conv2D(2, 1)(x)), x]),
    "concatenate a relu and its source": lambda layers, ops, x: layers.Concatenate()([layers.ReLU()(x), x]),
    "subtract": lambda layers, ops, x: layers.Subtract()([x, layers.Conv2D(2, 1)(x)]),
    "average": lambda layers, ops, x: layers.Average()([x, layers.Conv2D(2, 1)(x), layers.ReLU()(x)]),
    "maximum": lambda layers, ops, x: layers.Maximum()([x, layers.Conv2D(2, 1)(x), layers.ReLU()(layers.Conv2D(2, 1)(x))]),
    "minimum": lambda layers, ops, x: layers.Minimum()([x, layers.Conv2D(2, 1)(x), layers.Conv2D(2, 1)(x)]),
    "add a map of one channel": lambda layers, ops, x: layers.Add()([x, layers.Conv2D(1, 1)(x)]),
    "add a vector kept as a map": lambda layers, ops, x: x + layers.GlobalMaxPooling2D(keepdims=True)(x),
    "maximum of rows and columns": lambda layers, ops, x: ops.maximum(ops.mean(x, 1, keepdims=True), ops.max(x, 2, keepdims=True)),
}


@pytest.mark.parametrize("name", MERGES)
def test_layers_that_join_tensors(keras: Any, name: str) -> None:
    assert_both_equal(functional(keras, (5, 6, 2), lambda layers, ops, x: layers.Conv2D(3, 2)(MERGES[name](layers, ops, x))))


def test_concatenation_of_vectors(keras: Any) -> None:
    def build(layers: Any, ops: Any, x: Any) -> Any:
        flat = layers.Flatten()(layers.Conv2D(2, 2, activation="relu")(x))
        return layers.Dense(3)(layers.Concatenate()([flat, layers.GlobalMaxPooling2D()(x), layers.Dense(4)(flat)]))

    assert_both_equal(functional(keras, (5, 6, 2), build))


@pytest.mark.parametrize(
    ("build", "says"),
    [
        (lambda layers, ops, x: layers.UpSampling2D(interpolation="bicubic", name="bad")(x), "nearest"),
        (lambda layers, ops, x: layers.Multiply(name="bad")([x, x]), "product of two tensors"),
        (lambda layers, ops, x: layers.MultiHeadAttention(2, 2, name="bad")(x, x), "attention"),
        (lambda layers, ops, x: layers.Maximum(name="bad")([x, layers.GlobalMaxPooling2D()(x)]), "broadcast"),
        (lambda layers, ops, x: layers.Dropout(0.5, name="bad")([x, x])[0], "2 tensors of a list; call the layer once for each"),
    ],
)
def test_what_has_no_exact_counterpart_is_refused(keras: Any, build: Build, says: str) -> None:
    message = str(refused(functional(keras, (4, 5, 2), build)))
    assert "bad (" in message
    assert says in message


def test_two_scales_of_a_residual_block(keras: Any) -> None:
    from keras.src.applications.inception_resnet_v2 import CustomScaleLayer

    assert_both_equal(functional(keras, (5, 6, 2), lambda layers, ops, x: CustomScaleLayer(0.17)([x, layers.Conv2D(2, 1)(x)])))
