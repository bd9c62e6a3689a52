"""Models whose weights Keras's own `model.quantize` has rounded."""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from ecc_lava.backends import simulate
from ecc_lava.common import Array
from ecc_lava.conversion import RECIPES, convert
from ecc_lava.errors import UnsupportedModel
from ecc_lava.graph import Linear, forward
from ecc_lava.importers.keras import from_keras, load_model
from ecc_lava.networks import rate_forward
from ecc_lava.quantisation import quantise
from tests.helpers.own_weights import differing


def _images(number: int = 32) -> Array:
    return np.random.Generator(np.random.Philox(3)).random((number, 6, 6, 3)).astype(np.float32)


@pytest.fixture(scope="module")
def trained() -> Any:
    """Return a model of float weights; its batch normalisation has factors of both signs."""
    import keras

    keras.utils.set_random_seed(5)
    layers = keras.layers
    model = keras.Sequential(
        [
            keras.Input((6, 6, 3)),
            layers.Conv2D(4, 3, activation="relu", name="conv"),
            layers.Dense(6, activation="relu", name="pointwise"),
            layers.EinsumDense("abcd,de->abce", (4, 4, 3), bias_axes="e", activation="relu", name="einsum"),
            layers.Flatten(),
            layers.Dense(7, name="hidden"),
            layers.BatchNormalization(name="norm"),
            layers.ReLU(name="relu"),
            layers.Dense(5, name="classes"),
        ]
    )
    model.get_layer("norm").set_weights([np.linspace(-1, 1, 7) + 0.05, np.full(7, 0.2), np.linspace(0, 0.2, 7), np.linspace(0.5, 2, 7)])
    return model


def _quantised(trained: Any, mode: str) -> Any:
    import keras

    model = keras.models.clone_model(trained)
    model.set_weights(trained.get_weights())
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # layers that cannot be quantised
        if mode == "int4" and hasattr(keras.quantizers, "Int4QuantizationConfig"):
            model.quantize(config=keras.quantizers.Int4QuantizationConfig(block_size=-1))  # later versions of Keras have blocks by default
        else:
            model.quantize(mode)
    return model


def _own(model: Any) -> dict[str, Array]:
    """Return the model's own integers by the population that they lead into."""
    names = {"pointwise": "pointwise", "hidden": "relu", "classes": "classes"}
    return {population: np.asarray(model.get_layer(name).kernel) for name, population in names.items()}


@pytest.mark.parametrize(("mode", "bits"), [("int8", 8), ("int4", 4)])
def test_integers_are_the_models_own(trained: Any, mode: str, bits: int, tmp_path: Path) -> None:
    path = tmp_path / "model.keras"
    _quantised(trained, mode).save(path)
    model, images = load_model(path), _images()
    graph = from_keras(model)
    reference = model.predict(images, verbose=0)
    assert np.abs(forward(graph, images) - reference).max() < 0.03 * np.abs(reference).max()  # Keras rounds inputs to 8 bits
    for recipe in RECIPES:
        spiking = convert(graph, calibration=images, timesteps=16, recipe=recipe)
        np.testing.assert_allclose(rate_forward(spiking, images), forward(graph, images), atol=1e-5)
        network = quantise(spiking)
        assert differing(network, _own(model)) == 0, recipe
        assert {p.target: p.bits for p in network.projections} == dict.fromkeys(("pointwise", "einsum", "relu", "classes"), bits) | {
            "conv": 8
        }
        assert np.isfinite(simulate(network, images).logits).all()


def test_wider_weights_are_the_same_integers(trained: Any) -> None:
    model = _quantised(trained, "int4")
    spiking = convert(from_keras(model), calibration=_images(), recipe="ecc", bits=8)
    for bits in (4, 5, 8):
        assert differing(quantise(spiking, bits=bits), _own(model)) == 0
    assert differing(quantise(spiking, bits=3), _own(model)) > 0


def test_weights_in_einsum_notation(trained: Any) -> None:
    model = _quantised(trained, "int8")
    network = quantise(convert(from_keras(model), calibration=_images(), recipe="ecc"))
    (projection,) = network.into("einsum")
    made = set(np.unique(projection.geometry.kernel.astype(int)))
    assert made == {0, *np.unique(np.asarray(model.get_layer("einsum").kernel))}


def test_logits_have_a_scale_for_each_class(trained: Any) -> None:
    images, graph = _images(), from_keras(_quantised(trained, "int8"))
    network = quantise(convert(graph, calibration=images, timesteps=256, recipe="channel"))
    assert np.size(network.logit_scales[0]) == 5
    wanted = forward(graph, images)
    assert np.abs(simulate(network, images).logits - wanted).mean() < 0.05 * np.abs(wanted).max()


def test_payloads_of_several_bits_round_scales_by_channel_again(trained: Any, caplog: pytest.LogCaptureFixture) -> None:
    images, graph = _images(), from_keras(_quantised(trained, "int8"))
    spiking = convert(graph, calibration=images, payload_bits=4, recipe="channel")
    assert "pointwise" in caplog.text and "binary spikes" in caplog.text
    assert [p.target for p in spiking.projections if p.grid is not None] == ["classes"]


def test_blocks_of_inputs_are_refused(trained: Any) -> None:
    import keras

    if not hasattr(keras.quantizers, "Int4QuantizationConfig"):
        pytest.skip("this version of Keras has no blocks")
    model = keras.models.clone_model(trained)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)
        model.quantize("int4")
    with pytest.raises(UnsupportedModel, match="a scale and a zero for each block of inputs; quantise with block_size=-1"):
        from_keras(model)


def test_float8_is_refused(trained: Any) -> None:
    with pytest.raises(UnsupportedModel, match="float8; only int8 and int4 are supported"):
        from_keras(_quantised(trained, "float8"))


def test_the_graph_says_which_weights_are_rounded(trained: Any) -> None:
    graph = from_keras(_quantised(trained, "int4"))
    assert [node.grid is not None for node in graph.nodes if isinstance(node, Linear)] == [False, True, True, True, True]
    assert graph.digest != from_keras(trained).digest
