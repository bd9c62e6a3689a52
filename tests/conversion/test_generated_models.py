"""Every generated Keras model goes all the way to integers by the default recipe, in both formats and with payloads."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import ecc_lava
from ecc_lava.analysis.differences import compare
from tests.helpers.keras_models import Recipe, generated, randomise

GENERATED = settings(suppress_health_check=list(HealthCheck))

SPIKES: dict[str, dict[str, Any]] = {
    "binary": {"format": "loihi2", "timesteps": 3},
    "binary, loihi1": {"format": "loihi1", "timesteps": 4},
    "4 bits": {"format": "loihi2", "timesteps": 1, "payload_bits": 4},
    "8 bits": {"format": "loihi2", "timesteps": 1, "payload_bits": 8},
    "2 bits, signed": {"format": "loihi2", "timesteps": 3, "payload_bits": 2, "signed_spikes": True},
}

SEEDS = st.integers(0, 2**32 - 1)


def _check(spikes: dict[str, Any], seed: int, layers: int, images: int) -> None:
    model, _, lines = generated(Recipe(seed, layers))
    randomise(model)
    graph, rng = ecc_lava.from_keras(model), np.random.default_rng(seed)
    x = {i.name: rng.normal(0, 1.5, (images, *t.shape[1:])).astype(np.float32) for i, t in zip(graph.inputs, model.inputs, strict=True)}
    snn = ecc_lava.convert(graph, calibration=x, steps_in_time=True, **spikes)
    network = ecc_lava.quantise(snn, format=spikes["format"])
    assert compare(network, {name: values[:2] for name, values in x.items()}, "golden").equal, lines


@pytest.mark.parametrize("spikes", SPIKES.values(), ids=SPIKES)
@settings(GENERATED, max_examples=10)
@given(seed=SEEDS)
def test_a_random_model_converts_and_runs_alike_in_both_engines(spikes: dict[str, Any], seed: int) -> None:
    _check(spikes, seed, layers=2 + seed % 4, images=8)


@pytest.mark.slow
@pytest.mark.parametrize("spikes", SPIKES.values(), ids=SPIKES)
@settings(GENERATED, max_examples=20)
@given(seed=SEEDS)
def test_many_random_models_convert_and_run_alike_in_both_engines(spikes: dict[str, Any], seed: int) -> None:
    _check(spikes, seed, layers=3 + seed % 10, images=24)
