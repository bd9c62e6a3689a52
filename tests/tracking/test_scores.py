"""Scores of boxes against values that are worked out by hand."""

from __future__ import annotations

import numpy as np
import pytest

from ecc_lava.common import Array
from ecc_lava.errors import InvalidInput
from ecc_lava.tracking import distances, overlaps, precision, success_auc

TRUE = np.array([[0.0, 0.0, 10.0, 10.0], [5.0, 5.0, 4.0, 9.0], [1.0, 1.0, 2.0, 2.0]])


def test_overlaps_of_equal_halved_and_distant_boxes() -> None:
    boxes = np.array([[0.0, 0.0, 10.0, 10.0], [5.0, 5.0, 2.0, 9.0], [50.0, 1.0, 2.0, 2.0]])
    assert overlaps(boxes, TRUE).tolist() == [1.0, 0.5, 0.0]


def test_success_counts_thresholds_below_the_overlap() -> None:
    """An overlap of 1 exceeds 20 of 21 thresholds, one of 0.5 exceeds ten, one of 0 none."""
    boxes = np.array([[0.0, 0.0, 10.0, 10.0], [5.0, 5.0, 2.0, 9.0], [50.0, 1.0, 2.0, 2.0]])
    assert success_auc(boxes, TRUE) == pytest.approx((20 + 10 + 0) / 63)


def test_distances_are_parts_of_the_objects_size() -> None:
    boxes = TRUE + np.array([[3.0, 4.0, 0.0, 0.0], [0.0, 0.0, 2.4, 0.0], [0.0, 0.39, 0.0, 0.0]])
    assert distances(boxes, TRUE) == pytest.approx([0.5, 0.2, 0.195])
    assert precision(boxes[[0, 2]], TRUE[[0, 2]]) == 0.5


@pytest.mark.parametrize(
    ("boxes", "truth", "words"),
    [
        (TRUE[:2], TRUE, r"\(2, 4\) and true boxes \(3, 4\)"),
        (TRUE[:0], TRUE[:0], r"\(0, 4\)"),
        (TRUE[0], TRUE[0], r"both must be \(frames, 4\)"),
        (TRUE, TRUE * [1, 1, 1, 0], "frame 0 is empty"),
    ],
)
def test_other_shapes_are_refused(boxes: Array, truth: Array, words: str) -> None:
    with pytest.raises(InvalidInput, match=words):
        success_auc(boxes, truth)
