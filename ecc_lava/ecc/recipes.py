"""Recipes: named tuples of passes that turn a lowered network into one that spikes for T steps."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from ecc_lava.arrays import Array
from ecc_lava.ecc.passes import CurrentNormalisation, InputEncoding, Pass, ResidualElimination
from ecc_lava.encode import as_batch, images_as_floats
from ecc_lava.errors import InvalidInput
from ecc_lava.graph import Graph
from ecc_lava.lowering import FOLD_LIMIT, lower
from ecc_lava.network import SpikingNetwork

__all__ = ["CALIBRATION_IMAGES", "RECIPES", "calibration_subset", "convert"]

RECIPES: dict[str, tuple[Pass, ...]] = {
    "ecc": (InputEncoding(), CurrentNormalisation("layer", 100.0), ResidualElimination(0.5)),
    "best": (InputEncoding(), CurrentNormalisation("channel", 99.9), ResidualElimination(0.5)),
}
"""`ecc` as published; `best` is the default."""

CALIBRATION_IMAGES = 256
"""How many calibration images the command line draws."""


def convert(
    graph: Graph,
    *,
    calibration: Array,
    timesteps: int = 32,
    recipe: str | Sequence[Pass] = "best",
    fold_limit: float = FOLD_LIMIT,
) -> SpikingNetwork:
    """Convert a float CNN to a network of integrate-and-fire neurons.

    Parameters
    ----------
    graph : Graph
    calibration : array (N, H, W, C)
        Unlabelled images as the Keras model takes them; uint8 is scaled by `graph.uint8_scale`.
    timesteps : int
        T, the steps one sample will be shown for.
    recipe : str or sequence of passes
        A name in `RECIPES`, or passes of one's own.
    fold_limit : float
        See `ecc_lava.lowering`.

    Returns
    -------
    SpikingNetwork
        In real units; `rate_forward` of it equals `forward` of the graph.

    Raises
    ------
    InvalidInput
        Wrong images, timesteps or recipe.
    UnsupportedModel
        If the graph cannot be lowered.
    """
    if timesteps < 1:
        raise InvalidInput(f"timesteps {timesteps}; at least 1 is needed")
    images = images_as_floats(as_batch(calibration, graph.input.shape, "calibration"), graph.uint8_scale)
    network = replace(lower(graph, fold_limit).network, timesteps=timesteps)
    for step in _passes(recipe):
        network = step(network, images).with_trace(step)
    return network


def _passes(recipe: str | Sequence[Pass]) -> tuple[Pass, ...]:
    if not isinstance(recipe, str):
        return tuple(recipe)
    if recipe not in RECIPES:
        raise InvalidInput(f"recipe {recipe!r} is not known; known: {', '.join(RECIPES)}")
    return RECIPES[recipe]


def calibration_subset(images: Array, seed: int = 0, size: int = CALIBRATION_IMAGES) -> Array:
    """Return the sorted indices of `size` images drawn without replacement by a Philox generator, or of all if there are fewer."""
    if len(images) <= size:
        return np.arange(len(images))
    return np.sort(np.random.Generator(np.random.Philox(seed)).choice(len(images), size, replace=False))
