"""`from_keras` against Keras itself, layer by layer and option by option; what it refuses; model files."""

from __future__ import annotations

import json
import subprocess
import sys
import warnings
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest

import ecc_lava
from ecc_lava.common.arrays import Array
from ecc_lava.errors import FileError, InvalidInput, InvalidNetwork, UnsupportedModel
from ecc_lava.graph.graph import Graph
from ecc_lava.graph.nodes import Add, Relu

TOLERANCE = 1e-5
"""Of max |difference| / max |reference|: DESIGN 4, up to 30 layers."""


@pytest.fixture(scope="module")
def keras() -> Any:
    import keras

    return keras


@pytest.fixture(scope="module")
def layers(keras: Any) -> Any:
    return keras.layers


def _randomised(model: Any, seed: int = 0) -> Any:
    """Give every weight a random value; variances stay positive."""
    rng = np.random.default_rng(seed)
    for layer in model.layers:
        values = []
        for variable in layer.weights:
            value = rng.normal(0, 0.5, variable.shape)
            values.append(rng.uniform(0.2, 2.0, variable.shape) if variable.name in ("moving_variance", "variance") else value)
        layer.set_weights(values)
    return model


def _images(graph: Graph, n: int = 3) -> Array:
    return np.random.default_rng(1).normal(0, 1, (n, *graph.input.shape)).astype(np.float32)


def _difference(graph: Graph, model: Any) -> float:
    """Return max |difference| / max |reference| of the graph and of a model without softmax."""
    x = _images(graph)
    taken = x if len(model.input_shape) == 4 else x[:, 0, 0]
    reference = np.asarray(model(taken, training=False), np.float64).reshape(len(x), -1)
    assert np.abs(reference).max() > 0
    return float(np.abs(ecc_lava.forward(graph, x) - reference).max() / np.abs(reference).max())


def _assert_equal(model: Any, seed: int = 0) -> Graph:
    graph = ecc_lava.from_keras(_randomised(model, seed))
    assert _difference(graph, model) <= TOLERANCE
    return graph


def _sequential(keras: Any, shape: tuple[int | None, ...], *stack: Any) -> Any:
    return keras.Sequential([keras.Input(shape), *stack])


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
    _assert_equal(_sequential(keras, shape, layers.Conv2D(6, **options)))


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
    _assert_equal(_sequential(keras, shape, layers.DepthwiseConv2D(**options)))


@pytest.mark.parametrize("options", [{}, {"use_bias": False}, {"activation": "relu"}], ids=_text)
@pytest.mark.parametrize("shape", [(5,), (4, 3, 2)], ids=str)
def test_dense_on_vectors_and_on_the_last_axis_of_maps(keras: Any, layers: Any, options: dict[str, Any], shape: tuple[int, ...]) -> None:
    _assert_equal(_sequential(keras, shape, layers.Dense(4, **options)))


@pytest.mark.parametrize(
    "options", [{}, {"scale": False}, {"center": False}, {"epsilon": 0.3}, {"scale": False, "center": False}], ids=_text
)
@pytest.mark.parametrize("shape", [(5,), (4, 3, 2)], ids=str)
def test_batch_normalization(keras: Any, layers: Any, options: dict[str, Any], shape: tuple[int, ...]) -> None:
    _assert_equal(_sequential(keras, shape, layers.BatchNormalization(**options)))


@pytest.mark.parametrize("shape", [(8, 8, 2), (7, 9, 2), (5, 4, 2)], ids=str)
@pytest.mark.parametrize("padding", ["valid", "same"])
@pytest.mark.parametrize(("size", "strides"), [(2, None), (3, 2), (3, 1), ((2, 3), (3, 2)), (2, 3)])
def test_average_pooling2d(keras: Any, layers: Any, shape: tuple[int, int, int], padding: str, size: Any, strides: Any) -> None:
    _assert_equal(_sequential(keras, shape, layers.AveragePooling2D(size, strides, padding)))


@pytest.mark.parametrize("keepdims", [False, True])
def test_global_average_pooling2d(keras: Any, layers: Any, keepdims: bool) -> None:
    _assert_equal(_sequential(keras, (5, 4, 3), layers.GlobalAveragePooling2D(keepdims=keepdims), layers.Flatten(), layers.Dense(2)))


