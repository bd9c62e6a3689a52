"""The same network with other numbers in one population, or with other weights into it."""

from __future__ import annotations

from dataclasses import replace

from ecc_lava.common import Array
from ecc_lava.geometry import scaled_by_target, with_kernel
from ecc_lava.networks import Projection, SpikingNetwork

__all__ = ["with_divided_weights", "with_numbers"]


def with_numbers(network: SpikingNetwork, name: str, **numbers: Array) -> SpikingNetwork:
    """Return the network with other fields, such as bias and v_init, in one population."""
    populations = tuple(replace(p, **numbers) if p.name == name else p for p in network.populations)  # type: ignore[arg-type]
    return replace(network, populations=populations)


def with_divided_weights(network: SpikingNetwork, name: str, factor: Array) -> SpikingNetwork:
    """Return the network with every weight into a population divided by its channel's factor, (C,)."""

    def divided(p: Projection) -> Projection:
        return replace(p, geometry=with_kernel(p.geometry, scaled_by_target(p.geometry, 1.0 / factor))) if p.target == name else p

    return replace(network, projections=tuple(divided(p) for p in network.projections))
