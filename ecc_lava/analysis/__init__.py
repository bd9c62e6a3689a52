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
from ecc_lava.analysis.confidence import check_margin, confident
from ecc_lava.analysis.differences import Differences, differences
from ecc_lava.analysis.energy import CORE_ENERGIES, HOST, Costs, ImageEvents, core_account, costs, costs_of, image_events, multiplied
from ecc_lava.analysis.plausibility import doubts_of_labels, doubts_of_run
from ecc_lava.analysis.stopped import stopped_events
from ecc_lava.analysis.stream_picture import draw_stream
from ecc_lava.analysis.streams import StreamReport, check_stream

__all__ = [
    "CORE_ENERGIES",
    "HOST",
    "PICTURES",
    "RUNGS",
    "Account",
    "Attribution",
    "Change",
    "Charge",
    "CheckReport",
    "Costs",
    "Differences",
    "ImageEvents",
    "StreamReport",
    "attribute",
    "check",
    "check_stream",
    "check_margin",
    "confident",
    "core_account",
    "costs",
    "costs_of",
    "differences",
    "doubts_of_labels",
    "doubts_of_run",
    "draw",
    "draw_stream",
    "image_events",
    "in_words",
    "multiplied",
    "stopped_events",
]
