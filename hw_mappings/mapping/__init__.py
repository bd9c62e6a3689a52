"""The mapping: the stage type between mapper and deployment, its file, and the network deployed with it.

A mapping checks itself when it is made. Nothing here chooses shards, cores or places.
"""

from hw_mappings.mapping.core import MappedCore, mapped_cores
from hw_mappings.mapping.deployed import DeployedNetwork, deployed
from hw_mappings.mapping.mapping import Mapping

__all__ = ["DeployedNetwork", "MappedCore", "Mapping", "deployed", "mapped_cores"]
