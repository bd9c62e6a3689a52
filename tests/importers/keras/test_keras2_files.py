"""Files of Keras 2: what Keras 3 would refuse although it changes nothing is put in the words of Keras 3, in a copy."""

from __future__ import annotations

import json
import logging
from collections.abc import Callable
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest

import ecc_lava
from ecc_lava.errors import FileError, UnsupportedModel
from ecc_lava.importers.keras.files.keras2 import in_words_of_keras_3, without_unknown_settings
from ecc_lava.importers.keras.files.loading import _settings
from tests.helpers.keras_models import Recipe, generated

TOLERANCE = 1e-5
"""Of max |difference| / max |reference|."""

IMAGE, SIGNAL = (6, 6, 2), (7, 2)

Change = Callable[[dict[str, Any]], None]
"""Edits the description of a model in place."""


def _described_otherwise(model: Any, path: Path, change: Change, version: str = "2.4.0") -> None:
    """Save a model as an HDF5 file, with random weights and the changed description."""
    rng = np.random.default_rng(0)
    for variable in model.variables:
        if "seed" not in variable.path:
            variable.assign(rng.uniform(0.2, 1.0, variable.shape))
    model.save(path)
    with h5py.File(path, "r+") as file:
        description = json.loads(file.attrs["model_config"])
        change(description)
        file.attrs["model_config"] = json.dumps(description)
        file.attrs["keras_version"] = version


def _assert_read(model: Any, path: Path, caplog: pytest.LogCaptureFixture, says: str) -> Any:
    """Check that a file computes what the model computed that was saved to it, is unchanged, and that one line names what was changed."""
    before = path.read_bytes()
    caplog.clear()
    with caplog.at_level(logging.INFO, "ecc_lava"):
        loaded = ecc_lava.load_model(path)
    assert path.read_bytes() == before
    (line,) = [record.getMessage() for record in caplog.records if record.name.startswith("ecc_lava")]
    assert str(path) in line
    assert says in line
    graph = ecc_lava.from_keras(loaded)
    x = np.random.default_rng(1).normal(0, 1, (3, *model.input_shape[1:])).astype(np.float32)
    reference = np.asarray(model(x, training=False)).reshape(3, -1)
    assert np.abs(ecc_lava.forward(graph, x) - reference).max() <= TOLERANCE * np.abs(reference).max()
    return loaded


def _layers(description: dict[str, Any]) -> list[dict[str, Any]]:
    layers: list[dict[str, Any]] = description["config"]["layers"]
    return layers


def _setting(kind: str, **values: Any) -> Change:
    def change(description: dict[str, Any]) -> None:
        (found,) = [layer for layer in _layers(description) if layer["class_name"] == kind]
        found["config"].update(values)

    return change


OLD_POLICY = {"class_name": "Policy", "config": {"name": "float32"}}
ZEROS = {"class_name": "Zeros", "config": {}}
UNKNOWN: list[tuple[str, tuple[Any, ...], tuple[int, ...], dict[str, Any]]] = [
    ("DepthwiseConv2D", (3,), IMAGE, {"groups": 1}),
    ("DepthwiseConv1D", (3,), SIGNAL, {"groups": 1}),
    ("Conv2DTranspose", (2, 3), IMAGE, {"groups": 1}),
    ("Conv1DTranspose", (2, 3), SIGNAL, {"groups": 1}),
    (
        "SeparableConv2D",
        (2, 3),
        IMAGE,
        {"groups": 1, "kernel_initializer": {"class_name": "Zeros", "config": {}}, "kernel_constraint": None},
    ),
    ("SeparableConv1D", (2, 3), SIGNAL, {"groups": 1, "kernel_regularizer": None}),
    ("SpatialDropout2D", (0.3,), IMAGE, {"trainable": True, "noise_shape": None}),
    ("SpatialDropout1D", (0.3,), SIGNAL, {"trainable": True, "noise_shape": None}),
    ("RandomFlip", (), IMAGE, {"rng_type": "stateful"}),
    ("RandomContrast", (0.2,), IMAGE, {"rng_type": "stateful"}),
    ("BatchNormalization", (), IMAGE, {"renorm": False, "fused": None}),
    ("Conv2D", (2, 3), IMAGE, {"dtype": OLD_POLICY}),
    ("Conv2D", (2, 3), IMAGE, {"dtype": {"class_name": "PolicyV1", "config": {"name": "_infer", "loss_scale": None}}}),
    ("Dense", (3,), (5,), {"dtype": {"module": "keras.mixed_precision", **OLD_POLICY}}),
]


