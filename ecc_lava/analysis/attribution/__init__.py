"""Where accuracy goes between the CNN and the integers: a ladder of networks, each layer's share, and what to change.

Every step of the ladder adds one cause, so that the losses of the steps sum to the whole loss. Nothing here changes a network.
To add a rung, name it in `ladder.RUNGS`, yield its answers in `ladder.climbed`, and give it a line in `advice.CAUSES`.
"""

from ecc_lava.analysis.attribution.advice import in_words
from ecc_lava.analysis.attribution.attribute import attribute
from ecc_lava.analysis.attribution.picture import draw
from ecc_lava.analysis.attribution.report import Attribution

__all__ = ["Attribution", "attribute", "draw", "in_words"]
