"""Which physical core each logical core becomes, and the traffic that decides it.

A placer is a function of one problem. To add one, write a file here and give it a line in this door's table.
"""

from hw_mappings.placement.links import Routes, loads, routes
from hw_mappings.placement.problem import PlacementProblem, Placer, Traffic, hop_weighted
from hw_mappings.placement.row_major import row_major
from hw_mappings.placement.table import DEFAULT_PLACER, PLACERS
from hw_mappings.placement.traffic import mean_rate, traffic

__all__ = [
    "DEFAULT_PLACER",
    "PLACERS",
    "PlacementProblem",
    "Placer",
    "Routes",
    "Traffic",
    "hop_weighted",
    "loads",
    "mean_rate",
    "routes",
    "row_major",
    "traffic",
]
