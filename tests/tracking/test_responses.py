"""From responses to moves: the largest between cells, the scale that answers most, and nothing where nothing answers."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from ecc_lava.common import Array
from ecc_lava.errors import InvalidInput
from ecc_lava.tracking import Following
from ecc_lava.tracking.responses import best_move

PLAIN = Following(place_prior=0.0)


def _hills(x: float, y: float, heights: tuple[float, float, float]) -> Array:
    """Return smooth responses (3, 9, 9) whose largest values lie x and y cells from the middle."""
    cells = np.arange(9) - 4
    hill = np.exp(-((cells[None, :] - x) ** 2 + (cells[:, None] - y) ** 2) / 8)
    return np.multiply.outer(heights, hill)


@pytest.mark.parametrize(("x", "y"), [(0.0, 0.0), (1.25, -2.5), (-3.0, 0.125)])
def test_the_largest_lies_between_cells(x: float, y: float) -> None:
    move = best_move(_hills(x, y, (1.0, 2.0, 1.0)), PLAIN)
    assert move.scale == 1
    assert move.x == pytest.approx(x, abs=0.13)
    assert move.y == pytest.approx(y, abs=0.13)


@pytest.mark.parametrize(("heights", "scale"), [((1.0, 1.0, 1.1), 2), ((1.1, 1.0, 1.0), 0), ((1.0, 1.0, 1.01), 1), ((1.0, 1.0, 1.0), 1)])
def test_another_scale_must_answer_more_than_its_penalty(heights: tuple[float, float, float], scale: int) -> None:
    assert best_move(_hills(1.0, 0.0, heights), PLAIN).scale == scale


def test_a_flat_response_moves_nothing() -> None:
    """As of a frame in which nothing is to be seen."""
    for level in (0.0, 5.0, -3.0):
        assert best_move(np.full((3, 9, 9), level), Following()) == (0.0, 0.0, 1)


def test_the_place_prior_draws_to_the_middle() -> None:
    responses = _hills(0.0, 0.0, (0.9, 0.9, 0.9)) ** 4 + _hills(4.0, 0.0, (1.0, 1.0, 1.0)) ** 4
    assert best_move(responses, PLAIN).x > 3.5
    assert abs(best_move(responses, Following(place_prior=0.5)).x) < 0.5


@pytest.mark.parametrize("wrong", [{"context": -1}, {"scale_step": 0.9}, {"place_prior": 1.5}, {"upsampling": 0}])
def test_numbers_out_of_range_are_refused(wrong: dict[str, Any]) -> None:
    (name,) = wrong
    with pytest.raises(InvalidInput, match=name):
        Following(**wrong)
