"""Gain maps: the exact integers of a pool's borders, within a mantissa, and right where most positions are."""

from __future__ import annotations

import numpy as np
import pytest

from ecc_lava.formats.loihi2 import LOIHI2
from ecc_lava.geometry import apply, with_kernel
from ecc_lava.quantisation.gain_maps import integer_gain
from ecc_lava.quantisation.quantise import quantise
from tests.helpers.graphs import pool
from tests.helpers.small_networks import float_network


def test_the_gains_of_a_pool_are_exact_integers() -> None:
    gain = pool((5, 5, 1), 3, 1).gain
    assert gain is not None
    exact = integer_gain(gain, 127)
    assert exact.dtype == np.int32
    assert exact.tolist() == [[9, 6, 6, 6, 9], *[[6, 4, 4, 4, 6]] * 3, [9, 6, 6, 6, 9]]
    assert integer_gain(np.array([[4.0, 2.0], [2.0, 1.0]]), 127).tolist() == [[4, 2], [2, 1]]
    assert integer_gain(np.ones((2, 2)) * 1.7, 127).tolist() == [[1, 1], [1, 1]]


@pytest.mark.parametrize("bits", range(2, 9))
def test_gains_never_exceed_a_mantissa(bits: int) -> None:
    limit = 2 ** (bits - 1) - 1
    for gain in ([1.0, 1.5, 2.25], [1.0, 2.0, 4.0], [1.0, np.pi, 9.0], [1.0, 300.0]):
        found = integer_gain(np.array([gain]), limit)
        assert found.min() >= 1
        assert found.max() <= limit


@pytest.mark.parametrize("size", [2, 3])
@pytest.mark.parametrize("bits", range(2, 9))
def test_a_pool_over_valid_pixels_is_quantised_at_any_width(bits: int, size: int) -> None:
    """127 / 4 rounds up to 32, and 32 * 4 would be 128."""
    layer = pool((5, 5, 2), size, 2)
    network = quantise(float_network((5, 5, 2), with_kernel(layer, layer.kernel * 0.01)), bits=bits)
    projection = network.projections[0]
    assert projection.largest_weight <= 2 ** (bits - 1) - 1
    assert (projection.geometry.kernel > 0).all()


def test_an_exact_gain_gives_exact_averages() -> None:
    layer = pool((5, 5, 1), 3, 2)
    network = quantise(float_network((5, 5, 1), with_kernel(layer, layer.kernel / 255)))
    x = np.full((1, 5, 5, 1), 100, np.int64)
    summed = apply(network.projections[0].geometry, x)
    assert len(np.unique(summed)) == 1, "the average of a constant is constant, borders included"


def test_inexact_gains_are_right_where_most_positions_are() -> None:
    average = pool((9, 9, 1), 3, 1)
    layer = with_kernel(average, average.kernel / 255)
    network = quantise(float_network((9, 9, 1), layer), bits=4)
    real, integer = apply(layer, np.ones((1, 9, 9, 1))), apply(network.projections[0].geometry, np.ones((1, 9, 9, 1)))
    scaled = integer * 2.0 ** LOIHI2.shift(network.projections[0].exponent) / network.by_name["p"].vth
    np.testing.assert_allclose(scaled[0, 4, 4], real[0, 4, 4], rtol=0.01)
