"""A mapping as Lava processes, compared with the unpartitioned network spike for spike and counter for counter."""

from hw_mappings.deployment.counters import CoreCounters, predicted_counters
from hw_mappings.deployment.deploy import AUTO, Deployment, deploy
from hw_mappings.deployment.expected import expected_result, rasters_of

__all__ = ["AUTO", "CoreCounters", "Deployment", "deploy", "expected_result", "predicted_counters", "rasters_of"]
