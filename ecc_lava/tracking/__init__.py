"""A Siamese tracker on an embedding's network, sequences with known boxes, and scores of boxes.

The tracker cuts windows out of frames, runs an embedding on them and moves a box. Conversion and quantisation of the embedding stand in
their own rooms. Every box is (x, y, width, height) in pixels: x and y of its upper left corner, the first pixel reaching from 0 to 1.
"""

from ecc_lava.tracking.boxes import Box
from ecc_lava.tracking.responses import Following
from ecc_lava.tracking.scores import distances, overlaps, precision, success_auc
from ecc_lava.tracking.sequences import ObjectSequence, moving_object
from ecc_lava.tracking.siamese import Siamese, track
from ecc_lava.tracking.windows import pixel_size, search_windows, windows_at

__all__ = [
    "Box",
    "Following",
    "ObjectSequence",
    "Siamese",
    "distances",
    "moving_object",
    "overlaps",
    "pixel_size",
    "precision",
    "search_windows",
    "success_auc",
    "track",
    "windows_at",
]
