"""The demo's model and data, embedded, and its picture.

The command `ecc-lava demo` takes both through every stage. This room trains nothing when it runs; `make_data` made what it embeds.
"""

from ecc_lava.demo.data import MODEL, calibration_images, test_images
from ecc_lava.demo.picture import draw

__all__ = ["MODEL", "calibration_images", "draw", "test_images"]
