"""Intervals of shares against published values."""

from __future__ import annotations

import pytest

from ecc_lava.common import wilson


@pytest.mark.parametrize(
    ("share", "number", "low", "high"),
    [(0.0, 10, 0.0, 0.2775), (1.0, 10, 0.7225, 1.0), (0.5, 10, 0.2366, 0.7634), (0.81, 263, 0.7582, 0.8529)],
)
def test_wilson(share: float, number: int, low: float, high: float) -> None:
    assert wilson(share, number) == pytest.approx((low, high), abs=1e-3)


def test_more_images_are_surer() -> None:
    few, many = wilson(0.9, 10), wilson(0.9, 1000)
    assert few[0] < many[0] < 0.9 < many[1] < few[1]
