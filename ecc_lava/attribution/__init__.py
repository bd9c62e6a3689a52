"""Where accuracy goes between the CNN and the integers: a ladder of networks, each layer's share, and what to change."""

from ecc_lava.attribution.advice import in_words
from ecc_lava.attribution.attribute import attribute
from ecc_lava.attribution.picture import draw
from ecc_lava.attribution.report import Attribution

__all__ = ["Attribution", "attribute", "draw", "in_words"]
