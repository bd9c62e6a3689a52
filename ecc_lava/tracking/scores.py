"""How well boxes follow an object: overlap and distance of centres, as the benchmark OTB defines them.

Source: Wu, Lim and Yang, "Online Object Tracking: A Benchmark", CVPR 2013; distances in parts of the object's size as in TrackingNet
(Mueller et al., ECCV 2018).
"""

from __future__ import annotations

import numpy as np

from ecc_lava.common import Array, Float
from ecc_lava.errors import InvalidInput

__all__ = ["PRECISE", "THRESHOLDS", "distances", "overlaps", "precision", "success_auc"]

THRESHOLDS = np.linspace(0.0, 1.0, 21)
"""Overlaps at which success is counted: 0, 0.05, ..., 1."""

PRECISE = 0.2
"""Distance of centres, in parts of the object's size, up to which a box is precise."""


def overlaps(boxes: Array, truth: Array) -> Float:
    """Return the intersection over the union of boxes with the true ones, (F,).

    Parameters
    ----------
    boxes, truth : arrays (F, 4)
        x, y, width, height.

    Raises
    ------
    InvalidInput
        If the arrays have other shapes, or a true box is empty.
    """
    boxes, truth = _checked(boxes, truth)
    low, high = np.maximum(boxes[:, :2], truth[:, :2]), np.minimum(boxes[:, :2] + boxes[:, 2:], truth[:, :2] + truth[:, 2:])
    common = np.prod(np.maximum(high - low, 0.0), axis=1)
    return np.asarray(common / (boxes[:, 2:].prod(axis=1) + truth[:, 2:].prod(axis=1) - common))


def success_auc(boxes: Array, truth: Array) -> float:
    """Return the area under the success curve: the mean over `THRESHOLDS` of the share of frames whose overlap exceeds the threshold.

    Parameters and errors as for `overlaps`.
    """
    return float((overlaps(boxes, truth)[:, None] > THRESHOLDS).mean())


def distances(boxes: Array, truth: Array) -> Float:
    """Return the distances of the centres in parts of the object's size, (F,): ``|centre - true centre| / sqrt(width * height)``.

    Width and height are those of the true box; parameters and errors as for `overlaps`.
    """
    boxes, truth = _checked(boxes, truth)
    apart = boxes[:, :2] + boxes[:, 2:] / 2 - truth[:, :2] - truth[:, 2:] / 2
    return np.asarray(np.hypot(apart[:, 0], apart[:, 1]) / np.sqrt(truth[:, 2] * truth[:, 3]))


def precision(boxes: Array, truth: Array) -> float:
    """Return the share of frames whose centre lies at most `PRECISE` of the object's size away; parameters and errors as for `overlaps`."""
    return float((distances(boxes, truth) <= PRECISE).mean())


def _checked(boxes: Array, truth: Array) -> tuple[Float, Float]:
    both = np.asarray(boxes, np.float64), np.asarray(truth, np.float64)
    if both[0].shape != both[1].shape or both[0].ndim != 2 or both[0].shape[1] != 4 or not len(both[0]):
        raise InvalidInput(f"boxes {both[0].shape} and true boxes {both[1].shape}; both must be (frames, 4): x, y, width, height")
    if not (both[1][:, 2:] > 0).all():
        raise InvalidInput(f"the true box of frame {int((both[1][:, 2:] <= 0).any(axis=1).argmax())} is empty")
    return both
