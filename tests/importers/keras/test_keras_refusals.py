"""What `from_keras` refuses: all offending layers by name at once, other models, unknown sizes, weights that are no numbers."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import ecc_lava
from ecc_lava.errors import InvalidInput, InvalidNetwork
from tests.helpers.keras_compared import refused, sequential


def test_a_kernel_of_a_wrong_function_called_relu_is_not_a_relu(keras: Any, layers: Any) -> None:
    def relu(x: Any) -> Any:
        return x * x

    assert "'relu'" in str(refused(sequential(keras, (4,), layers.Dense(2, activation=relu))))


def test_all_offending_layers_are_named_at_once(keras: Any, layers: Any) -> None:
    model = sequential(
        keras,
        (8, 8, 2),
        layers.Conv2D(2, 3, activation="swish", name="one"),
        layers.LayerNormalization(name="two"),
        layers.GroupNormalization(1, name="three"),
        layers.Lambda(lambda t: t, output_shape=lambda s: s, name="four"),
        layers.ELU(name="five"),
        layers.Flatten(),
        layers.Dense(3, activation="softmax", name="six"),
        layers.Dense(3),
    )
    error = refused(model)
    assert len(error.offences) == 6
    for name, kind in [
        ("one", "Conv2D"),
        ("two", "LayerNormalization"),
        ("three", "GroupNormalization"),
        ("four", "Lambda"),
        ("five", "ELU"),
    ]:
        assert f"{name} ({kind})" in str(error)
    assert "silu" in str(error)
    assert "six" in str(error)


@pytest.mark.parametrize("make", ["max value", "ranks", "quadratic", "custom", "tanh"])
def test_settings_that_cannot_be_converted_are_refused(keras: Any, layers: Any, make: str) -> None:
    class Custom(layers.Dense):  # type: ignore[misc]
        pass

    x = keras.Input((4, 4, 2))
    y = {
        "max value": lambda: layers.ReLU(max_value=0.0, name="bad")(x),
        "ranks": lambda: layers.Add(name="bad")([x, layers.GlobalMaxPooling2D()(x)]),
        "quadratic": lambda: layers.Activation("sparse_plus", name="bad")(x),
        "custom": lambda: Custom(2, name="bad")(x),
        "tanh": lambda: layers.Activation("tanh", name="bad")(x),
    }[make]()
    error = refused(keras.Model(x, y))
    assert [where for where, _ in error.offences] == [f"bad ({y._keras_history.operation.__class__.__name__})"]


def test_a_softmax_inside_is_refused(keras: Any, layers: Any) -> None:
    for inner in (
        layers.Softmax(name="inner"),
        layers.Activation("sigmoid", name="inner"),
        layers.Dense(4, activation="softmax", name="inner"),
    ):
        reason = str(refused(sequential(keras, (4,), inner, layers.Dense(2))))
        assert "inner" in reason and "supported at the output only; replace it by relu" in reason


def test_other_ranks_are_refused_by_name(keras: Any, layers: Any) -> None:
    assert "conv (Conv3D)" in str(refused(sequential(keras, (4, 4, 4, 2), layers.Conv3D(2, 3, name="conv"))))
    stack = [layers.Reshape((2, 2, 2, 3)), layers.ZeroPadding3D(1, name="pad"), layers.Dense(2, name="on the last axis")]
    error = refused(sequential(keras, (4, 6), *stack))
    assert [where for where, _ in error.offences] == ["pad (ZeroPadding3D)", "on the last axis (Dense)"]


def test_models_of_other_kinds_are_refused(keras: Any, layers: Any) -> None:
    class Subclassed(keras.Model):  # type: ignore[misc]
        def call(self, x: Any) -> Any:
            return x

    for model, says in [
        (Subclassed(name="mine"), "'mine' is a subclass"),
        (keras.Sequential([layers.Dense(2)]), "has no shapes yet"),
        ("model.keras", "not a str"),
    ]:
        with pytest.raises(InvalidInput, match=says):
            ecc_lava.from_keras(model)


def test_unknown_sizes_are_refused(keras: Any, layers: Any) -> None:
    with pytest.raises(InvalidInput, match="unknown size"):
        ecc_lava.from_keras(sequential(keras, (None, None, 3), layers.Conv2D(2, 3), layers.GlobalAveragePooling2D()))


def test_weights_that_are_not_numbers_name_their_layer(keras: Any, layers: Any) -> None:
    model = sequential(keras, (4,), layers.Dense(3), layers.Dense(2, name="broken"))
    model.get_layer("broken").set_weights([np.full((3, 2), np.nan), np.zeros(2)])
    with pytest.raises(InvalidNetwork, match="broken"):
        ecc_lava.from_keras(model)
