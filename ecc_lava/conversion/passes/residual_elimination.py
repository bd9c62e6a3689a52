"""Thresholding for residual elimination (TRE)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from ecc_lava.common import Float
from ecc_lava.networks import Kind, SpikingNetwork

__all__ = ["ResidualElimination"]


@dataclass(frozen=True)
class ResidualElimination:
    """Thresholding for residual elimination (TRE): ``v_init = fraction * vth``.

    With fraction 0.5, a residual of at least half the threshold after T steps becomes one more spike. The readout keeps v_init = 0.
    """

    fraction: float = 0.5

    def __call__(self, network: SpikingNetwork, images: Mapping[str, Float]) -> SpikingNetwork:
        """Return the network with initial potentials."""
        populations = tuple(replace(p, v_init=self.fraction * p.vth) if p.kind is Kind.IF else p for p in network.populations)
        return replace(network, populations=populations)
