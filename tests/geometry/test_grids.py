"""Weights on a grid: what of a composition lies on one, and what does not."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from ecc_lava.common import Array
from ecc_lava.errors import InvalidNetwork
from ecc_lava.geometry import (
    Conv,
    Dense,
    Geometry,
    WeightGrid,
    composed_grid,
    composition_of,
    diagonal,
    grid_of,
    on_grid,
    reshaping,
    steps_of,
)

SOURCE = (6, 6, 3)


def _mantissas(*shape: int) -> Array:
    return np.random.Generator(np.random.Philox(7)).integers(-7, 8, shape)


def _composed(
    outer: Geometry, on_outer: WeightGrid | None, inner: Geometry, on_inner: WeightGrid | None
) -> tuple[Geometry, WeightGrid | None]:
    composition = composition_of(outer, inner, SOURCE)
    assert composition is not None
    made = composition.made()
    return made, composed_grid(outer, on_outer, inner, on_inner, made)


def test_steps_follow_every_factor_on_a_channel() -> None:
    mantissas = _mantissas(3, 3, 3, 4)
    grid = grid_of(mantissas, 4)
    for factor in (np.ones(4), np.array([0.3, -2.0, 1e-4, 7.0])):
        conv = Conv((mantissas * factor).astype(np.float32))
        assert on_grid(conv, grid)
        np.testing.assert_allclose(steps_of(conv, grid), np.abs(factor), rtol=1e-6)
    assert not on_grid(Conv(mantissas * np.array([1.0, 2.0, 3.1])[:, None]), grid)  # a factor for each input
    assert not on_grid(Conv(mantissas[..., :3].astype(np.float32)), grid)


def test_the_least_of_twos_complement_takes_a_bit_more() -> None:
    assert grid_of(np.array([[-8, 7]]), 4).bits == 5
    assert grid_of(np.array([[-7, 7]]), 4).bits == 4
    with pytest.raises(InvalidNetwork, match="up to 8 do not fit 4 bits; 5 are needed"):
        WeightGrid(np.array([8]), 4)


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (diagonal(np.full(3, 0.3)), None),
        (None, diagonal(np.array([0.5, -1.5, 2.0, 1e-3]))),
        (Conv(np.ones((1, 1, 1, 3)), padding=(1, 1, 1, 1), groups=3), None),
        (None, Conv(np.full((1, 1, 1, 4), 0.25), strides=(2, 2), groups=4)),
        (None, Conv(np.ones((1, 1, 1, 2)), groups=2, reads=(1, 3), writes=(3, 6))),
    ],
    ids=["one factor before", "factors after", "padding before", "strides after", "some channels"],
)
def test_what_keeps_the_grid(before: Geometry | None, after: Geometry | None) -> None:
    mantissas = _mantissas(3, 3, 3, 4)
    grid, conv = grid_of(mantissas, 4), Conv(mantissas * np.array([0.1, 0.2, 0.3, 0.4]))
    made, found = _composed(conv, grid, before, None) if before is not None else _composed(after or conv, None, conv, grid)
    assert found is not None and found.bits == 4
    assert on_grid(made, found)
    assert set(found.peaks) <= {0, *grid.peaks}


def test_a_sum_of_taps_is_wider() -> None:
    mantissas = _mantissas(3, 3, 3, 4)
    made, found = _composed(Conv(np.full((2, 2, 1, 4), 0.25), groups=4), None, Conv(0.1 * mantissas), grid_of(mantissas, 4))
    assert found is not None and 4 < found.bits <= 6
    np.testing.assert_allclose(steps_of(made, found), 0.025, rtol=1e-9)


def test_what_leaves_the_grid() -> None:
    mantissas = _mantissas(3, 3, 3, 4)
    grid, conv = grid_of(mantissas, 4), Conv(0.1 * mantissas)
    assert _composed(conv, grid, diagonal(np.array([0.3, 0.3, 0.4])), None)[1] is None
    assert _composed(Conv(np.random.default_rng(0).normal(size=(1, 1, 4, 2))), None, conv, grid)[1] is None
    assert _composed(conv, None, diagonal(np.ones(3)), None)[1] is None


def test_two_grids_multiply() -> None:
    first, second = _mantissas(1, 1, 3, 4), _mantissas(1, 1, 4, 2)
    made, found = _composed(Conv(0.5 * second), grid_of(second, 4), Conv(0.1 * first), grid_of(first, 4))
    assert found is not None
    np.testing.assert_allclose(made.kernel / 0.05, first[0, 0] @ second[0, 0] + np.zeros((1, 1, 1, 1)), atol=1e-9)


def test_a_dense_layer_behind_a_reshape() -> None:
    mantissas = _mantissas(108, 5)
    moved = reshaping(SOURCE, (1, 1, 108))
    _, found = _composed(Dense(0.1 * mantissas), grid_of(mantissas, 4), moved, None)
    assert found is not None
    np.testing.assert_array_equal(found.peaks, np.abs(mantissas).max(axis=0))


def test_gains_are_left_aside() -> None:
    mantissas = _mantissas(3, 3, 3, 4)
    conv = Conv(0.1 * mantissas, gain=np.ones((4, 4)))
    assert on_grid(replace(conv, gain=np.full((4, 4), 0.5)), grid_of(mantissas, 4))
