"""Network files: an HDF5 file behind a checksum, written whole or not at all.

A file holds arrays, numbers and JSON alone; reading one runs nothing. A new field of a network is a line in `network_groups`.
"""

from ecc_lava.storage.network_file import load, read_calibration, save

__all__ = ["load", "read_calibration", "save"]