@pytest.mark.parametrize("options", [{"mean": 3.0, "variance": 4.0}, {"mean": [1.0, 2.0, 3.0], "variance": [4.0, 0.5, 1.0]}], ids=str)
@pytest.mark.parametrize("invert", [False, True])
def test_normalization_of_given_statistics(keras: Any, layers: Any, options: dict[str, Any], invert: bool) -> None:
    model = _sequential(keras, (4, 5, 3), layers.Normalization(axis=-1, invert=invert, **options), layers.Conv2D(2, 2))
    _assert_equal(model)


@pytest.mark.parametrize("axis", [-1, None])
def test_normalization_adapted_to_data(keras: Any, layers: Any, axis: int | None) -> None:
    layer = layers.Normalization(axis=axis)
    layer.adapt(np.random.default_rng(0).normal(3, 2, (20, 4, 5, 3)))
    model = _sequential(keras, (4, 5, 3), layer)
    assert _difference(ecc_lava.from_keras(model), model) <= TOLERANCE


@pytest.mark.parametrize("axis", [1, 2, (1, 3)], ids=str)
def test_normalization_of_other_axes(keras: Any, layers: Any, axis: Any) -> None:
    """Axes of one length are not mistaken for one another."""
    layer = layers.Normalization(axis=axis)
    layer.adapt(np.random.default_rng(0).normal(3, 2, (20, 3, 5, 3)))
    model = _sequential(keras, (3, 5, 3), layer)
    assert _difference(ecc_lava.from_keras(model), model) <= TOLERANCE


@pytest.mark.parametrize(("scale", "offset"), [(1 / 255, 0.0), (2.0, -1.0), ([1.0, 2.0, 3.0], [0.5, 0.0, -0.5])])
def test_rescaling(keras: Any, layers: Any, scale: Any, offset: Any) -> None:
    _assert_equal(_sequential(keras, (4, 5, 3), layers.Rescaling(scale, offset)))


def test_rescaling_of_another_axis(keras: Any, layers: Any) -> None:
    _assert_equal(_sequential(keras, (3, 5, 3), layers.Rescaling(np.arange(1.0, 4.0).reshape(3, 1, 1))))


def test_images_are_scaled_unless_the_model_does_it(keras: Any, layers: Any) -> None:
    x = np.random.default_rng(0).integers(0, 256, (2, 4, 4, 3)).astype(np.uint8)
    plain = ecc_lava.from_keras(_sequential(keras, (4, 4, 3), layers.Flatten()))
    np.testing.assert_allclose(ecc_lava.forward(plain, x), x.reshape(2, -1) / 255)
    own = ecc_lava.from_keras(_sequential(keras, (4, 4, 3), layers.Rescaling(1 / 255), layers.Flatten()))
    np.testing.assert_allclose(ecc_lava.forward(own, x), x.reshape(2, -1) / 255)


@pytest.mark.parametrize("padding", [1, (2, 1), ((0, 1), (2, 0))], ids=str)
def test_zero_padding2d(keras: Any, layers: Any, padding: Any) -> None:
    _assert_equal(_sequential(keras, (5, 4, 2), layers.ZeroPadding2D(padding), layers.Conv2D(2, 3, strides=2)))


@pytest.mark.parametrize("form", ["layer", "activation", "fused"])
def test_relu_in_every_form(keras: Any, layers: Any, form: str) -> None:
    stack = {
        "layer": [layers.Conv2D(3, 2), layers.ReLU()],
        "activation": [layers.Conv2D(3, 2), layers.Activation("relu")],
        "fused": [layers.Conv2D(3, 2, activation="relu")],
    }[form]
    graph = _assert_equal(_sequential(keras, (5, 4, 2), *stack))
    assert sum(isinstance(node, Relu) for node in graph.nodes) == 1


def test_dropout_and_linear_activation_vanish(keras: Any, layers: Any) -> None:
    _assert_equal(_sequential(keras, (5, 4, 2), layers.Dropout(0.5), layers.Conv2D(2, 3), layers.Activation("linear"), layers.Flatten()))


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
        return _randomised(_sequential(keras, (4, 3, 2), layers.Flatten(), *stack))

    with_end, without = model(True), model(False)
    graph = ecc_lava.from_keras(with_end)
    assert _difference(graph, without) <= TOLERANCE
    assert graph.classifiers == (() if "sigmoid" in form else graph.outputs)
    assert not ecc_lava.from_keras(without).classifiers


