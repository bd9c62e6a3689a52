"""Weights that are rounded together move the sum less than weights rounded one by one, and quantisation keeps them."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import ecc_lava
from ecc_lava.conversion.calibration import layerwise, weight_rounding
from ecc_lava.conversion.calibration.layerwise import LayerwiseCalibration
from ecc_lava.conversion.calibration.weight_rounding import rounded_together, with_rounded_weights
from ecc_lava.conversion.calibration.weights import is_refittable
from ecc_lava.conversion.recipes import RECIPES
from ecc_lava.demo import data as demo


@pytest.mark.parametrize("inputs", [3, 130, 300])
def test_correlated_inputs_make_up_for_one_another(inputs: int) -> None:
    rng = np.random.default_rng(inputs)
    mixed = np.maximum(rng.normal(size=(2000, inputs)) @ rng.normal(size=(inputs, inputs)) + 0.3, 0).astype(np.float32)
    exact = 10 * rng.normal(size=(inputs, 5))

    def moved(weights: Any) -> float:
        return float(((mixed - mixed.mean(axis=0)) @ (weights - exact)).var(axis=0).sum())

    together = rounded_together(mixed, exact, 127)
    assert (together == np.rint(together)).all() and np.abs(together).max() <= 127
    assert moved(together) < (1.0 if inputs == 3 else 0.9) * moved(np.rint(exact)) + 1e-9


def test_limits_hold_and_silent_inputs_change_nothing() -> None:
    exact = np.array([[3.4, -9.9], [8.6, 0.2]])
    np.testing.assert_array_equal(rounded_together(np.zeros((10, 2), np.float32), exact, 7), [[3, -7], [7, 0]])
    rng = np.random.default_rng(0)
    found = rounded_together(rng.random((50, 2), np.float32), exact, 7)
    assert np.abs(found).max() <= 7


def test_quantisation_keeps_the_weights_and_the_logits_come_nearer(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of the demo at 4-bit weights, where rounding is what loses; mean of three draws, as one draw's errors differ by a factor of two."""
    graph = ecc_lava.from_keras(ecc_lava.load_model(demo.MODEL))
    x, images = demo.test_images().x, np.asarray(demo.calibration_images().x)
    draw = np.random.default_rng(0).permutation
    draws = [images[draw(len(images))[: len(images) * 3 // 4]] for _ in range(3)]
    wanted = ecc_lava.forward(graph, x)
    kept: list[bool] = []

    def watched(network: Any, name: str, arrivals: Any) -> Any:
        changed = with_rounded_weights(network, name, arrivals)
        mantissas = [p.geometry.kernel for p in arrivals.integers(changed, name).into(name)]
        real = [p.geometry.kernel for p in changed.into(name)]
        if not any(is_refittable(p) for p in network.into(name)):
            assert changed is network
            return changed
        kept.append(changed is not network)
        assert not kept[-1] or all(_on_grid(r, k) for r, k in zip(real, mantissas, strict=True) if r.shape[-2] > 1)
        return changed

    errors = {}
    for refit in (False, True):
        monkeypatch.setattr(layerwise, "with_rounded_weights", watched)
        recipe = (*RECIPES["channel"], LayerwiseCalibration(refit=refit))
        errors[refit] = 0.0
        for drawn in draws:
            network = ecc_lava.quantise(ecc_lava.convert(graph, calibration=drawn, payload_bits=8, bits=4, recipe=recipe), bits=4)
            errors[refit] += float(np.square(np.asarray(ecc_lava.simulate(network, x).logits) - wanted).mean())
    assert len(kept) - len(draws) <= sum(kept) > 0  # one may stay as it is, where quantisation would choose other units
    assert errors[True] < errors[False]


def _on_grid(real: Any, mantissas: Any) -> bool:
    """Return whether real weights are their mantissas times one number per output channel."""
    flat, whole = real.reshape(-1, real.shape[-1]), mantissas.reshape(-1, mantissas.shape[-1]).astype(np.float64)
    unit = np.abs(flat).max(axis=0) / np.maximum(np.abs(whole).max(axis=0), 1)
    return bool(np.allclose(flat, whole * unit, atol=1e-9 * np.abs(flat).max()))


def test_too_many_inputs_are_rounded_in_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    rng = np.random.default_rng(1)
    rates, exact = rng.random((200, 30), np.float32), 10 * rng.normal(size=(30, 3))
    parts = [rounded_together(rates[:, a : a + 10], exact[a : a + 10], 127) for a in (0, 10, 20)]
    monkeypatch.setattr(weight_rounding, "WIDEST", 12)
    np.testing.assert_array_equal(rounded_together(rates, exact, 127), np.concatenate(parts))
