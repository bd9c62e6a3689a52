"""A model from the wild: the emotion network of the package fer, a Keras 2 era file of separable convolutions, residuals and max-pools."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

import ecc_lava
from ecc_lava.analysis.check import check
from ecc_lava.common.arrays import Array
from ecc_lava.graph.evaluate import forward
from ecc_lava.graph.graph import Graph
from ecc_lava.lowering.lower import lower
from ecc_lava.networks.rates import rate_forward

__all__ = ["patches"]


def patches(images: Array) -> Array:
    """Return colour images (N, 32, 32, 3) as the grey patches (N, 64, 64, 1) in -1..1 that the network takes."""
    grey = images.astype(np.float64) @ np.array([0.299, 0.587, 0.114])
    return (grey.repeat(2, axis=1).repeat(2, axis=2)[..., None] / 127.5 - 1.0).astype(np.float32)


@pytest.fixture(scope="module")
def fer(data: Path) -> tuple[Any, Graph, Array]:
    model = ecc_lava.load_model(data / "fer_mini_xception.hdf5")
    with np.load(data / "cifar10.npz") as stored:
        return model, ecc_lava.from_keras(model), patches(stored["x_train"][:48])


@pytest.mark.slow
def test_it_computes_what_keras_computes(fer: tuple[Any, Graph, Array]) -> None:
    model, graph, x = fer
    logits = forward(graph, x[:16])
    softmax = np.exp(logits - logits.max(axis=1, keepdims=True))
    softmax /= softmax.sum(axis=1, keepdims=True)
    np.testing.assert_allclose(softmax, model.predict(x[:16], verbose=0), atol=1e-5)
    assert np.ptp(logits, axis=0).max() > 0.5
    ideal = rate_forward(lower(graph).network, x[:16])
    assert np.abs(ideal - logits).max() <= 1e-4 * np.abs(logits).max()


@pytest.mark.slow
def test_it_converts_and_every_check_holds(fer: tuple[Any, Graph, Array]) -> None:
    _, graph, x = fer
    snn = ecc_lava.convert(graph, calibration=x[:32], timesteps=8)
    report = check(ecc_lava.quantise(snn), x[32:], snn=snn, graph=graph, exact_images=1)
    assert report.ok
    assert report.agreement is not None