@pytest.mark.parametrize("case", UNKNOWN, ids=lambda case: f"{case[0]}-{','.join(case[3])}")
def test_settings_of_keras_2_that_change_nothing_are_left_out(keras: Any, case: Any, tmp_path: Path, caplog: Any) -> None:
    kind, arguments, shape, values = case
    model = keras.Sequential([keras.Input(shape), getattr(keras.layers, kind)(*arguments), keras.layers.Flatten(), keras.layers.Dense(3)])
    path = tmp_path / "old.h5"
    if kind == "Dense":
        model = keras.Sequential([keras.Input(shape), keras.layers.Dense(*arguments)])
    _described_otherwise(model, path, _setting(kind, **values))
    _assert_read(model, path, caplog, "policy" if "dtype" in values else list(values)[-1])  # some came back in later versions of Keras


def _renamed(old: str, **values: Any) -> Change:
    def change(description: dict[str, Any]) -> None:
        (found,) = [layer for layer in _layers(description) if layer["class_name"] == old]
        for key in [key for key, value in values.items() if value is None]:
            found["config"].pop(key)
        found["config"].update({key: value for key, value in values.items() if value is not None and key != "kind"})
        found["class_name"] = values.get("kind", old)

    return change


@pytest.mark.parametrize(
    ("layer", "change", "says"),
    [
        (("LeakyReLU", 0.3), _renamed("LeakyReLU", negative_slope=None, alpha=0.3), "negative_slope"),
        (("BatchNormalization",), _renamed("BatchNormalization", kind="BatchNormalizationV1", axis=[3]), "BatchNormalizationV1"),
        (("Activation", "softmax"), _renamed("Activation", activation="softmax_v2"), "softmax_v2"),
    ],
)
def test_names_of_keras_2(keras: Any, layer: tuple[Any, ...], change: Change, says: str, tmp_path: Path, caplog: Any) -> None:
    stack = [getattr(keras.layers, layer[0])(*layer[1:])]
    if layer[0] == "Activation":
        model = keras.Sequential([keras.Input((5,)), keras.layers.Dense(3), *stack])
        _described_otherwise(model, tmp_path / "old.h5", change)
        with caplog.at_level(logging.WARNING, "ecc_lava"):
            x = np.ones((1, 5), np.float32)
            np.testing.assert_allclose(ecc_lava.load_model(tmp_path / "old.h5")(x), model(x), rtol=1e-6)
        assert says in caplog.text
        return
    model = keras.Sequential([keras.Input(IMAGE), *stack])
    _described_otherwise(model, tmp_path / "old.h5", change)
    _assert_read(model, tmp_path / "old.h5", caplog, says)


@pytest.mark.parametrize("with_input", [True, False])
def test_the_shape_of_the_input_in_the_first_layer(keras: Any, with_input: bool, tmp_path: Path, caplog: Any) -> None:
    model = keras.Sequential([keras.Input(IMAGE), keras.layers.Conv2D(2, 3)])

    def change(description: dict[str, Any]) -> None:
        _setting("Conv2D", batch_input_shape=[None, *IMAGE])(description)
        if not with_input:
            del _layers(description)[0]

    _described_otherwise(model, tmp_path / "old.h5", change)
    _assert_read(model, tmp_path / "old.h5", caplog, "InputLayer")


def _calls_in_lists(description: dict[str, Any]) -> None:
    """Write the calls of layers as Keras 2 did; it counts the making of an inner model as the model's call 0."""
    inner = {layer["name"] for layer in _layers(description) if layer["class_name"] in ("Functional", "Sequential")}

    def listed(value: Any) -> list[Any]:
        if isinstance(value, dict) and value.get("class_name") == "__keras_tensor__":
            name, call, tensor = value["config"]["keras_history"]
            return [[name, call + (name in inner), tensor, {}]]
        items = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
        return [found for item in items for found in listed(item)]

    for layer in _layers(description):
        layer["inbound_nodes"] = [listed(node) for node in layer["inbound_nodes"]]


def _with_names(description: dict[str, Any], names: dict[str, str]) -> dict[str, Any]:
    text = json.dumps(description)
    for old, new in names.items():
        text = text.replace(f'"{old}"', f'"{new}"')
    changed: dict[str, Any] = json.loads(text)
    return changed


