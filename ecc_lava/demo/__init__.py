"""The demo's model and data, embedded, and its picture.

The command `ecc-lava demo` takes them through the whole way.
"""

from ecc_lava.demo.data import MODEL, calibration_images, test_images
from ecc_lava.demo.picture import draw

__all__ = ["MODEL", "calibration_images", "draw", "test_images"]
