"""Accuracy over time and stopping when an answer stands out."""

from __future__ import annotations

import numpy as np
import pytest

from ecc_lava.analysis.confidence import confident, lead
from ecc_lava.errors import InvalidInput
from ecc_lava.graph import Graph, Input, Softmax
from ecc_lava.scores import Scorer

# what two images have summed up after each of four steps, (N, T, K), in units of the logits at T = 4
SUMMED = np.array(
    [
        [[1.0, 0.0, 0.0], [2.0, 1.0, 0.0], [4.0, 1.0, 0.0], [6.0, 2.0, 1.0]],
        [[0.0, 0.5, 0.0], [1.0, 0.5, 0.0], [1.0, 1.5, 0.0], [1.0, 3.0, 0.0]],
    ]
)
LOGITS = SUMMED * 4 / np.arange(1, 5)[:, None]  # as a run that stopped after each step would give them


def test_a_lead_is_that_of_what_was_summed_up() -> None:
    np.testing.assert_allclose(lead(LOGITS), [[1.0, 1.0, 3.0, 4.0], [0.5, 0.5, 0.5, 2.0]])


@pytest.mark.parametrize(
    ("margin", "steps", "predictions"),
    [
        (0.0, [1, 1], [0, 1]),
        (0.5, [1, 1], [0, 1]),
        (1.0, [1, 4], [0, 1]),
        (2.0, [3, 4], [0, 1]),
        (3.5, [4, 4], [0, 1]),
        (100.0, [4, 4], [0, 1]),
    ],
)
def test_images_stop_at_the_first_step_with_the_lead(margin: float, steps: list[int], predictions: list[int]) -> None:
    found = confident(LOGITS.astype(np.float64), margin)
    assert found.steps.tolist() == steps
    assert found.predictions.tolist() == predictions


def test_an_answer_may_change_after_an_image_has_stopped() -> None:
    logits = LOGITS[1:, 1:] * 1.0  # leads with class 0 at first, with class 1 at the end
    assert confident(logits, 0.0).predictions.tolist() == [0]
    assert confident(logits, 1.5).predictions.tolist() == [1]


def test_accuracy_after_every_step() -> None:
    graph = Graph((Input("x", (1, 1, 3)), Softmax("y", "x")))
    assert Scorer(graph, labels=np.array([0, 1]), samples=2).over_time(LOGITS) == {"accuracy": [1.0, 0.5, 1.0, 1.0]}


@pytest.mark.parametrize("margin", [-0.1, np.nan, np.inf])
def test_margins_that_are_none(margin: float) -> None:
    with pytest.raises(InvalidInput, match="it must be finite and at least 0"):
        confident(LOGITS, margin)


def test_one_output_has_no_lead() -> None:
    with pytest.raises(InvalidInput, match="at least two classes"):
        confident(LOGITS[:, :, :1], 1.0)
