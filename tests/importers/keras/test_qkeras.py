"""Models of QKeras: integers of the weights, widths of activations, files that hold nothing else."""

from __future__ import annotations

import json
import zipfile
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from ecc_lava.backends import simulate
from ecc_lava.common import Array
from ecc_lava.conversion import convert
from ecc_lava.errors import UnsupportedModel
from ecc_lava.graph import Graph, Relu, forward
from ecc_lava.graph.evaluate import evaluate
from ecc_lava.importers.keras import from_keras, load_model
from ecc_lava.networks import rate_forward
from ecc_lava.quantisation import quantise
from tests.helpers.own_weights import differing

needs_qkeras = pytest.mark.skipif(
    find_spec("qkeras") is None or find_spec("hgq") is not None,
    reason="needs QKeras for Keras 3: uv run --group qkeras pytest, in an environment of its own",
)
pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")


def _images() -> Array:
    return np.random.Generator(np.random.Philox(3)).integers(0, 256, (32, 8, 8, 3)).astype(np.float32)


def _steps_of_two() -> Any:
    """Return a model whose every step is a power of two."""
    import keras
    import qkeras

    keras.utils.set_random_seed(1)
    bits, relu = qkeras.quantized_bits, qkeras.quantized_relu
    return keras.Sequential(
        [
            keras.Input((8, 8, 3)),
            keras.layers.Rescaling(1 / 256),
            qkeras.QConv2D(4, 3, kernel_quantizer=bits(4, 0, 1, alpha=1), bias_quantizer=bits(8, 2, 1, alpha=1), name="conv"),
            qkeras.QActivation(relu(4, 1), name="first"),
            qkeras.QDepthwiseConv2D(3, depthwise_quantizer=bits(6, 1, 1, alpha=1), name="depthwise"),
            qkeras.QActivation("quantized_relu(4, 1)", name="second"),
            keras.layers.Flatten(),
            qkeras.QDense(7, kernel_quantizer=qkeras.ternary(alpha=0.5), activation=relu(6, 2), name="ternary"),
            qkeras.QDense(7, kernel_quantizer=qkeras.binary(alpha=1), activation=relu(6, 2), name="binary"),
            qkeras.QDense(5, kernel_quantizer=bits(5, 0, 1, alpha="auto_po2"), name="classes"),
        ]
    )


def _own(model: Any, names: dict[str, str]) -> dict[str, Array]:
    """Return the model's own integers by population, from the quantisers themselves."""
    found = {}
    for population, name in names.items():
        layer = model.get_layer(name)
        quantiser = layer.get_quantizers()[0]
        rounded = np.asarray(quantiser(layer.weights[0]))
        step = np.asarray(quantiser.scale, np.float64)
        if type(quantiser).__name__ == "quantized_bits":
            step = step * 2.0 ** (quantiser.integer - quantiser.bits + 1)
        found[population] = np.rint(rounded / step).reshape(*rounded.shape[:2], -1) if rounded.ndim == 4 else np.rint(rounded / step)
    found["first"] = found["first"].reshape(3, 3, 3, -1)
    return found


POPULATIONS = {"first": "conv", "second": "depthwise", "ternary": "ternary", "binary": "binary", "classes": "classes"}


@needs_qkeras
@pytest.mark.parametrize("payload_bits", [None, 1], ids=["own payloads", "binary spikes"])
@pytest.mark.parametrize("recipe", ["ecc", "best"])
def test_integers_are_the_models_own(recipe: str, payload_bits: int | None, tmp_path: Path) -> None:
    _steps_of_two().save(tmp_path / "model.keras")
    model, images = load_model(tmp_path / "model.keras"), _images()
    graph = from_keras(model)
    np.testing.assert_allclose(forward(graph, images), model.predict(images, verbose=0), atol=1e-5)
    spiking = convert(graph, calibration=images, recipe=recipe, payload_bits=payload_bits)
    network = quantise(spiking)
    assert differing(network, _own(model, POPULATIONS)) == 0
    widths = {p.target: p.bits for p in network.projections}
    assert widths == {"first": 4, "second": 6, "ternary": 2, "binary": 1, "classes": 5}


@needs_qkeras
def test_payloads_are_the_models_activations_up_to_halves() -> None:
    images, graph = _images(), from_keras(_steps_of_two())
    spiking = convert(graph, calibration=images, recipe="ecc")
    network = quantise(spiking)
    assert {p.name: p.payload.bits for p in network.populations if p.kind.value == "if"} == {
        "first": 4,
        "second": 4,
        "ternary": 6,
        "binary": 6,
    }
    assert network.timesteps == 1
    np.testing.assert_array_equal(rate_forward(spiking, images), forward(graph, images))
    result = simulate(network, images, record=["first"])
    values = dict(evaluate(graph, {graph.input.name: images.astype(np.float64)}))
    step = 2.0**-3
    off = (result.counts["first"] * step).reshape(values["first"].shape) != values["first"]
    conv = values["conv"] / step
    assert (np.abs(conv[off] - np.floor(conv[off]) - 0.5) < 1e-9).all()  # halves, which go up here and to the even number in QKeras
    assert off.mean() < 0.01


