"""Generated Keras models of signs, max-pools, batch normalisations and weights of one bit keep every answer in integers."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

import ecc_lava
from ecc_lava.networks import Kind


def _model(seed: int) -> Any:
    """Return a model of two to four blocks of a binarised layer, a batch normalisation, a sign and perhaps a max-pool, in any order."""
    import keras

    rng = np.random.default_rng(seed)
    x = inputs = keras.Input((9, 8, 2))
    for _ in range(rng.integers(2, 5)):
        pool = keras.layers.MaxPooling2D(int(rng.integers(2, 4)), int(rng.integers(1, 3)), padding=["same", "valid"][min(x.shape[1:3]) > 4])
        layer = keras.layers.Conv2D(int(rng.integers(2, 7)), int(rng.integers(1, 4)), padding="same", use_bias=bool(rng.integers(2)))
        depthwise = keras.layers.DepthwiseConv2D(3, padding="same", use_bias=False)
        after = [keras.layers.BatchNormalization(), keras.ops.sign]
        place = int(rng.integers(4))  # 3: no pool
        if place < 3:
            after.insert(place, pool)
        for step in [depthwise if rng.random() < 0.2 else layer, *after]:
            x = step(x)
    x = keras.layers.Dense(3)(keras.layers.Flatten()(x))
    model = keras.Model(inputs, x)
    for variable in model.variables:
        _assign(variable, rng)
    return model


def _assign(variable: Any, rng: np.random.Generator) -> None:
    """Give a variable a value: kernels +-1, half numbers elsewhere, offsets between the sums that these make."""
    if variable.name.endswith("kernel"):
        values = rng.choice([-1.0, 1.0], variable.shape)
    elif variable.name == "moving_variance":
        values = np.full(variable.shape, 0.999)  # 1 with Keras's epsilon
    elif variable.name == "gamma":
        values = rng.choice([-2.0, -1.0, -0.5, 0.5, 1.0, 2.0], variable.shape)
    else:
        values = rng.integers(-6, 7, variable.shape) / 2.0 + (0.125 if variable.name == "beta" else 0.0)
    variable.assign(values.astype(np.float32))


@pytest.mark.parametrize("seed", range(12))
def test_signs_and_pools_keep_every_answer(seed: int) -> None:
    graph = replace(ecc_lava.from_keras(_model(seed)), uint8_scale=1.0)
    x = np.random.default_rng(seed).integers(0, 9, (40, 9, 8, 2)).astype(np.uint8)
    wanted = ecc_lava.forward(graph, x)
    network = ecc_lava.quantise(ecc_lava.convert(graph, calibration=x, timesteps=1))
    assert {p.kind for p in network.populations[1:-1]} == {Kind.STEP}
    for backend in ("golden", "fast"):
        found = np.asarray(ecc_lava.simulate(network, x, backend=backend).logits)
        np.testing.assert_allclose(found, wanted, rtol=1e-6, atol=1e-6)
