"""A classifier of patterns that was trained on images of one range, and its images in all ranges."""

from __future__ import annotations

from typing import Any

import numpy as np

from ecc_lava.common import Array
from ecc_lava.geometry import Dense
from ecc_lava.graph import Graph, Linear, Node, Relu, Reshape, Scale, Softmax, Statistics
from ecc_lava.graph import Input as InputNode
from ecc_lava.inputs import PIXELS, SIGNED, UNIT

__all__ = ["CLASSES", "LABELS", "PIXELS_OF", "RANGES", "classifier", "images"]

CLASSES, SIDE, SAMPLES = 4, 6, 64
RANGES = {"unit": UNIT, "signed": SIGNED, "pixels": PIXELS}

_rng = np.random.default_rng(5)
_PATTERNS = _rng.integers(0, 2, (CLASSES, SIDE, SIDE, 1)) * 200
LABELS = np.arange(SAMPLES) % CLASSES
PIXELS_OF = np.clip(_PATTERNS[LABELS] + _rng.integers(0, 56, (SAMPLES, SIDE, SIDE, 1)), 0, 255).astype(np.uint8)
"""uint8 images (64, 6, 6, 1), each a pattern of its class and noise."""


def images(name: str) -> Array:
    """Return the images as floats of a usual range."""
    found = RANGES[name]
    return PIXELS_OF / 255.0 * found.width + found.low


def classifier(name: str, normalised: bool = False, **options: Any) -> Graph:
    """Return a CNN that is right on the images of one usual range; `normalised` keeps what training saw of them."""
    x = images(name)
    mean, deviation = float(x.mean()), float(x.std())
    patterns = (_PATTERNS.reshape(CLASSES, -1) / 200.0 - 0.5).T
    first: list[Node] = [InputNode("x", (SIDE, SIDE, 1))]
    if normalised:
        seen = Statistics(np.array([mean]), np.array([deviation**2]))
        first.append(Scale("bn", "x", np.array([1 / deviation]), np.array([-mean / deviation]), seen))
        kernel, bias = patterns, np.zeros(CLASSES)
    else:
        kernel, bias = patterns / deviation, -mean / deviation * patterns.sum(axis=0)
    bias = bias + 4.0 - 2.0 * np.square(patterns).sum(axis=0)
    last = first[-1].name
    return Graph(
        (
            *first,
            Reshape("flat", last, (1, 1, SIDE * SIDE)),
            Linear("scores", "flat", Dense(kernel), bias),
            Relu("relu", "scores"),
            Linear("logits", "relu", Dense(np.eye(CLASSES)), np.zeros(CLASSES)),
            Softmax("out", "logits"),
        ),
        **options,
    )
