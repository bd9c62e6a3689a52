"""Layers around a layer, masks, resizing, cropping to the centre: the graph and the lowered network against Keras, live and from files."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import ecc_lava
from ecc_lava.errors import UnsupportedModel
from ecc_lava.lowering.lower import lower
from ecc_lava.networks.rates import rate_forward

TOLERANCE = 1e-5
"""Of max |difference| / max |reference|."""

Stack = Callable[[Any], list[Any]]
"""keras.layers -> layers."""


def _model(keras: Any, shape: tuple[int, ...], stack: Stack) -> Any:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # Keras says which layers end a mask
        model = keras.Sequential([keras.Input(shape), *stack(keras.layers)])
    rng = np.random.default_rng(0)
    for variable in model.variables:
        positive = "variance" in variable.name
        variable.assign(rng.uniform(0.2, 1.0, variable.shape) if positive else rng.normal(0, 0.5, variable.shape))
    return model


def _assert_equal(model: Any, loaded: Any) -> None:
    x = np.random.default_rng(1).normal(0, 1, (3, *model.input_shape[1:])).astype(np.float32)
    x[:, -1] = 0  # a step that Masking masks
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        reference = np.asarray(model(x, training=False), np.float64).reshape(3, -1)
    graph = ecc_lava.from_keras(loaded)
    for found in (ecc_lava.forward(graph, x), rate_forward(lower(graph).network, x)):
        assert np.abs(found - reference).max() <= TOLERANCE * np.abs(reference).max()


def _resizing(height: int, width: int, how: str) -> Stack:
    return lambda k: [k.Resizing(height, width, interpolation=how)]


CASES: dict[str, tuple[tuple[int, ...], Stack]] = {
    "masking": ((5, 2), lambda k: [k.Masking(0.0), k.Dense(3, activation="relu"), k.BatchNormalization(), k.Flatten(), k.Dense(2)]),
    "masking-steps": ((5, 2), lambda k: [k.Masking(0.0), k.TimeDistributed(k.Dense(3, activation="relu")), k.Flatten()]),
    "masking-conv": ((5, 2), lambda k: [k.Masking(0.0), k.Conv1D(3, 2), k.GlobalAveragePooling1D()]),
    "spectral-conv": ((6, 6, 2), lambda k: [k.SpectralNormalization(k.Conv2D(3, 3, activation="relu")), k.Flatten(), k.Dense(2)]),
    "spectral-dense": ((5,), lambda k: [k.SpectralNormalization(k.Dense(3, activation="relu")), k.Dense(2)]),
    "steps-dense": ((5, 2), lambda k: [k.TimeDistributed(k.Dense(3, activation="relu")), k.Flatten(), k.Dense(2)]),
    "steps-dense-maps": ((3, 4, 2), lambda k: [k.TimeDistributed(k.Dense(3)), k.TimeDistributed(k.ReLU(1.0)), k.Flatten()]),
    "steps-causal": ((5, 7, 2), lambda k: [k.TimeDistributed(k.Conv1D(3, 3, padding="causal", activation="relu")), k.Flatten()]),
    "steps-strides": (
        (5, 7, 2),
        lambda k: [k.TimeDistributed(k.Conv1D(3, 3, padding="same", strides=2)), k.TimeDistributed(k.MaxPooling1D())],
    ),
    "many-steps-normalised": ((90, 2), lambda k: [k.TimeDistributed(k.BatchNormalization()), k.Flatten(), k.Dense(2)]),
    "steps-normalised-rows": ((4, 6, 2), lambda k: [k.TimeDistributed(k.BatchNormalization(axis=1)), k.Flatten(), k.Dense(2)]),
    "steps-normalised": ((4, 6, 2), lambda k: [k.TimeDistributed(k.BatchNormalization()), k.TimeDistributed(k.GlobalMaxPooling1D())]),
    "steps-of-images": (
        (48,),
        lambda k: [
            k.Reshape((3, 4, 4, 1)),
            *(k.TimeDistributed(inner) for inner in (k.Conv2D(3, 3, padding="same", activation="relu"), k.MaxPooling2D(), k.Flatten())),
            k.Dense(2),
        ],
    ),
    **{
        f"resizing-{how}-{height}-{width}": ((8, 6, 2), _resizing(height, width, how))
        for how in ("nearest", "bilinear")
        for height, width in ((12, 5), (3, 9), (8, 6), (4, 4), (1, 1), (7, 13))
    },
    "resizing-first": ((2, 8, 6), lambda k: [k.Resizing(3, 9, data_format="channels_first")]),
    "up-bilinear": ((5, 4, 2), lambda k: [k.UpSampling2D((2, 3), interpolation="bilinear"), k.ReLU()]),
    "up-bilinear-first": ((2, 5, 4), lambda k: [k.UpSampling2D((2, 3), interpolation="bilinear", data_format="channels_first")]),
    "crop": ((8, 7, 2), lambda k: [k.CenterCrop(5, 4)]),
    "crop-first": ((2, 8, 7), lambda k: [k.CenterCrop(5, 4, data_format="channels_first")]),
}


@pytest.mark.parametrize("name", CASES)
def test_it_computes_what_keras_computes(keras: Any, name: str) -> None:
    model = _model(keras, *CASES[name])
    _assert_equal(model, model)


@pytest.mark.parametrize("suffix", ["keras", "h5"])
@pytest.mark.parametrize("name", ["masking", "masking-steps", "spectral-conv", "steps-of-images", "resizing-bilinear-12-5", "crop"])
def test_it_comes_back_from_files(keras: Any, name: str, suffix: str, tmp_path: Path) -> None:
    model = _model(keras, *CASES[name])
    model.save(tmp_path / f"model.{suffix}")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        loaded = ecc_lava.load_model(tmp_path / f"model.{suffix}")
    _assert_equal(model, loaded)


def test_a_functional_model_keeps_the_operations_of_its_masks_in_a_file(keras: Any, tmp_path: Path) -> None:
    layers = keras.layers
    x = keras.Input((5, 2))
    model = keras.Model(x, layers.TimeDistributed(layers.Dense(2))(layers.BatchNormalization()(layers.Masking()(x))))
    model.save(tmp_path / "model.keras")
    _assert_equal(model, model)
    _assert_equal(model, ecc_lava.load_model(tmp_path / "model.keras"))


REFUSED: dict[str, tuple[tuple[int, ...], Stack, str]] = {
    "another mask": ((5, 2), lambda k: [k.Masking(1.0), k.Dense(3)], "mask_value is 1.0"),
    "a mask that counts": ((5, 2), lambda k: [k.Masking(), k.Dense(3), k.GlobalAveragePooling1D()], "without Masking"),
    "a mask of a softmax": ((5, 2), lambda k: [k.Masking(), k.Softmax()], "without Masking"),
    "steps of a recurrent layer": ((4, 4, 2), lambda k: [k.TimeDistributed(k.LSTM(2))], "feeds its output back"),
    "both directions": ((4, 2), lambda k: [k.Bidirectional(k.LSTM(2))], "Bidirectional.*feeds its output back"),
    "many steps": ((65, 2, 1), lambda k: [k.TimeDistributed(k.Flatten())], "65 steps; at most 64"),
    "bicubic": ((4, 4, 1), lambda k: [k.Resizing(3, 3, interpolation="bicubic")], "'bicubic'"),
    "antialias": ((4, 4, 1), lambda k: [k.Resizing(3, 3, antialias=True)], "antialias"),
    "an aspect ratio": ((4, 6, 1), lambda k: [k.Resizing(3, 3, crop_to_aspect_ratio=True)], "crop_to_aspect_ratio"),
    "a crop that enlarges": ((4, 4, 1), lambda k: [k.CenterCrop(6, 2)], r"\(6, 2\) is larger"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_cannot_be_converted_is_refused_alone_and_with_a_remedy(keras: Any, name: str) -> None:
    shape, stack, says = REFUSED[name]
    with pytest.raises(UnsupportedModel, match=says) as caught:
        ecc_lava.from_keras(_model(keras, shape, stack))
    assert len(caught.value.offences) == 1


def test_a_whole_model_for_each_step_is_refused(keras: Any) -> None:
    inner = keras.Sequential([keras.Input((4,)), keras.layers.Dense(2)])
    with pytest.raises(UnsupportedModel, match="whole model"):
        ecc_lava.from_keras(_model(keras, (3, 4), lambda k: [k.TimeDistributed(inner)]))


def test_resizing_integers_rounds_and_is_refused(keras: Any) -> None:
    x = keras.Input((4, 4, 1), dtype="uint8")
    with pytest.raises(UnsupportedModel, match="it rounds"):
        ecc_lava.from_keras(keras.Model(x, keras.layers.Resizing(3, 3)(x)))


@pytest.mark.parametrize("suffix", ["keras", "h5"])
def test_code_inside_a_wrapper_of_a_file_never_runs(keras: Any, suffix: str, tmp_path: Path) -> None:
    layers = keras.layers
    model = keras.Sequential([keras.Input((3, 4)), layers.TimeDistributed(layers.Lambda(lambda t: t, name="evil"), name="steps")])
    model.save(tmp_path / f"model.{suffix}")
    with pytest.raises(UnsupportedModel, match="evil"):
        ecc_lava.load_model(tmp_path / f"model.{suffix}")
