"""NIR, the Neuromorphic Intermediate Representation: a graph of nodes in HDF5, which simulators and chips exchange.

The package `nir` is needed to write graphs; files are read without it, behind checks of their own. A node type that is written
gets a case in `operators` or `writing`, one that is read gets a line in `nodes` and a case in `linear`.
"""

from ecc_lava.exchange.nir.reading import from_nir
from ecc_lava.exchange.nir.writing import to_nir

__all__ = ["from_nir", "to_nir"]
