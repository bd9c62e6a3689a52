"""Levels of whole weights: their carries, sent as digits, leave the sign of the whole sum exactly as it is."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ecc_lava.common.arrays import Array, Int
from ecc_lava.formats.loihi2 import LOIHI2
from ecc_lava.geometry import Dense
from ecc_lava.quantisation.carries import Level, SumLimits, WholeWeights, levels_of, reach
from ecc_lava.quantisation.two_synapses import largest_whole, whole_mantissas
from ecc_lava.quantisation.whole_units import whole_peaks
from tests.helpers.small_networks import MANY


def _signs_by_levels(levels: list[Level], x: Array, limits: SumLimits) -> Array:
    """Return the signs of the last level, each population stepped as a chip does; no potential may leave its range."""
    carry = np.zeros((len(x), 1), np.int64)
    for level in levels[:-1]:
        left = x @ level.kernels[0] + level.constant.ravel() + carry
        shift, carry = level.low + sum(level.digits), np.zeros_like(left)
        assert (left >= 0).all()
        assert left.max() <= limits.potential
        for bits in level.digits:
            shift -= bits
            assert 1 <= bits <= limits.payload_bits
            digit = np.clip(left >> shift, 0, 2**bits - 1)
            left, carry = left - (digit << shift), carry + (digit << shift - level.low)
        assert (left < 2**level.low).all()
        assert carry.max(initial=0) <= level.carry_max
    last = x @ levels[-1].kernels[0] + levels[-1].constant.ravel() + carry
    assert np.abs(last).max() <= limits.potential
    signs: Array = last >= 0
    return signs


@settings(MANY, max_examples=120)
@given(st.integers(0, 2**32 - 1), st.integers(1, 40), st.sampled_from([1, 3, 255]), st.integers(1, 24), st.integers(1, 8))
def test_levels_give_the_signs_of_whole_sums(seed: int, fan_in: int, largest: int, width: int, payload_bits: int) -> None:
    rng = np.random.default_rng(seed)
    kernel = rng.integers(-(2**width), 2**width, (fan_in, 5)) | 1
    constant = rng.integers(-(2**width) * largest, 2**width * largest, (1, 1, 5))
    limits = SumLimits(2 ** int(rng.integers(17, 24)) - 1, 2 ** int(rng.integers(7, 20)), payload_bits)
    weights = WholeWeights(Dense(kernel), (0, largest))
    least, most = reach([weights], [kernel])
    constant = np.clip(constant, -most - 1, -least)
    levels = levels_of([weights], constant, limits)
    assert levels is not None
    assert all(np.abs(level.kernels[0]).max() <= limits.weight for level in levels)
    x = rng.integers(0, largest + 1, (200, fan_in))
    near = np.argsort(np.abs(x @ kernel + constant.ravel()).min(axis=1))[:100]
    np.testing.assert_array_equal(_signs_by_levels(levels, x[near], limits), x[near] @ kernel + constant.ravel() >= 0)


def test_sums_that_fit_are_one_level_and_sums_of_too_many_inputs_are_none() -> None:
    limits = SumLimits(2**23 - 1, 2**20, 8)
    small = WholeWeights(Dense(np.full((3, 2), 5, np.int64)), (0, 255))
    levels = levels_of([small], np.zeros((1, 1, 2), np.int64), limits)
    assert levels is not None
    assert [(level.low, level.digits) for level in levels] == [(0, ())]
    np.testing.assert_array_equal(levels[0].kernels[0], small.geometry.kernel)
    many = WholeWeights(Dense(np.full((300, 1), 2**20 + 1, np.int64)), (0, 255))
    assert levels_of([many], np.zeros((1, 1, 1), np.int64), limits._replace(potential=2**15)) is None


@settings(MANY, max_examples=60)
@given(st.lists(st.integers(-largest_whole(LOIHI2), largest_whole(LOIHI2)), min_size=1, max_size=30))
def test_whole_weights_are_sums_of_mantissas(weights: list[int]) -> None:
    given_weights = np.array(weights, np.int64)
    parts = whole_mantissas(given_weights, LOIHI2)
    assert all(LOIHI2.exponent_min <= exponent <= LOIHI2.exponent_max for exponent, _ in parts)
    assert all(np.abs(kernel.astype(int)).max() <= 127 for _, kernel in parts)
    total: Int = sum((kernel.astype(np.int64) << LOIHI2.shift(exponent) for exponent, kernel in parts), np.zeros_like(given_weights))
    np.testing.assert_array_equal(total, given_weights)


@pytest.mark.parametrize("seed", range(3))
def test_weights_kept_in_few_bits_have_whole_units_whatever_their_channel_is_scaled_by(seed: int) -> None:
    rng = np.random.default_rng(seed)
    kernel = rng.normal(0, 0.1, (27, 6)).astype(np.float16).astype(np.float64)
    kernel[:, 4] = rng.integers(-7, 8, 27)
    kernel[:, 5] = 0
    kernel *= rng.normal(0, 1, 6) / 255
    largest = np.abs(kernel).max(axis=0)
    peaks = whole_peaks([Dense(kernel)], largest, 2**23 - 1)
    assert (peaks[:5] > 0).all()
    assert peaks[4] <= 7
    whole = kernel[:, :5] / largest[:5] * peaks[:5]
    assert np.abs(whole - np.rint(whole)).max() < 1e-6
    real = rng.normal(0, 1, (27, 4))
    assert not whole_peaks([Dense(real)], np.abs(real).max(axis=0), 2**23 - 1).any()


def test_a_channel_has_one_unit_for_all_that_goes_into_it() -> None:
    ones, thirds = np.ones((2, 1)), np.array([[1 / 3], [0.5]])
    assert whole_peaks([Dense(ones), Dense(thirds)], np.ones(1), 100) == 6
    assert whole_peaks([Dense(ones), Dense(thirds)], np.ones(1), 5) == 0
