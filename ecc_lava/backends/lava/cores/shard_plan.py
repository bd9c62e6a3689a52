"""The plan of one shard on one core, plain data."""

from __future__ import annotations

from dataclasses import dataclass

from ecc_lava.backends.lava.cores.synapses import ShardSynapses
from ecc_lava.common import BINARY, Array, Payload
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
    payload : Payload
        What a spike carries.
    is_checked : bool
        Whether a sum beyond the potential's range is an error: payloads arrive, and no bound excludes it.
    theta : int
        Of sigma-delta neurons, the least change that is sent; 0 for others.
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
    payload: Payload
    is_checked: bool
    theta: int = 0

    @property
    def is_graded(self) -> bool:
        """Whether spikes carry more than one unsigned bit, so that their number is not their sum."""
        return self.payload != BINARY

    @property
    def reported(self) -> int:
        """Length of the shard's report: potential, sum and, of graded spikes, number of every neuron's spikes, and clips at both rails."""
        return (2 + self.is_graded) * self.shard.neurons + 2
