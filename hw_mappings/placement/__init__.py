"""Placement: one algorithm a file, all of one signature `PlacementProblem -> addresses`."""

from typing import Final

from hw_mappings.placement.annealed import annealed
from hw_mappings.placement.hilbert import hilbert
from hw_mappings.placement.problem import Address, PlacementProblem, Placer, Traffic, hop_weighted
from hw_mappings.placement.qap import qap
from hw_mappings.placement.row_major import row_major

__all__ = ["PLACERS", "Address", "PlacementProblem", "Placer", "Traffic", "hop_weighted"]

PLACERS: Final[dict[str, Placer]] = {"row-major": row_major, "hilbert": hilbert, "qap": qap, "annealed": annealed}
"""Placers by name."""
