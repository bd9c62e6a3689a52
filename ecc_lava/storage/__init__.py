"""The network file: an HDF5 file behind a checksum."""

from ecc_lava.storage.network_file import load, save

__all__ = ["load", "save"]