def test_add_of_several_in_a_functional_model(keras: Any, layers: Any) -> None:
    x = keras.Input((6, 5, 3))
    a = layers.Conv2D(4, 3, padding="same", activation="relu")(x)
    b = layers.Conv2D(4, 1)(x)
    c = layers.DepthwiseConv2D(3, padding="same")(a)
    y = layers.ReLU()(layers.Add()([a, b, c, a]))
    graph = _assert_equal(keras.Model(x, layers.Dense(3)(layers.GlobalAveragePooling2D()(y))))
    assert [len(n.sources) for n in graph.nodes if isinstance(n, Add)] == [4]


def test_addition_by_operator_is_wiring_too(keras: Any, layers: Any) -> None:
    x = keras.Input((6, 5, 3))
    a = layers.Conv2D(3, 3, padding="same", activation="relu")(x)
    _assert_equal(keras.Model(x, layers.Flatten()(a + x)))


def test_addition_of_a_constant_is_not_dropped(keras: Any, layers: Any) -> None:
    x = keras.Input((4,))
    _assert_equal(keras.Model(x, layers.Dense(2)(x + 3.0)))


def test_a_layer_called_in_training_mode_is_refused(keras: Any, layers: Any) -> None:
    """It would use the batch's statistics, not the stored ones."""
    x = keras.Input((4,))
    assert "hot (BatchNormalization)" in str(_refused(keras.Model(x, layers.BatchNormalization(name="hot")(x, training=True))))
    _assert_equal(keras.Model(x, layers.BatchNormalization()(x, training=False)))


def test_a_layer_called_twice_keeps_both_calls_apart(keras: Any, layers: Any) -> None:
    x = keras.Input((6, 6, 3))
    shared = layers.Conv2D(3, 3, padding="same", activation="relu", name="shared")
    graph = _assert_equal(keras.Model(x, layers.Flatten()(layers.Add()([shared(shared(x)), x]))))
    assert {"shared.0", "shared.1"} <= set(graph.shapes)


def test_wiring_does_not_come_from_layer_names_or_order(keras: Any, layers: Any) -> None:
    x = keras.Input((6, 6, 2), name="z")
    late = layers.Conv2D(2, 3, padding="same", name="a")(x)
    early = layers.Conv2D(2, 3, padding="same", name="b")(layers.ReLU(name="c")(late))
    _assert_equal(keras.Model(x, layers.Flatten(name="0")(layers.Add(name="d")([early, late]))))


def test_a_whole_residual_network(keras: Any, layers: Any) -> None:
    x = keras.Input((13, 11, 3))
    y = layers.Rescaling(1 / 127.5, -1.0)(x)
    y = layers.ReLU()(layers.BatchNormalization()(layers.Conv2D(6, 3, strides=2, padding="same", use_bias=False)(y)))
    z = layers.BatchNormalization(epsilon=0.02)(layers.DepthwiseConv2D(3, strides=2, padding="same")(y))
    z = layers.BatchNormalization()(layers.Conv2D(8, 1)(layers.ReLU()(z)))
    skip = layers.Conv2D(8, 1)(layers.AveragePooling2D(2, padding="same")(y))
    z = layers.Dropout(0.2)(layers.ReLU()(layers.Add()([z, skip])))
    z = layers.Dense(4, activation="softmax")(layers.Flatten()(z))
    model = _randomised(keras.Model(x, z))
    graph = ecc_lava.from_keras(model)
    images = _images(graph)
    logits = ecc_lava.forward(graph, images)
    softmax = np.exp(logits - logits.max(axis=1, keepdims=True))
    np.testing.assert_allclose(softmax / softmax.sum(axis=1, keepdims=True), np.asarray(model(images, training=False)), atol=1e-5)


def test_a_kernel_of_a_wrong_function_called_relu_is_not_a_relu(keras: Any, layers: Any) -> None:
    def relu(x: Any) -> Any:
        return x * x

    assert "'relu'" in str(_refused(_sequential(keras, (4,), layers.Dense(2, activation=relu))))


