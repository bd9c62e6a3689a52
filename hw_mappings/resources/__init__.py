"""What the shards of a population take of a core: neurons, synaptic memory, axons, delays and thresholds.

Pure functions of a network, its tilings and a chip. Nothing here chooses a tiling.
"""

from hw_mappings.resources.arrivals import arrivals
from hw_mappings.resources.axes import axes_of, span_needs
from hw_mappings.resources.axons import Axons, edges, host_cuts
from hw_mappings.resources.cores import (
    RESOURCE_INDEX,
    Demand,
    axon_table,
    demands,
    fits,
    least_arriving,
    limits_of,
    projection_axons,
    thresholds_of,
    usage_of,
    usage_without_axons,
    with_axons,
)
from hw_mappings.resources.reach import Outgoing, ReachClasses, reach_classes
from hw_mappings.resources.synapses import SynapseModel, shard_of_neuron
from hw_mappings.resources.tiling import Cuts, Tiling, even_cut, tiling_of, useful_parts
from hw_mappings.resources.usage import ADDITIVE, core_usages, overruns

__all__ = [
    "ADDITIVE",
    "RESOURCE_INDEX",
    "Axons",
    "Cuts",
    "Demand",
    "Outgoing",
    "ReachClasses",
    "SynapseModel",
    "Tiling",
    "arrivals",
    "axon_table",
    "axes_of",
    "core_usages",
    "demands",
    "edges",
    "even_cut",
    "fits",
    "host_cuts",
    "least_arriving",
    "limits_of",
    "overruns",
    "projection_axons",
    "reach_classes",
    "shard_of_neuron",
    "span_needs",
    "thresholds_of",
    "tiling_of",
    "usage_of",
    "usage_without_axons",
    "useful_parts",
    "with_axons",
]
