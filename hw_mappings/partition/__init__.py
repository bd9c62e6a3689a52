"""How populations are cut and which shards share a core; a lower bound to judge it by; repeaters for long delays.

Nothing here places a core.
"""

from hw_mappings.partition.lower_bound import lower_bound_cores
from hw_mappings.partition.misfit import explain_cores
from hw_mappings.partition.plan import PartitionPlan, plan
from hw_mappings.partition.repeaters import ChipNetwork, chip_network

__all__ = ["ChipNetwork", "PartitionPlan", "chip_network", "explain_cores", "lower_bound_cores", "plan"]