def _refused(model: Any) -> UnsupportedModel:
    with pytest.raises(UnsupportedModel) as caught:
        ecc_lava.from_keras(model)
    return caught.value


def test_all_offending_layers_are_named_at_once(keras: Any, layers: Any) -> None:
    model = _sequential(
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
    error = _refused(model)
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
    error = _refused(keras.Model(x, y))
    assert [where for where, _ in error.offences] == [f"bad ({y._keras_history.operation.__class__.__name__})"]


def test_a_softmax_inside_is_refused(keras: Any, layers: Any) -> None:
    for inner in (
        layers.Softmax(name="inner"),
        layers.Activation("sigmoid", name="inner"),
        layers.Dense(4, activation="softmax", name="inner"),
    ):
        assert "inner" in str(_refused(_sequential(keras, (4,), inner, layers.Dense(2))))


def test_other_ranks_are_refused_by_name(keras: Any, layers: Any) -> None:
    assert "conv (Conv3D)" in str(_refused(_sequential(keras, (4, 4, 4, 2), layers.Conv3D(2, 3, name="conv"))))
    stack = [layers.Reshape((2, 2, 2, 3)), layers.ZeroPadding3D(1, name="pad"), layers.Dense(2, name="on the last axis")]
    error = _refused(_sequential(keras, (4, 6), *stack))
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
        ecc_lava.from_keras(_sequential(keras, (None, None, 3), layers.Conv2D(2, 3), layers.GlobalAveragePooling2D()))


def test_weights_that_are_not_numbers_name_their_layer(keras: Any, layers: Any) -> None:
    model = _sequential(keras, (4,), layers.Dense(3), layers.Dense(2, name="broken"))
    model.get_layer("broken").set_weights([np.full((3, 2), np.nan), np.zeros(2)])
    with pytest.raises(InvalidNetwork, match="broken"):
        ecc_lava.from_keras(model)


def _small(keras: Any, layers: Any) -> Any:
    return _randomised(
        _sequential(
            keras, (6, 6, 2), layers.Conv2D(3, 3, activation="relu"), layers.BatchNormalization(), layers.Flatten(), layers.Dense(2)
        )
    )


def _save(model: Any, path: Path) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # Keras warns that HDF5 is legacy
        model.save(path)


@pytest.mark.parametrize("suffix", ["keras", "h5", "hdf5"])
def test_a_saved_model_comes_back(keras: Any, layers: Any, suffix: str, tmp_path: Path) -> None:
    model = _small(keras, layers)
    path = tmp_path / f"model.{suffix}"
    _save(model, path)
    graph = ecc_lava.from_keras(ecc_lava.load_model(path))
    assert _difference(graph, model) <= TOLERANCE


def _touching(path: Path) -> Callable[[Any], Any]:
    """Return a lambda that creates `path` wherever it runs."""
    return lambda t, p=str(path): (open(p, "w").close(), t)[1]  # type: ignore[misc, func-returns-value]  # noqa: PTH123


def _load_elsewhere(path: Path) -> str:
    """Load a model in a fresh process; return the refusal, and which heavy packages had been imported by then."""
    script = (
        "import sys, ecc_lava\n"
        "try: ecc_lava.load_model(sys.argv[1])\n"
        "except ecc_lava.UnsupportedModel as error: print(error, sorted({'keras', 'tensorflow'} & set(sys.modules)))"
    )
    return subprocess.run([sys.executable, "-c", script, str(path)], capture_output=True, text=True, check=True).stdout


@pytest.mark.parametrize("suffix", ["keras", "h5"])
def test_a_lambda_layer_of_a_file_never_runs(keras: Any, layers: Any, suffix: str, tmp_path: Path) -> None:
    trace, path = tmp_path / "trace", tmp_path / f"evil.{suffix}"
    model = _sequential(keras, (4,), layers.Lambda(_touching(trace), output_shape=(4,), name="evil"), layers.Dense(2))
    _save(model, path)
    trace.unlink(missing_ok=True)  # the function ran here, if Keras traced it
    refusal = _load_elsewhere(path)
    assert "evil (Lambda)" in refusal
    assert refusal.strip().endswith("[]"), "refused before TensorFlow is imported"
    assert not trace.exists()


@pytest.mark.parametrize("suffix", ["keras", "h5"])
def test_code_as_an_activation_of_a_file_never_runs(keras: Any, layers: Any, suffix: str, tmp_path: Path) -> None:
    from keras.src.utils.python_utils import func_dump

    trace, path = tmp_path / "trace", tmp_path / f"evil.{suffix}"
    code, defaults, closure = func_dump(_touching(trace))
    _save(_sequential(keras, (4,), layers.Dense(4, activation="tanh", name="evil"), layers.Dense(2)), path)
    stored = {"class_name": "__lambda__", "config": {"code": code, "defaults": defaults, "closure": closure}}
    _edit_config(path, '"tanh"', json.dumps(stored))
    refusal = _load_elsewhere(path)
    assert "evil" in refusal
    assert refusal.strip().endswith("[]")
    assert not trace.exists()


def _edit_config(path: Path, old: str, new: str) -> None:
    """Replace text in the description of a model file."""
    if path.suffix == ".h5":
        with h5py.File(path, "r+") as file:
            text = file.attrs["model_config"]
            assert old in text
            file.attrs["model_config"] = text.replace(old, new)
        return
    with zipfile.ZipFile(path) as archive:
        parts = {name: archive.read(name) for name in archive.namelist()}
    text = parts["config.json"].decode()
    assert old in text
    with zipfile.ZipFile(path, "w") as archive:
        for name, data in parts.items():
            archive.writestr(name, text.replace(old, new) if name == "config.json" else data)


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        ('"module": "keras.layers", "class_name": "Conv2D"', '"module": "evil_package", "class_name": "Conv2D"', "evil_package"),
        ('"module": "keras.initializers", "class_name": "Zeros"', '"module": "os.path", "class_name": "Zeros"', "os.path"),
        (
            '"module": "keras.initializers", "class_name": "Zeros"',
            '"module": "keras.layers", "class_name": "TFSMLayer"',
            r"conv2d\w* \(TFSMLayer\)",
        ),
    ],
)
def test_objects_that_are_no_supported_layers_are_refused(keras: Any, layers: Any, old: str, new: str, says: str, tmp_path: Path) -> None:
    path = tmp_path / "model.keras"
    _save(_small(keras, layers), path)
    _edit_config(path, old, new)
    with pytest.raises(UnsupportedModel, match=says):
        ecc_lava.load_model(path)


