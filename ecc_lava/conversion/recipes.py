"""Recipes: named tuples of passes that turn a lowered network into one that spikes for T steps.

To add a recipe, give it a line in `RECIPES`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from ecc_lava.common import Progress
from ecc_lava.conversion.calibration.class_offsets import ClassOffsets
from ecc_lava.conversion.calibration.layerwise import LayerwiseCalibration
from ecc_lava.conversion.passes.current_normalisation import CurrentNormalisation
from ecc_lava.conversion.passes.input_encoding import InputEncoding
from ecc_lava.conversion.passes.interface import IntegerPass, Pass
from ecc_lava.conversion.passes.residual_elimination import ResidualElimination
from ecc_lava.errors import InvalidInput
from ecc_lava.graph import Graph
from ecc_lava.quantisation import Bits

__all__ = ["DEFAULT_RECIPE", "RECIPES", "passes_of"]

RECIPES: dict[str, tuple[Pass, ...]] = {
    "ecc": (InputEncoding(), CurrentNormalisation("layer", 100.0), ResidualElimination(0.5)),
    "channel": (InputEncoding(), CurrentNormalisation("channel", 99.9), ResidualElimination(0.5)),
    "best": (InputEncoding(), CurrentNormalisation("channel", 99.9), ResidualElimination(0.5), LayerwiseCalibration(), ClassOffsets()),
}
"""`ecc` is as published; `channel` has one lambda per channel; `best` calibrates the result of `channel`."""

DEFAULT_RECIPE = "best"
"""The recipe of `convert` and studies unless their caller names another."""


def passes_of(recipe: str | Sequence[Pass], format: str, bits: Bits, graph: Graph, progress: Progress | None) -> tuple[Pass, ...]:
    """Return the passes of a recipe, with number format, bits and progress for those that run integers."""
    if isinstance(recipe, str):
        if recipe not in RECIPES:
            raise InvalidInput(f"recipe {recipe!r} is not known; known: {', '.join(RECIPES)}")
        recipe = RECIPES[recipe]
    return tuple(replace(step.of(format, bits, graph), progress=progress) if isinstance(step, IntegerPass) else step for step in recipe)
