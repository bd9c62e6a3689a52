"""How populations are cut, which shards share a core, and which repeaters long delays need.

A lower bound on the cores, counted apart, judges the result. Nothing here places a core.
"""

from hw_mappings.partition.lower_bound import lower_bound_cores
from hw_mappings.partition.plan import PartitionPlan, plan
from hw_mappings.partition.repeaters import ChipNetwork, chip_network

__all__ = ["ChipNetwork", "PartitionPlan", "chip_network", "lower_bound_cores", "plan"]
