"""Keras models with random weights against the graphs and networks that they become, and their refusals."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import ecc_lava
from ecc_lava.common.arrays import Array
from ecc_lava.errors import UnsupportedModel
from ecc_lava.graph.graph import Graph
from ecc_lava.lowering.lower import lower
from ecc_lava.networks.rates import rate_forward
from tests.helpers.keras_models import randomise

TOLERANCE = 1e-5
"""Of max |difference| / max |reference|: DESIGN 4, up to 30 layers."""

Build = Callable[[Any, Any, Any], Any]
"""(keras.layers, keras.ops, input tensor) -> output tensor."""


def randomised(model: Any, seed: int = 0) -> Any:
    """Give every weight a random value; variances stay positive."""
    rng = np.random.default_rng(seed)
    for layer in model.layers:
        values = []
        for variable in layer.weights:
            value = rng.normal(0, 0.5, variable.shape)
            values.append(rng.uniform(0.2, 2.0, variable.shape) if variable.name in ("moving_variance", "variance") else value)
        layer.set_weights(values)
    return model


def normal_images(graph: Graph, n: int = 3) -> Array:
    """Return images of normally distributed values."""
    return np.random.default_rng(1).normal(0, 1, (n, *graph.input.shape)).astype(np.float32)


def difference(graph: Graph, model: Any) -> float:
    """Return max |difference| / max |reference| of the graph and of a model without softmax."""
    x = normal_images(graph)
    taken = x if len(model.input_shape) == 4 else x[:, 0, 0]
    reference = np.asarray(model(taken, training=False), np.float64).reshape(len(x), -1)
    assert np.abs(reference).max() > 0
    return float(np.abs(ecc_lava.forward(graph, x) - reference).max() / np.abs(reference).max())


def assert_equal(model: Any, seed: int = 0) -> Graph:
    """Return the graph, which computes what a model with random weights computes."""
    graph = ecc_lava.from_keras(randomised(model, seed))
    assert difference(graph, model) <= TOLERANCE
    return graph


def sequential(keras: Any, shape: tuple[int | None, ...], *stack: Any) -> Any:
    """Return a model of layers, one after another."""
    return keras.Sequential([keras.Input(shape), *stack])


def functional(keras: Any, shape: tuple[int, ...], build: Build) -> Any:
    """Return a functional model with random weights."""
    x = keras.Input(shape)
    model = keras.Model(x, build(keras.layers, keras.ops, x))
    randomise(model)
    return model


def differences(model: Any, graph: Graph) -> tuple[float, float]:
    """Return max |difference| / max |reference| of the graph and of the network it is lowered to."""
    x = np.random.default_rng(1).normal(0, 1.5, (4, *model.input_shape[1:])).astype(np.float32)
    reference = np.asarray(model(x, training=False), np.float64).reshape(len(x), -1)
    scale = np.abs(reference).max()
    assert scale > 0
    values = (ecc_lava.forward(graph, x), rate_forward(lower(graph).network, x))
    first, second = (float(np.abs(value - reference).max() / scale) for value in values)
    return first, second


def assert_both_equal(model: Any, tolerance: float = TOLERANCE) -> Graph:
    """Return the graph, which computes what the model computes, as its network does."""
    graph = ecc_lava.from_keras(model)
    in_floats, in_rates = differences(model, graph)
    assert in_floats <= tolerance
    assert in_rates <= tolerance
    return graph


def refused(model: Any) -> UnsupportedModel:
    """Return the error with which a model is refused."""
    with pytest.raises(UnsupportedModel) as caught:
        ecc_lava.from_keras(model)
    return caught.value
