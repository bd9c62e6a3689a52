"""Labels: each number is a yes or a no of its own, positive logits are yes."""

from __future__ import annotations

from ecc_lava.common import Array, Float
from ecc_lava.scores.forms import zeros_and_ones
from ecc_lava.scores.task import Measured, Output, Task

__all__ = ["LABELS"]


def _answers(logits: Array, output: Output) -> Array:
    answers: Array = (logits > 0).astype("int64")
    return answers


def _targets(labels: Array, samples: int, output: Output) -> Array:
    return zeros_and_ones(labels, (samples, output.size), f"output {output.name!r}")


def _against_cnn(logits: Float, cnn: Float, output: Output) -> Measured:
    return {"agreement": float(((logits > 0) == (cnn > 0)).mean())}


def _against_labels(logits: Float, targets: Array, output: Output) -> Measured:
    return {"accuracy": float(((logits > 0) == targets).mean())}


LABELS = Task("labels", _targets, _against_cnn, _against_labels, _answers, {})
