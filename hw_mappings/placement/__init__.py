"""Placers give every logical core a physical core; the links that spikes take between cores judge a placement.

A placer is a function of one `PlacementProblem`. Nothing here changes which shards share a core. To add a placer, write a file here and a
line in `table.py`.
"""

from hw_mappings.placement.links import Routes, loads, routes
from hw_mappings.placement.problem import PlacementProblem, Placer, Traffic, hop_weighted, tree_hops
from hw_mappings.placement.row_major import row_major
from hw_mappings.placement.spikes import spike_trees
from hw_mappings.placement.table import DEFAULT_PLACER, PLACERS
from hw_mappings.placement.traffic import mean_rate, traffic
from hw_mappings.placement.trees import Trees, hops_of

__all__ = [
    "DEFAULT_PLACER",
    "PLACERS",
    "PlacementProblem",
    "Placer",
    "Routes",
    "Traffic",
    "Trees",
    "hop_weighted",
    "hops_of",
    "loads",
    "mean_rate",
    "routes",
    "row_major",
    "spike_trees",
    "traffic",
    "tree_hops",
]
