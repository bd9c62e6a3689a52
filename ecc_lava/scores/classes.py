"""Classes: one answer for each sample, the largest logit."""

from __future__ import annotations

from ecc_lava.common import Array, Float
from ecc_lava.scores.forms import class_numbers
from ecc_lava.scores.numbers import relative_rms_error
from ecc_lava.scores.task import Measured, Output, Task

__all__ = ["CLASSES"]


def _answers(logits: Array, output: Output) -> Array:
    answers: Array = logits.argmax(axis=1)[:, None]
    return answers


def _targets(labels: Array, samples: int, output: Output) -> Array:
    return class_numbers(labels, (samples,), output.size, f"output {output.name!r}")


def _against_cnn(logits: Float, cnn: Float, output: Output) -> Measured:
    """Return the agreement; of outputs that may be numbers as well as logits, also their error."""
    found: Measured = {"agreement": float((logits.argmax(axis=1) == cnn.argmax(axis=1)).mean())}
    return found if output.final else found | {"relative_rms_error": relative_rms_error(logits, cnn)}


def _against_labels(logits: Float, targets: Array, output: Output) -> Measured:
    return {"accuracy": float((logits.argmax(axis=1) == targets).mean())}


CLASSES = Task("classes", _targets, _against_cnn, _against_labels, _answers, {"relative_rms_error": 1.0})
