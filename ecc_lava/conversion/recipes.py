"""Recipes: named tuples of passes that turn a lowered network into one that spikes for T steps.

To add a recipe, give it a line in `RECIPES`.
"""

from __future__ import annotations

from collections.abc import Sequence

from ecc_lava.common import BINARY, Payload
from ecc_lava.conversion.calibration.class_offsets import ClassOffsets
from ecc_lava.conversion.calibration.layerwise import LayerwiseCalibration
from ecc_lava.conversion.calibration.step_rounding import StepRounding
from ecc_lava.conversion.passes.current_normalisation import CurrentNormalisation
from ecc_lava.conversion.passes.input_encoding import InputEncoding
from ecc_lava.conversion.passes.interface import IntegerOptions, IntegerPass, Pass
from ecc_lava.conversion.passes.observed_input import ObservedInput
from ecc_lava.conversion.passes.residual_elimination import ResidualElimination
from ecc_lava.errors import InvalidInput

__all__ = ["DEFAULT_RECIPE", "RECIPES", "passes_of"]

RECIPES: dict[str, tuple[Pass, ...]] = {
    "ecc": (InputEncoding(), CurrentNormalisation("layer", 100.0), ResidualElimination(0.5)),
    "channel": (InputEncoding(), CurrentNormalisation("channel", 99.9), ResidualElimination(0.5)),
    "best": (
        InputEncoding(),
        CurrentNormalisation("channel", 99.9),
        ResidualElimination(0.5),
        StepRounding(),
        LayerwiseCalibration(),
        ClassOffsets(),
    ),
}
"""`ecc` is as published; `channel` has one lambda per channel; `best` calibrates the result of `channel`."""

DEFAULT_RECIPE = "best"
"""The recipe of `convert` and studies unless their caller names another."""


def passes_of(recipe: str | Sequence[Pass], payload: Payload, options: IntegerOptions) -> tuple[Pass, ...]:
    """Return the passes of a recipe, with the options of those that run integers.

    Graded spikes need the range of their sums before these, unless the first of them measures it.

    Parameters
    ----------
    recipe : str or sequence of passes
    payload : Payload
        What the spikes carry.
    options : IntegerOptions
    """
    if isinstance(recipe, str):
        if recipe not in RECIPES:
            raise InvalidInput(f"recipe {recipe!r} is not known; known: {', '.join(RECIPES)}")
        recipe = RECIPES[recipe]
    passes = tuple(step.of(options) if isinstance(step, IntegerPass) else step for step in recipe)
    if payload == BINARY:
        return passes
    fits = [isinstance(step, IntegerPass) and step.fits_rates for step in passes]
    first = fits.index(True) if any(fits) else len(passes)
    known = any(isinstance(step, IntegerPass) and step.observes for step in passes[first : first + 1])
    return passes if known else (*passes[:first], ObservedInput(), *passes[first:])
