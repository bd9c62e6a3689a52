"""Models inside models: called again, in one another, of several inputs and outputs, and from files."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

import ecc_lava
from tests.helpers.keras_compared import TOLERANCE, assert_both_equal, differences, functional, refused
from tests.helpers.keras_models import randomise


def _block(keras: Any, shape: tuple[Any, ...], name: str) -> Any:
    layers = keras.layers
    return keras.Sequential(
        [keras.Input(shape), layers.Conv2D(3, 3, padding="same"), layers.BatchNormalization(), layers.ReLU()], name=name
    )


@pytest.mark.parametrize("shape", [(5, 6, 3), (None, None, 3)], ids=str)
def test_a_model_inside_a_model_called_twice(keras: Any, shape: tuple[Any, ...]) -> None:
    block = _block(keras, shape, "block")
    graph = assert_both_equal(functional(keras, (5, 6, 3), lambda layers, ops, x: layers.Dense(2)(layers.Flatten()(block(block(x) - x)))))
    assert {"block.0.re_lu", "block.1.re_lu"} <= {name.rsplit("_", 1)[0] if name[-1].isdigit() else name for name in graph.shapes}


def test_models_in_models_in_models(keras: Any) -> None:
    inner = _block(keras, (5, 6, 3), "inner")
    x = keras.Input((5, 6, 3))
    middle = keras.Model(x, keras.layers.Add()([inner(x), x]), name="middle")
    head = keras.Sequential([keras.layers.GlobalMaxPooling2D(), keras.layers.Dense(3)], name="head")
    model = keras.Sequential([keras.Input((5, 6, 3)), middle, head])
    randomise(model)
    graph = assert_both_equal(model)
    assert any(name.startswith("middle.inner.") for name in graph.shapes)


def test_a_model_inside_with_several_inputs_and_outputs(keras: Any) -> None:
    a, b = keras.Input((5, 6, 2)), keras.Input((5, 6, 2))
    pair = keras.Model([a, b], [a - b, keras.layers.Maximum()([a, b])])

    def build(layers: Any, ops: Any, x: Any) -> Any:
        difference, largest = pair([x, layers.Conv2D(2, 1)(x)])
        return layers.Conv2D(2, 2)(difference + 2.0 * largest)

    assert_both_equal(functional(keras, (5, 6, 2), build))


def test_a_softmax_in_the_last_inner_model_is_the_output(keras: Any) -> None:
    head = keras.Sequential([keras.Input((4,)), keras.layers.Dense(3, activation="softmax", name="probabilities")], name="head")
    graph = ecc_lava.from_keras(keras.Sequential([keras.Input((4,)), keras.layers.Dense(4), head]))
    assert graph.logits == {"head": "head.probabilities.logits"}


def test_offences_inside_inner_models_are_named_with_their_path(keras: Any) -> None:
    layers = keras.layers
    inner = keras.Sequential([keras.Input((4,)), layers.ELU(name="one"), layers.Dense(4, activation="tanh", name="two")], name="inner")
    message = str(refused(keras.Sequential([keras.Input((4,)), inner, layers.LayerNormalization(name="three")])))
    assert all(part in message for part in ("inner.one (ELU)", "inner.two (Dense)", "three (LayerNormalization)"))


@pytest.mark.parametrize("name", ["images", "signals"])
def test_operations_and_inner_models_come_back_from_files(keras: Any, name: str, tmp_path: Path) -> None:
    def images(layers: Any, ops: Any, x: Any) -> Any:
        from keras.src.applications.inception_resnet_v2 import CustomScaleLayer

        y = CustomScaleLayer(0.5, name="mixed")([x, block(x)])
        y = ops.concatenate([ops.maximum(y, 0.1), y[..., 1:2]], axis=-1)
        return layers.Dense(2)(layers.Flatten()(layers.MaxPooling2D()(-y[:, 1:, ::2] * 0.5 + 1.0)))

    def signals(layers: Any, ops: Any, x: Any) -> Any:
        y = layers.Conv1DTranspose(2, 3, strides=2, activation="leaky_relu")(x)
        return layers.Dense(2, activation="relu6")(layers.GlobalMaxPooling1D()(ops.abs(y) - 0.5))

    block = _block(keras, (5, 6, 3), "block")
    model = functional(keras, (5, 6, 3), images) if name == "images" else functional(keras, (6, 3), signals)
    path = tmp_path / "model.keras"
    model.save(path)
    graph = ecc_lava.from_keras(ecc_lava.load_model(path))
    assert max(differences(model, graph)) <= TOLERANCE
