"""The memory that a network claims: what running one image of it takes."""

from __future__ import annotations

from typing import Any

from ecc_lava.common import NEURON_BYTES
from ecc_lava.geometry import built_bytes
from ecc_lava.networks.wiring import WiredNetwork

__all__ = ["network_bytes"]


def network_bytes(network: WiredNetwork[Any, Any]) -> int:
    """Return the bytes that one image takes: of all neurons, and of what is built to run or map the projections."""
    neurons = sum(p.neurons for p in network.populations)
    return NEURON_BYTES * neurons + sum(built_bytes(p.geometry, network.by_name[p.source].shape) for p in network.projections)
