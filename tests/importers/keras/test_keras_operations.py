"""Operations of functional models: the graph and the lowered network against Keras itself, and those that are refused."""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import ecc_lava
from ecc_lava.errors import UnsupportedModel
from tests.helpers.keras_compared import Build, assert_both_equal, functional, refused

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

    assert_both_equal(functional(keras, shape, build))


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
    assert says in str(refused(functional(keras, (4, 5, 3), build)))


def test_operations_in_hdf5_files_are_refused_with_the_remedy(keras: Any, tmp_path: Path) -> None:
    path = tmp_path / "model.h5"
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # Keras warns that HDF5 is legacy
        functional(keras, (4,), lambda layers, ops, x: -x * 2.0).save(path)
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
