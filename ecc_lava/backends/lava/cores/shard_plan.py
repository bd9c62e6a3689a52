"""The plan of one shard on one core, plain data."""

from __future__ import annotations

from dataclasses import dataclass

from ecc_lava.backends.lava.cores.synapses import ShardSynapses
from ecc_lava.common import Array
from ecc_lava.networks import Shard

__all__ = ["ShardPlan"]


@dataclass(frozen=True, eq=False)
class ShardPlan:
    """One shard on one core.

    Attributes
    ----------
    shard : Shard
    fires : bool
        False for a readout.
    is_stateful : bool
        Whether neurons keep their potential from step to step; False for a step population.
    depth : int
    bias, vth, v_init : int32 arrays that broadcast to the shard's shape
    synapses : tuple of ShardSynapses
    offset : int
        Where the shard's spikes start in its core's message.
    over_time : bool
        Whether the core reports the potential after every step of the window.
    """

    shard: Shard
    fires: bool
    is_stateful: bool
    depth: int
    bias: Array
    vth: Array
    v_init: Array
    synapses: tuple[ShardSynapses, ...]
    offset: int
    over_time: bool

    @property
    def reported(self) -> int:
        """Length of the shard's report: potential and spike count of every neuron, and clips at both rails."""
        return 2 * self.shard.neurons + 2
