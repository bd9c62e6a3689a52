"""Every layer and operation that `from_keras` knows: the graph and the lowered network against Keras itself."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import ecc_lava
from ecc_lava.errors import UnsupportedModel
from ecc_lava.geometry import Sparse
from ecc_lava.graph.graph import Graph
from ecc_lava.graph.nodes import Linear
from ecc_lava.lowering.lower import lower
from ecc_lava.networks.rates import rate_forward

TOLERANCE = 1e-5
"""Of max |difference| / max |reference|."""

Build = Callable[[Any, Any, Any], Any]
"""(keras.layers, keras.ops, input tensor) -> output tensor."""


@pytest.fixture(scope="module")
def keras() -> Any:
    import keras

    return keras


def _randomised(model: Any, seed: int = 0) -> Any:
    """Give every weight a random value; variances stay positive."""
    rng = np.random.default_rng(seed)
    for variable in model.variables:
        if "seed" not in variable.path:
            positive = variable.name in ("moving_variance", "variance")
            variable.assign(rng.uniform(0.2, 2.0, variable.shape) if positive else rng.normal(0, 0.5, variable.shape))
    return model


def _model(keras: Any, shape: tuple[int, ...], build: Build) -> Any:
    x = keras.Input(shape)
    return _randomised(keras.Model(x, build(keras.layers, keras.ops, x)))


def _differences(model: Any, graph: Graph) -> tuple[float, float]:
    """Return max |difference| / max |reference| of the graph and of the network it is lowered to."""
    x = np.random.default_rng(1).normal(0, 1.5, (4, *model.input_shape[1:])).astype(np.float32)
    reference = np.asarray(model(x, training=False), np.float64).reshape(len(x), -1)
    scale = np.abs(reference).max()
    assert scale > 0
    values = (ecc_lava.forward(graph, x), rate_forward(lower(graph).network, x))
    first, second = (float(np.abs(value - reference).max() / scale) for value in values)
    return first, second


def _assert_equal(model: Any, tolerance: float = TOLERANCE) -> Graph:
    graph = ecc_lava.from_keras(model)
    in_floats, in_rates = _differences(model, graph)
    assert in_floats <= tolerance
    assert in_rates <= tolerance
    return graph


def _refused(model: Any) -> str:
    with pytest.raises(UnsupportedModel) as caught:
        ecc_lava.from_keras(model)
    return str(caught.value)


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
    _assert_equal(_model(keras, shape, _layer(name, *arguments, **options)))


@pytest.mark.parametrize("name", ["ReLU", "LeakyReLU", "PReLU"])
def test_activations_on_vectors(keras: Any, name: str) -> None:
    _assert_equal(_model(keras, (5,), lambda layers, ops, x: layers.Dense(3)(getattr(layers, name)()(layers.Dense(4)(x)))))


def test_a_layer_as_the_activation_of_another(keras: Any) -> None:
    _assert_equal(
        _model(keras, (6, 7, 2), lambda layers, ops, x: layers.Conv2D(3, 2, activation=layers.LeakyReLU(0.1))(x)),
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
    message = _refused(_model(keras, (4, 4, 2), build))
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

        return _model(keras, shape, build)

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

    graph = ecc_lava.from_keras(_model(keras, (2, 9, 8), build))
    assert not [node.name for node in graph.nodes if isinstance(node, Linear) and isinstance(node.geometry, Sparse)]


def test_layers_of_both_formats_in_one_model(keras: Any) -> None:
    def build(layers: Any, ops: Any, x: Any) -> Any:
        y = layers.ZeroPadding2D(1, data_format="channels_first")(x)
        y = layers.Conv2D(4, 3, strides=2)(layers.Permute((2, 3, 1))(y))
        y = layers.Permute((3, 1, 2))(layers.BatchNormalization()(y))
        return layers.Dense(2)(layers.Flatten()(layers.AveragePooling2D(2, padding="same", data_format="channels_first")(y)))

    _assert_equal(_model(keras, (2, 6, 7), build))


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
    _assert_equal(_model(keras, (5, 6, 2), lambda layers, ops, x: layers.Conv2D(3, 2)(MERGES[name](layers, ops, x))))


def test_concatenation_of_vectors(keras: Any) -> None:
    def build(layers: Any, ops: Any, x: Any) -> Any:
        flat = layers.Flatten()(layers.Conv2D(2, 2, activation="relu")(x))
        return layers.Dense(3)(layers.Concatenate()([flat, layers.GlobalMaxPooling2D()(x), layers.Dense(4)(flat)]))

    _assert_equal(_model(keras, (5, 6, 2), build))


def test_a_vector_becomes_a_map(keras: Any) -> None:
    def build(layers: Any, ops: Any, x: Any) -> Any:
        y = layers.Reshape((2, 3, 4))(layers.Dense(24, activation="relu")(x))
        return layers.Conv2DTranspose(2, 3, strides=2, padding="same")(y)

    _assert_equal(_model(keras, (5,), build))


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
    message = _refused(_model(keras, (4, 5, 2), build))
    assert "bad (" in message
    assert says in message


PER_CHANNEL = np.array([0.5, -1.5, 2.0], np.float32)

OPERATIONS: dict[str, Build] = {
    "x + y": lambda layers, ops, x: x + layers.ReLU()(x),
    "x - y": lambda layers, ops, x: x - layers.ReLU()(x),
    "x + 3": lambda layers, ops, x: x + 3.0,
    "3 + x": lambda layers, ops, x: 3.0 + x,
    "x + array": lambda layers, ops, x: x + PER_CHANNEL,
    "x - 3": lambda layers, ops, x: x - 3.0,
    "3 - x": lambda layers, ops, x: 3.0 - x,
    "x * 0.5": lambda layers, ops, x: x * 0.5,
    "0.5 * x": lambda layers, ops, x: 0.5 * x,
    "x * array": lambda layers, ops, x: x * PER_CHANNEL,
    "x / 2": lambda layers, ops, x: x / 2,
    "x / array": lambda layers, ops, x: x / PER_CHANNEL,
    "ops.divide": lambda layers, ops, x: ops.divide(x, 4.0),
    "-x": lambda layers, ops, x: -x,
    "abs": lambda layers, ops, x: abs(x),
    "ops.abs": lambda layers, ops, x: ops.abs(x),
    "relu": lambda layers, ops, x: ops.relu(x),
    "relu6": lambda layers, ops, x: ops.relu6(x * 5.0),
    "leaky_relu": lambda layers, ops, x: ops.leaky_relu(x, 0.1),
    "hard_sigmoid": lambda layers, ops, x: ops.hard_sigmoid(x * 3.0),
    "hard_tanh": lambda layers, ops, x: ops.hard_tanh(x),
    "clip": lambda layers, ops, x: ops.clip(x, -0.5, 0.8),
    "maximum": lambda layers, ops, x: ops.maximum(x, -2.0 * x),
    "maximum of a constant": lambda layers, ops, x: ops.maximum(x, 0.3),
    "minimum": lambda layers, ops, x: ops.minimum(x, -2.0 * x),
    "minimum of an array": lambda layers, ops, x: ops.minimum(PER_CHANNEL, x),
    "concatenate": lambda layers, ops, x: ops.concatenate([x, ops.relu(x)], axis=-1),
    "channels": lambda layers, ops, x: x[..., 1:3],
    "rows and columns": lambda layers, ops, x: x[:, 1::2, :-1],
    "rows, columns and channels": lambda layers, ops, x: x[:, ::2, 1:4:2, :2],
    "single entries": lambda layers, ops, x: x[:, 0],
    "backwards and skipping channels": lambda layers, ops, x: x[:, ::-1, ..., ::2],
    "a new axis": lambda layers, ops, x: x[:, None, 0],
    "x + positions": lambda layers, ops, x: x + np.arange(np.prod(x.shape[1:]), dtype=np.float32).reshape(x.shape[1:]) / 50,
    "matmul": lambda layers, ops, x: ops.matmul(x, np.arange(6, dtype=np.float32).reshape(3, 2) - 2),
    "channel shuffle": lambda layers, ops, x: layers.Reshape(x.shape[1:])(
        ops.swapaxes(layers.Reshape((*x.shape[1:-1], 3, 1))(x), -1, -2),
    ),
    "parts": lambda layers, ops, x: ops.concatenate(ops.split(x, 3, axis=1)[::-1], axis=-1) if x.shape[1] % 3 == 0 else x,
    "sign": lambda layers, ops, x: ops.sign(x),
    "where": lambda layers, ops, x: ops.where(x >= 0.0, 1.0, -1.0),
    "padding with its own numbers": lambda layers, ops, x: ops.pad(x, [(0, 0), (1, 2), *[(0, 0)] * (len(x.shape) - 2)], "reflect"),
}


OF_IMAGES_ONLY = "rows, columns and channels"


@pytest.mark.parametrize(
    ("shape", "name"),
    [((5, 6, 3), name) for name in OPERATIONS] + [((6, 3), name) for name in OPERATIONS if name != OF_IMAGES_ONLY],
    ids=str,
)
def test_operations_of_functional_models(keras: Any, name: str, shape: tuple[int, ...]) -> None:
    def build(layers: Any, ops: Any, x: Any) -> Any:
        conv = layers.Conv2D if len(shape) == 3 else layers.Conv1D
        return layers.Dense(3)(layers.Flatten()(OPERATIONS[name](layers, ops, conv(3, 2, padding="same")(x))))

    _assert_equal(_model(keras, shape, build))


@pytest.mark.parametrize(
    ("build", "says"),
    [
        (lambda layers, ops, x: x * x, "product"),
        (lambda layers, ops, x: 1.0 / x, "divides by a tensor"),
        (lambda layers, ops, x: x / 0.0, "by zero"),
        (lambda layers, ops, x: ops.tanh(x), "(Tanh)"),
        (lambda layers, ops, x: ops.mean(x), "batch"),
        (lambda layers, ops, x: ops.std(x, axis=1), "(Std)"),
        (lambda layers, ops, x: ops.sigmoid(x) + 1.0, "at the output only"),
    ],
)
def test_operations_that_are_refused(keras: Any, build: Build, says: str) -> None:
    assert says in _refused(_model(keras, (4, 5, 3), build))


def test_two_scales_of_a_residual_block(keras: Any) -> None:
    from keras.src.applications.inception_resnet_v2 import CustomScaleLayer

    _assert_equal(_model(keras, (5, 6, 2), lambda layers, ops, x: CustomScaleLayer(0.17)([x, layers.Conv2D(2, 1)(x)])))


def _block(keras: Any, shape: tuple[Any, ...], name: str) -> Any:
    layers = keras.layers
    return keras.Sequential(
        [keras.Input(shape), layers.Conv2D(3, 3, padding="same"), layers.BatchNormalization(), layers.ReLU()], name=name
    )


@pytest.mark.parametrize("shape", [(5, 6, 3), (None, None, 3)], ids=str)
def test_a_model_inside_a_model_called_twice(keras: Any, shape: tuple[Any, ...]) -> None:
    block = _block(keras, shape, "block")
    graph = _assert_equal(_model(keras, (5, 6, 3), lambda layers, ops, x: layers.Dense(2)(layers.Flatten()(block(block(x) - x)))))
    assert {"block.0.re_lu", "block.1.re_lu"} <= {name.rsplit("_", 1)[0] if name[-1].isdigit() else name for name in graph.shapes}


def test_models_in_models_in_models(keras: Any) -> None:
    inner = _block(keras, (5, 6, 3), "inner")
    x = keras.Input((5, 6, 3))
    middle = keras.Model(x, keras.layers.Add()([inner(x), x]), name="middle")
    head = keras.Sequential([keras.layers.GlobalMaxPooling2D(), keras.layers.Dense(3)], name="head")
    graph = _assert_equal(_randomised(keras.Sequential([keras.Input((5, 6, 3)), middle, head])))
    assert any(name.startswith("middle.inner.") for name in graph.shapes)


def test_a_model_inside_with_several_inputs_and_outputs(keras: Any) -> None:
    a, b = keras.Input((5, 6, 2)), keras.Input((5, 6, 2))
    pair = keras.Model([a, b], [a - b, keras.layers.Maximum()([a, b])])

    def build(layers: Any, ops: Any, x: Any) -> Any:
        difference, largest = pair([x, layers.Conv2D(2, 1)(x)])
        return layers.Conv2D(2, 2)(difference + 2.0 * largest)

    _assert_equal(_model(keras, (5, 6, 2), build))


def test_a_softmax_in_the_last_inner_model_is_the_output(keras: Any) -> None:
    head = keras.Sequential([keras.Input((4,)), keras.layers.Dense(3, activation="softmax", name="probabilities")], name="head")
    graph = ecc_lava.from_keras(keras.Sequential([keras.Input((4,)), keras.layers.Dense(4), head]))
    assert graph.logits == {"head": "head.probabilities.logits"}


def test_offences_inside_inner_models_are_named_with_their_path(keras: Any) -> None:
    layers = keras.layers
    inner = keras.Sequential([keras.Input((4,)), layers.ELU(name="one"), layers.Dense(4, activation="tanh", name="two")], name="inner")
    message = _refused(keras.Sequential([keras.Input((4,)), inner, layers.LayerNormalization(name="three")]))
    assert all(part in message for part in ("inner.one (ELU)", "inner.two (Dense)", "three (LayerNormalization)"))


def test_half_precision(keras: Any) -> None:
    def build(layers: Any, ops: Any, x: Any) -> Any:
        options = {"dtype": "mixed_float16"}
        y = layers.ReLU(**options)(layers.BatchNormalization(**options)(layers.Conv2D(3, 3, **options)(x)))
        return layers.Dense(3, dtype="float32")(layers.Flatten(**options)(y))

    _assert_equal(_model(keras, (5, 6, 2), build), 1e-2)


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
    model = _model(keras, (5, 6, 3), images) if name == "images" else _model(keras, (6, 3), signals)
    path = tmp_path / "model.keras"
    model.save(path)
    graph = ecc_lava.from_keras(ecc_lava.load_model(path))
    assert max(_differences(model, graph)) <= TOLERANCE


def test_operations_in_hdf5_files_are_refused_with_the_remedy(keras: Any, tmp_path: Path) -> None:
    path = tmp_path / "model.h5"
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # Keras warns that HDF5 is legacy
        _model(keras, (4,), lambda layers, ops, x: -x * 2.0).save(path)
    with pytest.raises(UnsupportedModel, match=r"(?s)\(Negative\).*\.keras.*\(Multiply\).*\.keras"):
        ecc_lava.load_model(path)


@pytest.mark.parametrize(
    ("name", "why"),
    [("split", "it splits the batch"), ("clip", "its limits are not two numbers"), ("empty", "its result is empty")],
)
def test_operations_that_make_no_sense_are_refused_by_name(name: str, why: str) -> None:
    import keras

    x = keras.Input((4, 4, 2))
    made = {
        "split": lambda: keras.ops.split(x, 2, axis=0)[0],
        "clip": lambda: keras.ops.clip(x, 0.0, np.array([1.0, 2.0])),
        "empty": lambda: x[:, 2:2],
    }
    with pytest.raises(UnsupportedModel, match=why):
        ecc_lava.from_keras(keras.Model(x, made[name]()))
