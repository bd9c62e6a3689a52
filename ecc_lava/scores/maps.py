"""Maps: one class for each position, as in segmentation."""

from __future__ import annotations

import numpy as np

from ecc_lava.common import Array, Float
from ecc_lava.scores.forms import class_numbers
from ecc_lava.scores.task import Measured, Output, Task

__all__ = ["MAPS"]


def _answers(logits: Array, output: Output) -> Array:
    answers: Array = logits.reshape(len(logits), -1, output.shape[2]).argmax(axis=2)
    return answers


def _targets(labels: Array, samples: int, output: Output) -> Array:
    height, width, classes = output.shape
    numbers = class_numbers(labels, (samples, height, width), classes, f"every position of output {output.name!r}")
    return numbers.reshape(samples, -1)


def _mean_iou(found: Array, reference: Array) -> float:
    """Return the mean over classes of the intersection over the union; classes that neither has do not count."""
    classes = int(max(found.max(initial=0), reference.max(initial=0))) + 1
    common = np.bincount(found[found == reference].ravel(), minlength=classes)
    union = np.bincount(found.ravel(), minlength=classes) + np.bincount(reference.ravel(), minlength=classes) - common
    return float((common[union > 0] / union[union > 0]).mean())


def _against_cnn(logits: Float, cnn: Float, output: Output) -> Measured:
    found, reference = _answers(logits, output), _answers(cnn, output)
    return {"agreement": float((found == reference).mean()), "mean_iou": _mean_iou(found, reference)}


def _against_labels(logits: Float, targets: Array, output: Output) -> Measured:
    found = _answers(logits, output)
    return {"accuracy": float((found == targets).mean()), "mean_iou": _mean_iou(found, targets)}


MAPS = Task("maps", _targets, _against_cnn, _against_labels, _answers, {})
