"""What was lost, where, and what an image costs: checks, attribution, energy and early stopping.

This room runs networks and compares them; it changes none. A new analysis is a file here, or a folder with a door, and a name below.
"""

from ecc_lava.analysis.attribution.advice import in_words
from ecc_lava.analysis.attribution.attribute import attribute
from ecc_lava.analysis.attribution.change import Change
from ecc_lava.analysis.attribution.ladder import RUNGS
from ecc_lava.analysis.attribution.picture import draw
from ecc_lava.analysis.attribution.report import Attribution
from ecc_lava.analysis.check import CheckReport, check
from ecc_lava.analysis.confidence import accuracy_over_time, check_margin, confident
from ecc_lava.analysis.differences import Differences, differences
from ecc_lava.analysis.energy import CORE_ENERGIES, costs

__all__ = [
    "CORE_ENERGIES",
    "RUNGS",
    "Attribution",
    "Change",
    "CheckReport",
    "Differences",
    "accuracy_over_time",
    "attribute",
    "check",
    "check_margin",
    "confident",
    "costs",
    "differences",
    "draw",
    "in_words",
]