EVIL_FUNCTION = {"module": "keras", "class_name": "function", "config": "utils.get_file", "registered_name": "function"}
EVIL_CLASS = {"module": "subprocess", "class_name": "Popen", "config": {"args": "true"}, "registered_name": None}
EVIL_SPEC = {**EVIL_CLASS, "class_name": "__typespec__", "spec_name": "Popen"}
OLD_LAMBDA = {"class_name": "Lambda", "config": {"function": ["4wEAAAA=", None, None], "function_type": "lambda"}}


@pytest.mark.parametrize("suffix", ["keras", "h5"])
@pytest.mark.parametrize(
    "stored", [EVIL_FUNCTION, EVIL_CLASS, EVIL_SPEC, OLD_LAMBDA, {**EVIL_CLASS, "module": None}, {"class_name": ["Dense"]}]
)
@pytest.mark.parametrize("key", ['"activation": "tanh"', '"kernel_constraint": null', '"trainable": true'])
def test_hostile_objects_anywhere_in_a_file_are_refused_before_keras_is_imported(
    keras: Any, layers: Any, key: str, stored: Any, suffix: str, tmp_path: Path
) -> None:
    from ecc_lava.importers.keras.files.loading import described_layers

    path = tmp_path / f"evil.{suffix}"
    _save(_sequential(keras, (4,), layers.Dense(4, activation="tanh", name="evil"), layers.Dense(2)), path)
    assert ("evil", "Dense", "") in described_layers(path)
    _edit_config(path, key, f'{key.partition(":")[0]}: [{{"odd": {json.dumps(stored)}}}]')
    with pytest.raises(UnsupportedModel, match=r"evil|custom"):
        ecc_lava.load_model(path)


