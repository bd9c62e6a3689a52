"""What is summed over neurons, and what candidates for their parameters answer: as NumPy and a loop over time say, in one part and many."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from ecc_lava.common import BINARY, Payload, integrate_and_fire, threads
from ecc_lava.common.arrays import Array
from ecc_lava.conversion.calibration import response
from ecc_lava.conversion.calibration.candidates import Candidates, Recorded, tried
from ecc_lava.conversion.calibration.neuron_fit import fit_neurons
from ecc_lava.conversion.calibration.response import errors, moments


def _recorded(rows: int, channels: int, payload: Payload = BINARY, together: bool = False, steps: int = 6) -> Recorded:
    rng = np.random.default_rng(rows)
    size = payload.largest
    current = rng.normal(0.3 * size, 0.5 * size, (rows, steps, channels)).astype(np.float32)
    target = np.clip(current.mean(axis=1) + rng.normal(0, 0.05 * size, (rows, channels)), 0, size).astype(np.float32)
    return Recorded(current, target, target, np.full(channels, 1.5), payload, together)


def _candidates(number: int, channels: int) -> Candidates:
    rng = np.random.default_rng(number)
    threshold, bias, v_init = (
        rng.uniform(0.6, 1.7, (number, channels)),
        rng.normal(0, 0.1, (number, channels)),
        rng.random((number, channels)),
    )
    return Candidates(threshold, bias, v_init, np.zeros_like(bias), np.zeros_like(bias))


def _rates(current: Array, threshold: Array, bias: Array, v_init: Array, payload: Payload) -> Array:
    """Return the mean payloads, by the neuron's own equation."""
    v = np.broadcast_to(v_init.astype(np.float32), (len(current), current.shape[2])).copy()
    sent = np.zeros_like(v)
    scale = (1.0 / threshold).astype(np.float32)
    for t in range(current.shape[1]):
        step = integrate_and_fire(
            v, current[:, t] * scale + bias.astype(np.float32), np.ones_like(scale), np.inf, payload=payload, sent=sent
        )
        v, sent = step.v, sent + step.spikes
    return sent.astype(np.float64) / current.shape[1]


@pytest.mark.parametrize("payload", [BINARY, Payload(1, True), Payload(3), Payload(8, True)], ids=str)
@pytest.mark.parametrize("together", [False, True])
@pytest.mark.parametrize(("rows", "channels"), [(50, 7), (33, 70), (1, 3)])
def test_candidates_answer_as_the_neurons_do(payload: Payload, together: bool, rows: int, channels: int) -> None:
    recorded, candidates = _recorded(rows, channels, payload, together), _candidates(4, channels)
    found = tried(recorded, candidates, rounds=0)
    for k in range(4):
        rates = _rates(recorded.current, candidates.threshold[k], candidates.bias[k], candidates.v_init[k], payload)
        noise = np.square(recorded.target - rates * found.gain[k]).mean(axis=0)
        np.testing.assert_allclose(found.noise[k], noise, rtol=2e-3, atol=1e-4 * payload.largest**2)  # a sum at a threshold may round apart
        if together:
            np.testing.assert_array_equal(found.gain[k], candidates.threshold[k])


def test_a_correction_of_the_bias_takes_the_mean_error_away() -> None:
    recorded, candidates = _recorded(2000, 5, steps=8), _candidates(6, 5)
    before, after = tried(recorded, candidates, rounds=0), tried(recorded, candidates, rounds=4)
    assert after.noise.mean() < before.noise.mean()
    assert (after.bias != before.bias).all()


@pytest.mark.parametrize("together", [False, True])
def test_the_best_of_few_rows_tried_on_all_is_nearly_the_best_of_all(together: bool) -> None:
    recorded = _recorded(9000, 4, together=together)
    options: dict[str, Any] = {"thresholds": (0.6, 0.8, 1.0, 1.4), "v_init_offsets": (-0.15, 0.0, 0.3), "fraction": 0.5}
    few = fit_neurons(recorded, **options)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("ecc_lava.conversion.calibration.neuron_fit.COARSE_ROWS", 10**9)
        best = fit_neurons(recorded, **options)
    assert few.noise.sum() <= 1.01 * best.noise.sum()
    assert (few.threshold <= recorded.most).all()
    assert not together or np.ptp(few.threshold) == 0


def test_saturation_outside_the_rows_tried_counts() -> None:
    """The noise of few rows, corrected by the rates of all, is nearer to that of all rows than the noise of the few alone."""
    rng = np.random.default_rng(3)
    target = rng.exponential(0.3, (20000, 6)).astype(np.float32)
    current = np.repeat(target[:, None], 8, axis=1)  # even input: neurons err by saturation and by rounding
    candidates = _candidates(5, 6)._replace(bias=np.zeros((5, 6)))

    def noise(rows: slice, known: slice) -> Array:
        recorded = Recorded(current[rows], target[rows], target[known], np.full(6, np.inf), BINARY, False)
        return tried(recorded, candidates, rounds=0).noise

    few, every = slice(0, 250), slice(None)
    alone, corrected, true = noise(few, few), noise(few, every), noise(every, every)
    assert np.abs(corrected - true).mean() < 0.3 * np.abs(alone - true).mean()


def test_many_threads_compute_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    recorded, gain = _recorded(50, 7), np.random.default_rng(1).random(7)
    rates = recorded.current[:, 0]

    def computed() -> list[Any]:
        sums = [*response.moments(recorded.target, rates), *response.errors(recorded.target, rates, gain)]
        return [*tried(recorded, _candidates(9, 7), rounds=2), *sums]

    alone = computed()
    monkeypatch.setattr(threads, "_WORTH_A_THREAD", 1)
    monkeypatch.setattr(threads, "usable_cores", lambda: 5)
    for one, many in zip(alone, computed(), strict=True):
        np.testing.assert_array_equal(one, many)


@pytest.mark.parametrize("channels", [1, 5, 64])
def test_sums_over_rows_are_those_of_numpy(channels: int) -> None:
    rng = np.random.default_rng(0)
    target, ideal_rates = rng.random((2, 300, channels)).astype(np.float32)
    gain = rng.random(channels)
    energy, match = moments(target, ideal_rates)
    np.testing.assert_allclose(energy, np.square(ideal_rates).sum(axis=0, dtype=np.float64), rtol=1e-12)
    np.testing.assert_allclose(match, (target * ideal_rates).sum(axis=0, dtype=np.float64), rtol=1e-12)
    mean, square = errors(target, ideal_rates, gain)
    error = target.astype(np.float64) - ideal_rates.astype(np.float64) * gain
    np.testing.assert_allclose(mean, error.mean(axis=0), rtol=1e-9, atol=1e-15)
    np.testing.assert_allclose(square, np.square(error).mean(axis=0), rtol=1e-12)
