"""ECC and calibration: from ideal rates to integrate-and-fire neurons over T steps.

A recipe is a tuple of passes; a pass takes a network and returns a new one whose trace names it. `recipes` is the one registry.
This room does not lower graphs and does not round.
To add a pass, write a file in `passes` and name the pass in a recipe; `convert`, studies and the command line then know it.
"""

from ecc_lava.conversion.convert import convert, doubts_not_repeated
from ecc_lava.conversion.drawing import CALIBRATION_IMAGES, calibration_subset, drawn_images, over_draws
from ecc_lava.conversion.draws import Draw, DrawReport
from ecc_lava.conversion.passes.current_normalisation import CurrentNormalisation
from ecc_lava.conversion.passes.interface import IntegerPass, Pass
from ecc_lava.conversion.prepared import payload_of
from ecc_lava.conversion.recipes import DEFAULT_RECIPE, RECIPES
from ecc_lava.conversion.stream_thresholds import StreamThresholds, ThresholdSearch, stream_thresholds
from ecc_lava.conversion.streams import frame_by_frame, sigma_delta, uniform_thresholds

__all__ = [
    "CALIBRATION_IMAGES",
    "DEFAULT_RECIPE",
    "RECIPES",
    "CurrentNormalisation",
    "Draw",
    "DrawReport",
    "IntegerPass",
    "Pass",
    "StreamThresholds",
    "ThresholdSearch",
    "calibration_subset",
    "convert",
    "doubts_not_repeated",
    "drawn_images",
    "frame_by_frame",
    "over_draws",
    "payload_of",
    "sigma_delta",
    "stream_thresholds",
    "uniform_thresholds",
]
