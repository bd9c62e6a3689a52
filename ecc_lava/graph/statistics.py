"""Whether images arrive at a CNN's first normalisations as those of training did."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np

from ecc_lava.common import Array, Float
from ecc_lava.graph.evaluate import evaluate
from ecc_lava.graph.graph import Graph
from ecc_lava.graph.nodes import Scale
from ecc_lava.graph.training import Statistics
from ecc_lava.inputs import InputRange, elsewhere

__all__ = ["Contradiction", "contradiction"]

FAR = 0.7
"""Divergence of the median channel that counts whatever explains it: a tenth or four times the variance, or 1.2 deviations."""

NOTABLE = 0.25
"""Divergence that counts if another scale of the images explains it; images at half their contrast have 0.3."""

ENOUGH, VALUES = 8, 256
"""Images, and values of a channel, from which on a divergence counts that no scale explains; a single image may be as dark or as flat as it
likes, and a channel that is rarely active shows its variance on many values alone."""

EXPLAINED = 0.2
"""Share of the divergence that another scale may leave, so that it explains the rest."""


class Contradiction(NamedTuple):
    """What the first normalisation says against the images.

    Attributes
    ----------
    layer : str
        Its node.
    deviations : float
        How far the mean of the median channel is off, in standard deviations of training.
    variance_ratio : float
        The variance of the median channel relative to that of training.
    better : InputRange or None
        The usual range that images must have to arrive as in training, if there is one.
    """

    layer: str
    deviations: float
    variance_ratio: float
    better: InputRange | None

    @property
    def sentence(self) -> str:
        """What to tell a user, without a remedy."""
        return (
            f"the images are unlike those of training: at the normalisation {self.layer!r} the median channel has "
            f"{self.variance_ratio:.2g} times the variance of training, and a mean that is off by {self.deviations:.2g} standard deviations"
        )


def contradiction(graph: Graph, images: Mapping[str, Array]) -> Contradiction | None:
    """Return what the first normalisations of a CNN say against images, or None.

    A channel's divergence is that of two normal distributions, ``(r - 1 - log r + z**2) / 2``, with r the ratio of the variances and z the
    distance of the means in training's standard deviations. Normalisations that were never trained, and those behind others, say nothing.

    Parameters
    ----------
    graph : Graph
    images : input name -> float64 array (N, H, W, C)
        In the model's units.
    """
    first = _first(graph)
    if not first:
        return None
    layer, (divergence, deviations, ratio) = max(_divergences(graph, images, first).items(), key=lambda item: item[1][0])
    if divergence < NOTABLE:
        return None
    name = next(iter(images))
    scaled = elsewhere(images[name]) if len(images) == 1 else {}
    others = {other: _worst(graph, {name: moved}, first) for other, moved in scaled.items()}
    best = min(others, key=others.__getitem__, default=None)
    better = best if best is not None and others[best] < EXPLAINED * divergence else None
    certain = divergence >= FAR and len(images[name]) >= ENOUGH and len(images[name]) * _positions(graph, layer) >= VALUES
    return Contradiction(layer, deviations, ratio, better) if better or certain else None


def _first(graph: Graph) -> dict[str, Scale]:
    """Return the trained normalisations with no other before them, by the tensors that they read."""
    behind: set[str] = set()
    found = {}
    for node in graph.nodes:
        normalises = isinstance(node, Scale) and node.seen is not None
        if any(source in behind for source in node.sources):
            behind.add(node.name)
        elif normalises:
            behind.add(node.name)
            if isinstance(node, Scale) and node.seen is not None and node.seen.is_trained:
                found[node.source] = node
    return found


def _divergences(graph: Graph, images: Mapping[str, Array], first: Mapping[str, Scale]) -> dict[str, tuple[float, float, float]]:
    """Return the divergence, the distance of the means and the ratio of the variances of each normalisation's median channel."""
    found: dict[str, tuple[float, float, float]] = {}
    for name, value in evaluate(graph, images):
        if name in first and (seen := first[name].seen) is not None:
            found[first[name].name] = _divergence(value, seen)
        if len(found) == len(first):
            break
    return found


def _positions(graph: Graph, layer: str) -> int:
    """Return the number of positions of a node's map."""
    height, width, _ = graph.shapes[layer]
    return height * width


def _worst(graph: Graph, images: Mapping[str, Array], first: Mapping[str, Scale]) -> float:
    return max(divergence for divergence, _, _ in _divergences(graph, images, first).values())


def _divergence(x: Float, seen: Statistics) -> tuple[float, float, float]:
    axes = (0, 1, 2)
    least = 1e-6 * float(np.max(seen.variance)) + float(np.finfo(np.float64).tiny)  # channels that are dead in training divide by nothing
    before, now = np.maximum(seen.variance, least), np.maximum(x.var(axis=axes), 0.0) + least
    z, ratio = np.abs(x.mean(axis=axes) - seen.mean) / np.sqrt(before), now / before
    divergence = (ratio - 1.0 - np.log(ratio) + z * z) / 2.0
    return float(np.median(divergence)), float(np.median(z)), float(np.median(ratio))
