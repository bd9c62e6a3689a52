"""Every layer that `from_keras` knows, between two others: the graph and the lowered network against Keras itself."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import ecc_lava
from ecc_lava.geometry import Sparse
from ecc_lava.graph.nodes import Linear
from ecc_lava.lowering.lower import lower
from ecc_lava.networks.rates import rate_forward
from tests.helpers.keras_compared import TOLERANCE, Build, assert_both_equal, functional, refused


def _layer(name: str, *arguments: Any, **options: Any) -> Build:
    """Return a model of a convolution, the layer, and another convolution or dense layer."""

    def build(layers: Any, ops: Any, x: Any) -> Any:
        signal = len(x.shape) == 3
        conv = layers.Conv1D if signal else layers.Conv2D
        y = getattr(layers, name)(*arguments, **options)(conv(3, 2, padding="same")(x))
        return layers.Dense(4)(y) if len(y.shape) == 2 else conv(4, 2, padding="same")(y)

    return build


def _ids(case: tuple[str, tuple[Any, ...], dict[str, Any]]) -> str:
    name, arguments, options = case
    return " ".join([name, *map(str, arguments), *(f"{k}={v}" for k, v in options.items())])


IMAGE_CASES: list[tuple[str, tuple[Any, ...], dict[str, Any]]] = [
    *[
        ("MaxPooling2D", (size,), {"strides": strides, "padding": padding})
        for size, strides in ((2, None), (3, 2), (3, 1), ((2, 3), (3, 2)))
        for padding in ("valid", "same")
    ],
    ("GlobalMaxPooling2D", (), {}),
    ("GlobalMaxPooling2D", (), {"keepdims": True}),
    ("ReLU", (), {}),
    ("ReLU", (), {"max_value": 0.7}),
    ("ReLU", (), {"negative_slope": 0.3}),
    ("ReLU", (), {"negative_slope": 0.3, "max_value": 0.7}),
    ("ReLU", (), {"threshold": 0.3}),
    ("ReLU", (), {"threshold": 0.3, "max_value": 0.7, "negative_slope": 0.2}),
    ("ReLU", (), {"threshold": 0.7, "max_value": 0.3}),
    ("LeakyReLU", (), {}),
    ("LeakyReLU", (0.1,), {}),
    ("PReLU", (), {}),
    ("PReLU", (), {"shared_axes": [1, 3]}),
    ("PReLU", (), {"shared_axes": [1, 2]}),
    ("PReLU", (), {"shared_axes": [1, 2, 3]}),
    *[("Activation", (name,), {}) for name in ("relu6", "leaky_relu", "hard_sigmoid", "hard_tanh", "linear", "relu")],
    *[("Activation", (name,), {}) for name in ("hard_shrink", "soft_shrink", "sparse_sigmoid")],
    *[("BatchNormalization", (axis,), {}) for axis in (1, 2, -1)],
    ("EinsumDense", ("abcd,bde->abce", (6, 7, 5)), {"bias_axes": "ce", "activation": "relu"}),
    *[("Conv2D", (3, 2), {"activation": name}) for name in ("relu6", "leaky_relu", "hard_sigmoid", "hard_tanh")],
    ("SeparableConv2D", (4, 3), {"padding": "same", "strides": 2, "activation": "relu"}),
    ("SeparableConv2D", (4, (2, 3)), {"depth_multiplier": 2, "use_bias": False}),
    ("SeparableConv2D", (4, 3), {"padding": "same", "dilation_rate": 2}),
    *[
        ("Conv2DTranspose", (4, size), {"strides": strides, "padding": padding})
        for size, strides in ((3, 1), (3, 2), (2, 2), (2, 3), ((4, 3), (2, 3)), (4, 1), (1, 2))
        for padding in ("valid", "same")
    ],
    ("Conv2DTranspose", (4, 3), {"strides": 2, "padding": "same", "output_padding": 0}),
    ("Conv2DTranspose", (4, 3), {"strides": 2, "padding": "same", "output_padding": 1}),
    ("Conv2DTranspose", (4, 3), {"strides": 3, "padding": "valid", "output_padding": (2, 1)}),
    ("Conv2DTranspose", (4, 3), {"dilation_rate": 2, "padding": "same"}),
    ("Conv2DTranspose", (4, (2, 3)), {"dilation_rate": (1, 2), "use_bias": False, "activation": "relu"}),
    ("UpSampling2D", (), {}),
    ("UpSampling2D", ((3, 2),), {}),
    ("Cropping2D", (1,), {}),
    ("Cropping2D", (((1, 0), (2, 1)),), {}),
    ("ZeroPadding2D", (((1, 0), (2, 1)),), {}),
    ("AveragePooling2D", (3, 2), {"padding": "same"}),
    ("Reshape", ((7, 6, 3),), {}),
    ("Reshape", ((-1, 2, 3),), {}),
    ("Reshape", ((-1,),), {}),
    *[("Permute", (order,), {}) for order in ((1, 2, 3), (2, 1, 3), (3, 1, 2), (1, 3, 2))],
    ("Reshape", ((14, 3, -1),), {}),
    ("SpatialDropout2D", (0.5,), {}),
    ("GaussianNoise", (0.5,), {}),
    ("GaussianDropout", (0.5,), {}),
    ("AlphaDropout", (0.5,), {}),
    ("ActivityRegularization", (0.5,), {}),
    ("Identity", (), {}),
    ("RandomBrightness", (0.5,), {}),
    ("RandomContrast", (0.5,), {}),
    ("RandomFlip", (), {}),
    ("RandomRotation", (0.5,), {}),
    ("RandomTranslation", (0.5, 0.5), {}),
    ("RandomZoom", (0.5,), {}),
]

SIGNAL_CASES: list[tuple[str, tuple[Any, ...], dict[str, Any]]] = [
    *[("Conv1D", (4, 3), {"strides": strides, "padding": padding}) for strides in (1, 2) for padding in ("valid", "same", "causal")],
    ("Conv1D", (4, 3), {"dilation_rate": 2, "padding": "causal", "activation": "relu"}),
    ("Conv1D", (6, 3), {"groups": 3, "use_bias": False}),
    ("DepthwiseConv1D", (3,), {"depth_multiplier": 2, "padding": "same"}),
    ("DepthwiseConv1D", (3,), {"strides": 2}),
    ("SeparableConv1D", (4, 3), {"padding": "same", "depth_multiplier": 2}),
    ("SeparableConv1D", (4, 3), {"strides": 2}),
    ("Conv1DTranspose", (4, 3), {"strides": 2, "padding": "same"}),
    ("Conv1DTranspose", (4, 3), {"strides": 2}),
    ("MaxPooling1D", (3, 2), {"padding": "same"}),
    ("MaxPooling1D", (2,), {}),
    ("AveragePooling1D", (3, 2), {"padding": "same"}),
    ("GlobalAveragePooling1D", (), {}),
    ("GlobalAveragePooling1D", (), {"keepdims": True}),
    ("GlobalMaxPooling1D", (), {}),
    ("ZeroPadding1D", (2,), {}),
    ("ZeroPadding1D", ((1, 2),), {}),
    ("Cropping1D", ((1, 2),), {}),
    ("UpSampling1D", (3,), {}),
    ("SpatialDropout1D", (0.5,), {}),
    ("BatchNormalization", (), {}),
    ("Dense", (4,), {"activation": "relu"}),
    ("PReLU", (), {"shared_axes": [1]}),
    ("Flatten", (), {}),
    ("Reshape", ((3, 9),), {}),
]

CASES = [((6, 7, 2), case) for case in IMAGE_CASES] + [((9, 2), case) for case in SIGNAL_CASES]


@pytest.mark.parametrize(("shape", "case"), CASES, ids=lambda value: _ids(value) if isinstance(value[0], str) else str(value))
def test_a_layer_between_two_others(keras: Any, shape: tuple[int, ...], case: tuple[str, tuple[Any, ...], dict[str, Any]]) -> None:
    name, arguments, options = case
    assert_both_equal(functional(keras, shape, _layer(name, *arguments, **options)))


@pytest.mark.parametrize("name", ["ReLU", "LeakyReLU", "PReLU"])
def test_activations_on_vectors(keras: Any, name: str) -> None:
    assert_both_equal(functional(keras, (5,), lambda layers, ops, x: layers.Dense(3)(getattr(layers, name)()(layers.Dense(4)(x)))))


def test_a_layer_as_the_activation_of_another(keras: Any) -> None:
    assert_both_equal(
        functional(keras, (6, 7, 2), lambda layers, ops, x: layers.Conv2D(3, 2, activation=layers.LeakyReLU(0.1))(x)),
    )


@pytest.mark.parametrize(
    ("build", "says"),
    [
        (lambda layers, ops, x: layers.ReLU(max_value=0.0, name="bad")(x), "max_value"),
        (lambda layers, ops, x: layers.ELU(name="bad")(x), "train with ReLU"),
        *[
            (lambda layers, ops, x, f=f: layers.Conv2D(2, 1, activation=f, name="bad")(x), f)
            for f in ("silu", "gelu", "tanh", "elu", "selu", "softplus")
        ],
    ],
)
def test_what_is_not_continuous_and_piecewise_linear_is_refused(keras: Any, build: Build, says: str) -> None:
    message = str(refused(functional(keras, (4, 4, 2), build)))
    assert "bad (" in message
    assert says in message


CHANNELS_FIRST = [
    (shape, case)
    for shape, case in CASES
    if case[0].startswith(("Conv", "Depthwise", "Separable", "MaxP", "Average", "Global", "ZeroP", "UpS", "Crop", "Flatten"))
    and case[2].get("padding") != "causal"  # Keras has it for channels_last only
    and "groups" not in case[2]  # of the three channels that the first layer makes there
    and case[0] not in ("UpSampling1D", "Cropping1D")  # Keras has no data_format there
]


@pytest.mark.parametrize(("shape", "case"), CHANNELS_FIRST, ids=lambda value: _ids(value) if isinstance(value[0], str) else str(value))
def test_channels_first_is_the_same_layer_on_moved_axes(keras: Any, shape: tuple[int, ...], case: tuple[str, tuple[Any, ...], Any]) -> None:
    """TensorFlow runs few channels-first layers on a CPU, so the reference is the channels-last layer with the same weights."""
    name, arguments, options = case

    def model(data_format: str, shape: tuple[int, ...], channels: int) -> Any:
        def build(layers: Any, ops: Any, x: Any) -> Any:
            y = getattr(layers, name)(*arguments, **options, data_format=data_format)(layers.BatchNormalization(channels)(x))
            return layers.PReLU(shared_axes=[k for k in range(1, len(y.shape)) if k != channels % len(y.shape)])(y)

        return functional(keras, shape, build)

    last, first = model("channels_last", shape, -1), model("channels_first", (shape[-1], *shape[:-1]), 1)
    graph = ecc_lava.from_keras(first)
    x = np.random.default_rng(1).normal(0, 1.5, (4, *shape)).astype(np.float32)
    reference = np.asarray(last(x, training=False), np.float64)
    expected = (reference if name == "Flatten" else np.moveaxis(reference, -1, 1)).reshape(len(x), -1)
    for value in (ecc_lava.forward(graph, np.moveaxis(x, -1, 1)), rate_forward(lower(graph).network, np.moveaxis(x, -1, 1))):
        assert np.abs(value - expected).max() <= TOLERANCE * np.abs(expected).max()
    assert graph.input.channels_first or name == "Flatten"


def test_channels_first_costs_no_moves_between_layers_that_agree(keras: Any) -> None:
    def build(layers: Any, ops: Any, x: Any) -> Any:
        y = layers.BatchNormalization(axis=1)(layers.Conv2D(4, 3, data_format="channels_first")(x))
        y = layers.Concatenate(axis=1)([layers.MaxPooling2D(data_format="channels_first")(layers.ReLU()(y))] * 2)
        return layers.Dense(3)(layers.GlobalAveragePooling2D(data_format="channels_first")(y))

    graph = ecc_lava.from_keras(functional(keras, (2, 9, 8), build))
    assert not [node.name for node in graph.nodes if isinstance(node, Linear) and isinstance(node.geometry, Sparse)]


def test_layers_of_both_formats_in_one_model(keras: Any) -> None:
    def build(layers: Any, ops: Any, x: Any) -> Any:
        y = layers.ZeroPadding2D(1, data_format="channels_first")(x)
        y = layers.Conv2D(4, 3, strides=2)(layers.Permute((2, 3, 1))(y))
        y = layers.Permute((3, 1, 2))(layers.BatchNormalization()(y))
        return layers.Dense(2)(layers.Flatten()(layers.AveragePooling2D(2, padding="same", data_format="channels_first")(y)))

    assert_both_equal(functional(keras, (2, 6, 7), build))


def test_a_vector_becomes_a_map(keras: Any) -> None:
    def build(layers: Any, ops: Any, x: Any) -> Any:
        y = layers.Reshape((2, 3, 4))(layers.Dense(24, activation="relu")(x))
        return layers.Conv2DTranspose(2, 3, strides=2, padding="same")(y)

    assert_both_equal(functional(keras, (5,), build))


def test_half_precision(keras: Any) -> None:
    def build(layers: Any, ops: Any, x: Any) -> Any:
        options = {"dtype": "mixed_float16"}
        y = layers.ReLU(**options)(layers.BatchNormalization(**options)(layers.Conv2D(3, 3, **options)(x)))
        return layers.Dense(3, dtype="float32")(layers.Flatten(**options)(y))

    assert_both_equal(functional(keras, (5, 6, 2), build), 1e-2)
