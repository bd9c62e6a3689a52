"""Random Keras models over every layer and operation: the graph, and the network it is lowered to, against Keras in float64."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings

import ecc_lava
from ecc_lava.importers.keras.table import HANDLERS
from ecc_lava.importers.keras.table import OPERATORS as OPERATOR_HANDLERS
from ecc_lava.lowering.lower import lower
from ecc_lava.networks.rates import rate_forward
from tests.helpers.keras_layers import LAYERS
from tests.helpers.keras_models import NOT_GENERATED, RECIPES, Recipe, generated, randomise
from tests.helpers.keras_operations import OPERATIONS

TOLERANCE = 1e-5
"""Of max |difference| / max |reference|."""

CANCELLED = 1e-9
"""Outputs below this are numbers around 1 that cancelled, and hold nothing but rounding errors of float64."""

GENERATED = settings(suppress_health_check=list(HealthCheck))


@pytest.fixture(scope="module", autouse=True)
def _in_double() -> Iterator[None]:
    """Let Keras compute in float64: after twelve layers its own rounding in float32 could move a step."""
    import keras

    floatx, policy = keras.config.floatx(), keras.config.dtype_policy()
    keras.config.set_floatx("float64")
    keras.config.set_dtype_policy("float64")
    yield
    keras.config.set_floatx(floatx)
    keras.config.set_dtype_policy(policy)


def _check(recipe: Recipe) -> None:
    model, plain, lines = generated(recipe)
    randomise(model)
    rng = np.random.default_rng(1)
    x = [rng.normal(0, 1.5, (3, *tensor.shape[1:])) for tensor in model.inputs]
    reference = plain(x, training=False)
    graph = ecc_lava.from_keras(model)
    assert len(graph.inputs) == len(x)
    assert len(graph.outputs) == len(model.outputs)
    given = x if len(x) > 1 else x[0]
    for found in (ecc_lava.forward(graph, given), rate_forward(lower(graph).network, given)):
        values = list(found.values()) if isinstance(found, dict) else [found]
        for value, expected in zip(values, reference if isinstance(reference, list) else [reference], strict=True):
            flat = np.asarray(expected).reshape(len(value), -1)
            assert np.abs(value - flat).max() <= TOLERANCE * max(np.abs(flat).max(), CANCELLED), lines


@settings(GENERATED, max_examples=30)
@given(RECIPES)
def test_a_random_model_computes_the_same_before_and_after_lowering(recipe: Recipe) -> None:
    _check(recipe)


@pytest.mark.slow
@settings(GENERATED, max_examples=600)
@given(RECIPES)
def test_many_random_models_compute_the_same_before_and_after_lowering(recipe: Recipe) -> None:
    _check(recipe)


def test_every_handler_is_generated_or_excepted() -> None:
    assert set(LAYERS) <= set(HANDLERS)
    assert set(OPERATIONS) <= set(OPERATOR_HANDLERS)
    assert (set(HANDLERS) - set(LAYERS)) | (set(OPERATOR_HANDLERS) - set(OPERATIONS)) == set(NOT_GENERATED)