def test_what_an_inner_model_is_trained_with_is_looked_at_too(keras: Any, layers: Any, tmp_path: Path) -> None:
    """Keras compiles inner models although it is asked not to."""
    inner = _sequential(keras, (4,), layers.Dense(4, activation="relu"))
    inner.compile("adam", "mse")
    path = tmp_path / "model.keras"
    _save(keras.Sequential([keras.Input((4,)), inner, layers.Dense(2)]), path)
    _edit_config(path, '"module": "keras.optimizers", "class_name": "Adam"', '"module": "evil_package", "class_name": "Adam"')
    with pytest.raises(UnsupportedModel, match="evil_package"):
        ecc_lava.load_model(path)


def test_operations_of_keras_2_files_are_refused_with_the_remedy(keras: Any, layers: Any, tmp_path: Path) -> None:
    path = tmp_path / "old.h5"
    _save(_sequential(keras, (4,), layers.Dense(4), layers.Activation("relu", name="tf.math.add")), path)
    _edit_config(path, '"class_name": "Activation"', '"class_name": "TFOpLambda"')
    with h5py.File(path, "r+") as file:
        file.attrs["model_config"] = file.attrs["model_config"].replace('"module": "keras.layers", ', "")
    with pytest.raises(UnsupportedModel, match=r"tf.math.add \(TFOpLambda\).*Keras 2"):
        ecc_lava.load_model(path)


def test_all_unsupported_layers_of_a_file_are_named_at_once(keras: Any, layers: Any, tmp_path: Path) -> None:
    path = tmp_path / "model.keras"
    _save(_sequential(keras, (8, 8, 2), layers.LayerNormalization(name="one"), layers.ELU(name="two")), path)
    model = ecc_lava.load_model(path)
    with pytest.raises(UnsupportedModel, match=r"(?s)one \(LayerNormalization\).*two \(ELU\)"):
        ecc_lava.from_keras(model)


def _nothing(path: Path) -> None:
    pass


def _text_file(path: Path) -> None:
    path.write_text("this is no model")


def _other_archive(path: Path) -> None:
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("readme.txt", "hello")


def _weights_only(path: Path) -> None:
    with h5py.File(path, "w") as file:
        file["dense/kernel"] = np.ones((2, 2))


def _bad_json(path: Path) -> None:
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("config.json", "{")


def _json_of_something_else(path: Path) -> None:
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("config.json", '{"hello": [1, 2]}')
        archive.writestr("metadata.json", "{}")


@pytest.mark.parametrize(
    ("name", "make", "says"),
    [
        ("missing.keras", _nothing, "no such file"),
        ("text.keras", _text_file, "neither"),
        ("text.h5", _text_file, "neither"),
        ("other.keras", _other_archive, "not a Keras archive"),
        ("weights.weights.h5", _weights_only, "weights only"),
        ("json.keras", _bad_json, "not JSON"),
        ("else.keras", _json_of_something_else, "cannot load"),
    ],
)
def test_files_that_are_no_models(name: str, make: Callable[[Path], None], says: str, tmp_path: Path) -> None:
    make(tmp_path / name)
    with pytest.raises(FileError, match=says) as caught:
        ecc_lava.load_model(tmp_path / name)
    assert name in str(caught.value)


@pytest.mark.parametrize("suffix", ["keras", "h5"])
@pytest.mark.parametrize("share", [0.3, 0.9, 0.999])
def test_truncated_files(keras: Any, layers: Any, suffix: str, share: float, tmp_path: Path) -> None:
    path = tmp_path / f"model.{suffix}"
    _save(_small(keras, layers), path)
    data = path.read_bytes()
    path.write_bytes(data[: int(len(data) * share)])
    with pytest.raises(FileError, match=path.name):
        ecc_lava.load_model(path)


def test_a_folder_is_no_model(tmp_path: Path) -> None:
    with pytest.raises(FileError, match="no such file"):
        ecc_lava.load_model(tmp_path)


@pytest.mark.parametrize(("scale", "uint8_scale"), [(1 / 255, 1.0), (1 / 127.5, 1.0), (1.0, 1 / 255)])
def test_a_model_that_rescales_pixels_gets_them_as_stored(keras: Any, layers: Any, scale: float, uint8_scale: float) -> None:
    stack = [keras.Input((4, 4, 1)), layers.RandomFlip(), layers.Rescaling(scale), layers.Flatten(), layers.Dense(2)]
    assert ecc_lava.from_keras(keras.Sequential(stack)).uint8_scale == uint8_scale
