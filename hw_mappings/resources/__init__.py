"""What a part of a population takes of a core: neurons, synaptic memory, axons and thresholds.

Pure functions of a network, a cut and a chip. Nothing here chooses a cut.
"""

from hw_mappings.resources.axes import axes_of, fans, profile
from hw_mappings.resources.axons import Axons, edges, host_cuts
from hw_mappings.resources.cores import (
    NUMBER,
    Demand,
    demands,
    fits,
    least_arriving,
    limits_of,
    own_usage,
    projection_axons,
    thresholds_of,
    usage_of,
    with_axons,
)
from hw_mappings.resources.synapses import SynapseModel, shard_of_neuron, synapse_counts
from hw_mappings.resources.tiling import Cuts, Tiling, cut, tiling_of, useful_parts
from hw_mappings.resources.usage import ADDITIVE, core_usages, overruns

__all__ = [
    "ADDITIVE",
    "NUMBER",
    "Axons",
    "Cuts",
    "Demand",
    "SynapseModel",
    "Tiling",
    "axes_of",
    "core_usages",
    "cut",
    "demands",
    "edges",
    "fans",
    "fits",
    "host_cuts",
    "least_arriving",
    "limits_of",
    "overruns",
    "own_usage",
    "shard_of_neuron",
    "profile",
    "projection_axons",
    "synapse_counts",
    "thresholds_of",
    "tiling_of",
    "usage_of",
    "useful_parts",
    "with_axons",
]
