"""The mapping: the stage type between mapper and deployment, checked at birth, and its file."""

from hw_mappings.mapping.core import MappedCore, mapped_cores
from hw_mappings.mapping.deployed import DeployedNetwork, deployed
from hw_mappings.mapping.mapping import Mapping

__all__ = ["DeployedNetwork", "MappedCore", "Mapping", "deployed", "mapped_cores"]
