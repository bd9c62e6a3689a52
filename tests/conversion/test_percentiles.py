"""Percentiles by the largest values alone."""

from __future__ import annotations

import numpy as np
import pytest

from ecc_lava.common import Array
from ecc_lava.conversion.percentiles import SAMPLE, percentiles


def _activations(rows: int, channels: int) -> Array:
    """Return rectified values of several sizes; the first channel is dead, and the second nearly so."""
    rng = np.random.default_rng(rows)
    values = np.maximum(rng.normal(size=(rows, channels)) * rng.uniform(0.1, 9, channels), 0)
    values[:, 0] = 0
    values[rng.random(rows) < 0.9995, 1] = 0
    return values.astype(np.float32)


@pytest.mark.parametrize("rows", [1, 7, SAMPLE, 2 * SAMPLE, 5 * SAMPLE + 3])
@pytest.mark.parametrize("percentile", [50.0, 97.5, 99.0, 99.9, 99.999, 100.0])
def test_percentiles_are_those_of_all_values(rows: int, percentile: float) -> None:
    values = _activations(rows, 9)
    expected = np.percentile(values.astype(np.float64), percentile, axis=0)
    np.testing.assert_allclose(percentiles(values, percentile), expected, rtol=1e-5)


def test_rows_that_show_none_of_the_largest_values_do_no_harm() -> None:
    values = _activations(8 * SAMPLE, 4)
    values[:: 8 * SAMPLE // SAMPLE | 1] += 100.0  # what is looked at is larger than all the rest
    expected = np.percentile(values.astype(np.float64), 99.9, axis=0)
    np.testing.assert_allclose(percentiles(values, 99.9), expected, rtol=1e-5)
    few = np.where(np.arange(len(values))[:, None] % 9 == 0, values, 0).astype(np.float32)
    np.testing.assert_allclose(percentiles(few, 97.5), np.percentile(few.astype(np.float64), 97.5, axis=0), rtol=1e-5)
