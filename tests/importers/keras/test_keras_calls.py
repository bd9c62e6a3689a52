"""What layers are called on: sums, constants, calls in training mode and calls again, whatever names and order say."""

from __future__ import annotations

from typing import Any

import numpy as np

import ecc_lava
from ecc_lava.graph.nodes import Add
from tests.helpers.keras_compared import assert_equal, normal_images, randomised, refused


def test_add_of_several_in_a_functional_model(keras: Any, layers: Any) -> None:
    x = keras.Input((6, 5, 3))
    a = layers.Conv2D(4, 3, padding="same", activation="relu")(x)
    b = layers.Conv2D(4, 1)(x)
    c = layers.DepthwiseConv2D(3, padding="same")(a)
    y = layers.ReLU()(layers.Add()([a, b, c, a]))
    graph = assert_equal(keras.Model(x, layers.Dense(3)(layers.GlobalAveragePooling2D()(y))))
    assert [len(n.sources) for n in graph.nodes if isinstance(n, Add)] == [4]


def test_addition_by_operator_is_wiring_too(keras: Any, layers: Any) -> None:
    x = keras.Input((6, 5, 3))
    a = layers.Conv2D(3, 3, padding="same", activation="relu")(x)
    assert_equal(keras.Model(x, layers.Flatten()(a + x)))


def test_addition_of_a_constant_is_not_dropped(keras: Any, layers: Any) -> None:
    x = keras.Input((4,))
    assert_equal(keras.Model(x, layers.Dense(2)(x + 3.0)))


def test_a_layer_called_in_training_mode_is_refused(keras: Any, layers: Any) -> None:
    """It would use the batch's statistics, not the stored ones."""
    x = keras.Input((4,))
    assert "hot (BatchNormalization)" in str(refused(keras.Model(x, layers.BatchNormalization(name="hot")(x, training=True))))
    assert_equal(keras.Model(x, layers.BatchNormalization()(x, training=False)))


def test_a_layer_called_twice_keeps_both_calls_apart(keras: Any, layers: Any) -> None:
    x = keras.Input((6, 6, 3))
    shared = layers.Conv2D(3, 3, padding="same", activation="relu", name="shared")
    graph = assert_equal(keras.Model(x, layers.Flatten()(layers.Add()([shared(shared(x)), x]))))
    assert {"shared.0", "shared.1"} <= set(graph.shapes)


def test_wiring_does_not_come_from_layer_names_or_order(keras: Any, layers: Any) -> None:
    x = keras.Input((6, 6, 2), name="z")
    late = layers.Conv2D(2, 3, padding="same", name="a")(x)
    early = layers.Conv2D(2, 3, padding="same", name="b")(layers.ReLU(name="c")(late))
    assert_equal(keras.Model(x, layers.Flatten(name="0")(layers.Add(name="d")([early, late]))))


def test_a_whole_residual_network(keras: Any, layers: Any) -> None:
    x = keras.Input((13, 11, 3))
    y = layers.Rescaling(1 / 127.5, -1.0)(x)
    y = layers.ReLU()(layers.BatchNormalization()(layers.Conv2D(6, 3, strides=2, padding="same", use_bias=False)(y)))
    z = layers.BatchNormalization(epsilon=0.02)(layers.DepthwiseConv2D(3, strides=2, padding="same")(y))
    z = layers.BatchNormalization()(layers.Conv2D(8, 1)(layers.ReLU()(z)))
    skip = layers.Conv2D(8, 1)(layers.AveragePooling2D(2, padding="same")(y))
    z = layers.Dropout(0.2)(layers.ReLU()(layers.Add()([z, skip])))
    z = layers.Dense(4, activation="softmax")(layers.Flatten()(z))
    model = randomised(keras.Model(x, z))
    graph = ecc_lava.from_keras(model)
    images = normal_images(graph)
    logits = ecc_lava.forward(graph, images)
    softmax = np.exp(logits - logits.max(axis=1, keepdims=True))
    np.testing.assert_allclose(softmax / softmax.sum(axis=1, keepdims=True), np.asarray(model(images, training=False)), atol=1e-5)
