"""Biases near borders as kernels over ones."""

from __future__ import annotations

import numpy as np
import pytest

from ecc_lava.common import Array
from ecc_lava.exchange.nir.borders import border_kernel
from ecc_lava.geometry import Conv, apply


def _made(kernel: Array, height: int, width: int) -> Array:
    """Return what a kernel (C, 1, k, k) makes of ones, (C, H, W)."""
    margin = kernel.shape[2] // 2
    conv = Conv(kernel.transpose(2, 3, 1, 0), padding=(margin,) * 4)
    return apply(conv, np.ones((1, height, width, 1)))[0].transpose(2, 0, 1)


@pytest.mark.parametrize(("size", "height", "width"), [(3, 6, 7), (5, 8, 5), (3, 1, 4), (1, 3, 3)])
def test_what_padding_makes_of_a_constant_is_a_kernel_again(size: int, height: int, width: int) -> None:
    drawn = np.random.default_rng(size).integers(-99, 100, (4, 1, size, size)).astype(np.float64)
    values = _made(drawn, height, width)
    kernel = border_kernel(values)
    assert kernel is not None
    assert kernel.shape[2] == kernel.shape[3] <= size
    assert (kernel % 1 == 0).all()
    np.testing.assert_array_equal(_made(kernel, height, width), values)


def test_any_map_of_odd_sides_is_one_and_one_of_even_sides_is_not() -> None:
    values = np.random.default_rng(0).integers(-99, 100, (2, 5, 7)).astype(np.float64)
    kernel = border_kernel(values)
    assert kernel is not None
    np.testing.assert_array_equal(_made(kernel, 5, 7), values)
    assert border_kernel(np.random.default_rng(1).normal(size=(2, 4, 5))) is None
    assert border_kernel(np.random.default_rng(2).normal(size=(1, 31, 31))) is None
