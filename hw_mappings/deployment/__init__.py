"""A mapping run as Lava processes, and compared with the unpartitioned network in every spike, potential and counter.

Nothing here maps a network or prices a run.
"""

from hw_mappings.deployment.counters import CoreCounters, predicted_counters
from hw_mappings.deployment.deploy import AUTO, Deployment, deploy
from hw_mappings.deployment.expected import expected_result, rasters_of

__all__ = ["AUTO", "CoreCounters", "Deployment", "deploy", "expected_result", "predicted_counters", "rasters_of"]