@needs_qkeras
def test_scales_by_channel_need_binary_spikes(caplog: pytest.LogCaptureFixture) -> None:
    import keras
    import qkeras

    keras.utils.set_random_seed(2)
    bits = qkeras.quantized_bits(5, 0, 1, alpha="auto")
    model = keras.Sequential(
        [
            keras.Input((8, 8, 3)),
            qkeras.QConv2D(4, 3, kernel_quantizer=bits, name="conv"),
            keras.layers.BatchNormalization(gamma_initializer=keras.initializers.RandomUniform(-1, -0.5), name="norm"),
            qkeras.QActivation(qkeras.quantized_relu(4, 2), name="first"),
            keras.layers.Flatten(),
            qkeras.QDense(5, kernel_quantizer=bits, name="classes"),
        ]
    )
    images, graph = _images() / 255, from_keras(model)
    own = _own(model, {"first": "conv", "classes": "classes"})
    network = quantise(convert(graph, calibration=images, payload_bits=1))
    assert differing(network, own) == 0
    rounded = quantise(convert(graph, calibration=images))
    assert "weights into first are rounded again" in caplog.text
    assert differing(rounded, {"classes": own["classes"]}) == 0


def _dense(**options: Any) -> Callable[[], Any]:
    def made() -> Any:
        import keras
        import qkeras

        known = {name: getattr(qkeras, value[0])(*value[1:]) if isinstance(value, tuple) else value for name, value in options.items()}
        return keras.Sequential([keras.Input((6,)), qkeras.QDense(4, name="dense", **known)])

    return made


@needs_qkeras
@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"kernel_quantizer": ("quantized_po2", 4)}, "quantized_po2 makes no whole multiples of a step; train with quantized_bits"),
        ({"activation": ("quantized_tanh", 4)}, "quantized_tanh is no clip and round of positive numbers; train with quantized_relu"),
        ({"activation": ("quantized_bits", 4)}, "quantized_bits is no clip and round"),
        ({"activation": ("quantized_relu", 4, 0, 1)}, "takes a sigmoid"),
    ],
)
def test_what_is_no_uniform_rounding_is_refused(options: dict[str, Any], message: str) -> None:
    with pytest.raises(UnsupportedModel, match=message):
        from_keras(_dense(**options)())


@needs_qkeras
def test_binary_activations_are_steps() -> None:
    model = _dense(kernel_quantizer=("quantized_bits", 4, 0, 1), activation=("binary", False, 1.0))()
    x = np.random.default_rng(0).normal(size=(16, 6)).astype(np.float32)
    np.testing.assert_array_equal(forward(from_keras(model), x), model.predict(x, verbose=0))


@needs_qkeras
def test_the_graph_holds_widths_of_activations() -> None:
    graph: Graph = from_keras(_steps_of_two())
    assert [(node.bits, node.ceiling) for node in graph.nodes if isinstance(node, Relu)] == [(4, 1.875)] * 2 + [(6, 3.9375)] * 2


def _file(path: Path, layer: dict[str, Any]) -> Path:
    """Write an archive that describes a model of one layer."""
    inner = {"name": "model", "layers": [{"module": "keras.layers", "class_name": "InputLayer", "config": {"name": "in"}}, layer]}
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("config.json", json.dumps({"module": "keras", "class_name": "Sequential", "config": inner}))
    return path


def _layer(kind: str = "QDense", module: str = "qkeras.qlayers", registered: str | None = "", **config: Any) -> dict[str, Any]:
    named = f"qkeras>{kind}" if registered == "" else registered
    return {"module": module, "class_name": kind, "registered_name": named, "config": {"name": "dense", "trainable": True, **config}}


@needs_qkeras
@pytest.mark.parametrize(
    ("layer", "message"),
    [
        (_layer("QLSTM"), "this layer type is not supported; of qkeras-v3 are QActivation, QConv1D"),
        (_layer(registered="mine>Evil"), "registered as 'mine>Evil'"),
        (_layer(registered=None), "registered as None"),
        (_layer(kernel_quantizer="get_quantizer('x')"), "no known quantiser"),
        (_layer(activation="safe_eval"), "no known quantiser"),
        (_layer(activation="quantized_relu(__import__('os').system('x'))"), "no known quantiser"),
        (_layer(kernel_quantizer=_layer("safe_eval", "qkeras.safe_eval")), "this layer type is not supported"),
        (_layer(kernel_initializer={"class_name": "Evil", "module": "evil", "config": {}}), "custom object of module 'evil'"),
        (_layer("Lambda"), "it is never loaded"),
    ],
)
def test_a_file_names_known_classes_alone(layer: dict[str, Any], message: str, tmp_path: Path) -> None:
    with pytest.raises(UnsupportedModel, match=message):
        load_model(_file(tmp_path / "model.keras", layer))


def test_without_the_package_a_file_says_what_to_install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ecc_lava.importers.keras.packages.find_spec", lambda name: None)
    with pytest.raises(UnsupportedModel, match="a layer of qkeras-v3, which is not installed; pip install qkeras-v3"):
        load_model(_file(tmp_path / "model.keras", _layer()))
