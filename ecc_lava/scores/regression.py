"""Regression: numbers, such as coordinates, prices or an autoencoder's image."""

from __future__ import annotations

import numpy as np

from ecc_lava.common import Array, Float
from ecc_lava.errors import InvalidInput
from ecc_lava.scores.numbers import correlation, relative_rms_error
from ecc_lava.scores.task import Measured, Output, Task

__all__ = ["REGRESSION"]


def _values(logits: Array, output: Output) -> Float:
    """Return the model's own output: of a sigmoid its value, which hides differences far from 0 as the model does."""
    z = logits.astype(np.float64)
    return 1.0 / (1.0 + np.exp(-np.clip(z, -500.0, 500.0))) if output.final == "sigmoid" else z


def _targets(labels: Array, samples: int, output: Output) -> Array:
    where = f"output {output.name!r}"
    if len(labels) != samples or labels.size != samples * output.size:
        raise InvalidInput(f"targets of shape {labels.shape} for {samples} images; {where} has {output.size} numbers each")
    if labels.dtype.kind not in "buif" or not np.isfinite(labels).all():
        raise InvalidInput(f"targets of {where} must be finite numbers; they are of type {labels.dtype}")
    return labels.reshape(samples, -1).astype(np.float64)


def _compared(found: Array, reference: Array) -> Measured:
    return {"relative_rms_error": relative_rms_error(found, reference), "correlation": correlation(found, reference)}


def _against_cnn(logits: Float, cnn: Float, output: Output) -> Measured:
    return _compared(_values(logits, output), _values(cnn, output))


def _against_labels(logits: Float, targets: Array, output: Output) -> Measured:
    return _compared(_values(logits, output), targets)


REGRESSION = Task("regression", _targets, _against_cnn, _against_labels, None, {"relative_rms_error": 1.0})
