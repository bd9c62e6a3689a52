"""Models of several inputs and outputs: order, names, layouts, what ends them."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import ecc_lava
from ecc_lava.common.arrays import Array
from ecc_lava.errors import UnsupportedModel
from ecc_lava.graph.graph import Graph
from ecc_lava.graph.nodes import Linear
from ecc_lava.lowering.lower import lower
from ecc_lava.networks.rates import rate_forward

TOLERANCE = 1e-5
"""Of max |difference| / max |reference|."""


def _assert_equal(model: Any, reference: Any = None) -> Graph:
    """Compare a model's graph with Keras on random weights, output by output in order."""
    rng = np.random.default_rng(0)
    for variable in model.variables:
        variable.assign(rng.normal(0, 0.5, variable.shape))
    x = [rng.normal(0, 1, (3, *tensor.shape[1:])).astype(np.float32) for tensor in model.inputs]
    expected = (reference or model)(x if len(x) > 1 else x[0], training=False)
    graph = ecc_lava.from_keras(model)
    assert [node.name for node in graph.inputs] == [tensor._keras_history.operation.name for tensor in model.inputs]
    given: Any = dict(zip([node.name for node in graph.inputs], x, strict=True)) if len(x) > 1 else x[0]
    both: list[Any] = [ecc_lava.forward(graph, given), rate_forward(lower(graph).network, given)]
    for found in both:
        if len(model.outputs) > 1:
            assert list(found) == list(graph.outputs)
        values: list[Array] = list(found.values()) if len(model.outputs) > 1 else [found]
        for value, output in zip(values, expected if isinstance(expected, list) else [expected], strict=True):
            flat = np.asarray(output).reshape(len(value), -1)
            assert np.abs(value - flat).max() <= TOLERANCE * np.abs(flat).max()
    return graph


def test_inputs_keep_the_models_order_and_names(keras: Any) -> None:
    a, b = keras.Input((4,), name="z"), keras.Input((5, 4, 2), name="a")
    y = keras.layers.Concatenate()([keras.layers.GlobalAveragePooling2D()(b), a])
    assert [node.name for node in _assert_equal(keras.Model([a, b], keras.layers.Dense(3)(y))).inputs] == ["z", "a"]


def test_two_branches_with_shared_weights(keras: Any) -> None:
    """As a Siamese network: one layer called on both inputs."""
    a, b = keras.Input((6, 5, 2)), keras.Input((6, 5, 2))
    shared = keras.layers.Conv2D(3, 3, activation="relu", name="shared")
    graph = _assert_equal(keras.Model([a, b], keras.layers.Subtract()([shared(a), shared(b)])))
    first, second = (node for node in graph.nodes if isinstance(node, Linear) and node.name in ("shared.0.linear", "shared.1.linear"))
    assert np.shares_memory(first.geometry.kernel, second.geometry.kernel)


@pytest.mark.parametrize("end", ["softmax", "sigmoid", "relu", None])
def test_any_output_may_end_in_softmax_sigmoid_or_relu(keras: Any, end: str | None) -> None:
    x = keras.Input((4,))
    trunk = keras.layers.Dense(5, activation="relu")(x)
    first, second = keras.layers.Dense(3, name="first"), keras.layers.Dense(2, activation="relu", name="second")
    logits, other = first(trunk), second(trunk)
    ended = keras.layers.Activation(end, name="end")(logits) if end else logits
    plain = ended if end == "relu" else logits
    graph = _assert_equal(keras.Model(x, [ended, other]), keras.Model(x, [plain, other]))
    assert graph.outputs == ("end" if end else "first", "second")


def test_an_output_that_another_outputs_path_goes_on_from(keras: Any) -> None:
    x = keras.Input((6, 5, 2))
    features = keras.layers.Conv2D(3, 3, activation="relu", name="features")(x)
    last = keras.layers.Dense(2, name="last")(keras.layers.Flatten()(features))
    assert _assert_equal(keras.Model(x, [last, features])).outputs == ("last", "features")


def test_the_same_tensor_twice_and_an_input_as_outputs(keras: Any) -> None:
    x = keras.Input((4,), name="x")
    y = keras.layers.Dense(3, name="y")(x)
    assert _assert_equal(keras.Model(x, [y, x, y])).outputs == ("y", "x.output", "y.output")


def test_a_softmax_twice_and_its_logits(keras: Any) -> None:
    x = keras.Input((4,))
    y = keras.layers.Dense(3, name="y")(x)
    p = keras.layers.Softmax(name="p")(y)
    assert _assert_equal(keras.Model(x, [p, p, y]), keras.Model(x, [y, y, y])).outputs == ("p", "p.output", "y")