def test_slashes_in_the_names_of_layers_wherever_they_stand(keras: Any, tmp_path: Path, caplog: Any) -> None:
    layers = keras.layers
    x = keras.Input(IMAGE, name="in")
    conv = layers.Conv2D(2, 3, padding="same", name="block1conv")
    y = layers.Add(name="sum")([conv(x), conv(conv(x)), layers.Conv2D(2, 1, name="block1_conv")(x)])
    model = keras.Model(x, layers.BatchNormalization(name="bn")(y))

    def change(description: dict[str, Any]) -> None:
        _calls_in_lists(description)
        names = {"in": "the/in", "block1conv": "block1/conv", "sum": "block1/sum", "bn": "block1/bn"}
        description.update(_with_names(description, names))

    _described_otherwise(model, tmp_path / "old.h5", change)
    loaded = _assert_read(model, tmp_path / "old.h5", caplog, '"/" becomes "_"')
    names = [layer.name for layer in loaded.layers]
    assert {"the_in", "block1_conv", "block1_conv_2", "block1_sum", "block1_bn"} == set(names)  # block1_conv was there


@pytest.mark.parametrize("kind", ["Sequential", "Functional"])
@pytest.mark.parametrize("end", [True, False])
def test_inner_models_of_keras_2_files(keras: Any, kind: str, end: bool, tmp_path: Path, caplog: Any) -> None:
    """Keras 3 itself cannot load them: it counts the calls of an inner model from 0."""
    layers = keras.layers
    first = keras.Input(IMAGE)
    stack = [layers.Conv2D(2, 3, padding="same"), layers.BatchNormalization()]
    inner = (
        keras.Sequential([first, *stack], name="inner")
        if kind == "Sequential"
        else keras.Model(first, stack[1](stack[0](first)), name="inner")
    )
    x = keras.Input(IMAGE)
    y = layers.Add()([inner(x), inner(inner(x))])
    model = keras.Model(x, inner(y) if end else layers.Dense(3)(y))

    def change(description: dict[str, Any]) -> None:
        _calls_in_lists(description)
        ends = description["config"]["output_layers"]
        for found in ends if isinstance(ends[0], list) else [ends]:
            found[1] = 4 if end else 0

    _described_otherwise(model, tmp_path / "old.h5", change)
    _assert_read(model, tmp_path / "old.h5", caplog, "from 0")


def test_a_function_that_keras_3_computes_differently_is_refused(keras: Any, tmp_path: Path) -> None:
    model = keras.Sequential([keras.Input((5,)), keras.layers.Dense(3, activation="hard_sigmoid", name="last")])
    _described_otherwise(model, tmp_path / "new.h5", lambda description: None, "3.6.0")
    ecc_lava.load_model(tmp_path / "new.h5")
    _described_otherwise(model, tmp_path / "old.h5", lambda description: None, "2.9.0")
    with pytest.raises(UnsupportedModel, match=r"last \(Dense\): hard_sigmoid of Keras 2"):
        ecc_lava.load_model(tmp_path / "old.h5")


def test_a_setting_that_means_something_stays_and_kerass_last_line_says_what(keras: Any, tmp_path: Path) -> None:
    model = keras.Sequential([keras.Input(IMAGE), keras.layers.DepthwiseConv2D(3)])
    _described_otherwise(model, tmp_path / "old.h5", _setting("DepthwiseConv2D", groups=2))
    with pytest.raises(FileError) as caught:
        ecc_lava.load_model(tmp_path / "old.h5")
    message = str(caught.value)
    assert message.startswith(str(tmp_path / "old.h5"))
    assert "{'groups': 2}" in message
    assert "kernel_size" not in message  # no dump of the description
    assert "load it with Keras 2.4.0" in message
    assert "\n" not in message
    assert len(message) < 500


@pytest.mark.parametrize("seed", range(6))
def test_a_model_of_keras_3_stays_as_it_is(seed: int) -> None:
    description = json.loads(generated(Recipe(seed, 12)).model.to_json())
    assert in_words_of_keras_3(description) == []
    assert without_unknown_settings(description, _settings) == []


@pytest.mark.parametrize(
    "name", ["mlperf_tiny_wakeword.h5", "mlperf_tiny_resnet8.h5", "mlperf_tiny_autoencoder.hdf5", "fer_mini_xception.hdf5"]
)
def test_files_from_the_wild(data: Path, name: str) -> None:
    model = ecc_lava.load_model(data / name)
    graph = ecc_lava.from_keras(model)
    x = np.random.default_rng(0).uniform(0, 1, (2, *model.input_shape[1:])).astype(np.float32)
    logits = ecc_lava.forward(graph, x)
    softmax = np.exp(logits - logits.max(axis=1, keepdims=True))
    reference = np.asarray(model([x], training=False))
    found = logits if "autoencoder" in name else softmax / softmax.sum(axis=1, keepdims=True)
    assert np.abs(found - reference).max() <= 1e-4 * np.abs(reference).max()
