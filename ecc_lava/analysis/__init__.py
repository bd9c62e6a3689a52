"""What was lost, where, and what an image costs: checks, attribution, energy and early stopping.

This room runs networks and compares them; it changes none. A new analysis is a file here, or a folder with a door, and a name below.
"""

from ecc_lava.analysis.account import Account, Charge
from ecc_lava.analysis.attribution.advice import in_words
from ecc_lava.analysis.attribution.attribute import attribute
from ecc_lava.analysis.attribution.change import Change
from ecc_lava.analysis.attribution.ladder import RUNGS
from ecc_lava.analysis.attribution.picture import PICTURES, draw
from ecc_lava.analysis.attribution.report import Attribution
from ecc_lava.analysis.check import CheckReport, check
from ecc_lava.analysis.confidence import accuracy_over_time, check_margin, confident
from ecc_lava.analysis.differences import Differences, differences
from ecc_lava.analysis.energy import CORE_ENERGIES, HOST, Costs, ImageEvents, core_account, costs, costs_of, image_events, multiplied
from ecc_lava.analysis.stopped import stopped_events

__all__ = [
    "CORE_ENERGIES",
    "HOST",
    "PICTURES",
    "RUNGS",
    "Account",
    "Attribution",
    "Change",
    "CheckReport",
    "Costs",
    "Differences",
    "ImageEvents",
    "Charge",
    "accuracy_over_time",
    "attribute",
    "check",
    "check_margin",
    "confident",
    "core_account",
    "costs",
    "costs_of",
    "differences",
    "draw",
    "image_events",
    "in_words",
    "multiplied",
    "stopped_events",
]