def test_outputs_of_a_shared_layer_and_of_inner_models(keras: Any) -> None:
    a, b = keras.Input((4,)), keras.Input((4,))
    shared = keras.layers.Dense(3, name="shared")
    head = keras.Sequential([keras.Input((4,)), keras.layers.Dense(2, activation="relu", name="inside")], name="head")
    assert _assert_equal(keras.Model([a, b], [shared(a), shared(b), head(a)])).outputs == ("shared", "shared.1", "head")


def test_outputs_of_channels_first_maps_are_in_kerass_order(keras: Any) -> None:
    x = keras.Input((2, 6, 7))  # as many columns as channels in y would meet Keras's mistake that tests/helpers/keras_models.py names
    y = keras.layers.Conv2D(3, 3, data_format="channels_first", name="y")(x)
    z = keras.layers.ReLU(name="z")(y)
    assert _assert_equal(keras.Model(x, [y, z, keras.layers.Softmax(axis=1, name="p")(y)]), keras.Model(x, [y, z, y])).outputs == (
        "y",
        "z",
        "p",
    )


def test_a_softmax_that_an_output_goes_on_from_is_refused(keras: Any) -> None:
    x = keras.Input((4,))
    p = keras.layers.Dense(3, activation="softmax", name="p")(x)
    with pytest.raises(UnsupportedModel, match=r"p \(Dense\): softmax"):
        ecc_lava.from_keras(keras.Model(x, [p, keras.layers.Dense(2)(p)]))


def test_a_softmax_that_no_output_needs_is_left_out(keras: Any) -> None:
    inner = keras.Input((4,))
    y = keras.layers.Dense(3)(inner)
    two = keras.Model(inner, [y, keras.layers.Softmax()(y)], name="two")
    x = keras.Input((4,))
    _assert_equal(keras.Model(x, keras.layers.Dense(2)(two(x)[0])))


@pytest.mark.parametrize(("first", "second", "scale"), [(True, True, 1.0), (True, False, 1 / 255), (False, False, 1 / 255)])
def test_pixels_are_taken_as_stored_if_every_image_is_rescaled_first(keras: Any, first: bool, second: bool, scale: float) -> None:
    a, b, vector = keras.Input((4, 4, 1)), keras.Input((4, 4, 1)), keras.Input((3,))
    ends = [keras.layers.Flatten()(keras.layers.Rescaling(1 / 255)(x) if own else x) for x, own in ((a, first), (b, second))]
    graph = ecc_lava.from_keras(keras.Model([a, b, vector], keras.layers.Concatenate()([*ends, vector])))
    assert graph.uint8_scale == scale


def test_a_binarised_network(keras: Any) -> None:
    """Sign activations, and kernels of one bit and a scale per channel."""
    x = keras.Input((8, 8, 2))
    layers, ops = keras.layers, keras.ops
    y = ops.sign(layers.BatchNormalization()(layers.Conv2D(6, 3, padding="same", name="first")(x)))
    y = ops.sign(layers.BatchNormalization()(layers.MaxPooling2D()(layers.Conv2D(6, 3, padding="same", use_bias=False, name="inner")(y))))
    y = layers.Dense(3, name="last")(layers.Flatten()(y))
    model = keras.Model(x, y)
    rng = np.random.default_rng(0)
    for name in ("first", "inner", "last"):
        kernel = model.get_layer(name).kernel
        kernel.assign(np.sign(rng.normal(size=kernel.shape)) * rng.uniform(0.05, 0.3, kernel.shape[-1]))
    for layer in model.layers:
        if isinstance(layer, layers.BatchNormalization):
            layer.beta.assign(rng.normal(0, 0.1, layer.beta.shape))  # no ties: Keras's float32 would decide them by its rounding
    images = rng.normal(0, 1, (5, 8, 8, 2)).astype(np.float32)
    graph = ecc_lava.from_keras(model)
    reference = np.asarray(model(images, training=False))
    assert len({tuple(row) for row in np.round(reference, 4)}) == len(images), "the outputs depend on the images"
    for value in (ecc_lava.forward(graph, images), rate_forward(lower(graph).network, images)):
        assert np.abs(value - reference).max() <= TOLERANCE * np.abs(reference).max()
    kernels = [node.geometry.kernel for node in graph.nodes if isinstance(node, Linear) and node.name in ("first", "inner", "last")]
    for kernel in kernels:
        magnitudes = np.abs(kernel.reshape(-1, kernel.shape[-1]))
        assert (magnitudes == magnitudes[0]).all()
    assert len(kernels) == 3
