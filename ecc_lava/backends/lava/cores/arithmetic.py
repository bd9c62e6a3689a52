"""The arithmetic of one core at each step: synapses, integrate-and-fire neurons and reports, in plain numpy.

It shares no code with `golden`, so that a comparison checks two implementations.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ecc_lava.backends.lava.cores.clock import Clock
from ecc_lava.backends.lava.cores.counters import COUNTERS
from ecc_lava.backends.lava.cores.overflows import OVERFLOW, OverflowWatch
from ecc_lava.backends.lava.cores.shard_plan import ShardPlan
from ecc_lava.backends.lava.cores.sums import SynapticSum
from ecc_lava.common import Array, Int

__all__ = ["CoreArithmetic"]


class _ShardNeurons:
    """The neurons of one shard, and the synapses into them."""

    def __init__(self, plan: ShardPlan, clock: Clock, limit: int, dtype: type[np.generic], counters: Int, overflow: Int) -> None:
        self.plan, self._counters = plan, counters
        self._clock, self._limit = clock, limit
        self._watch = OverflowWatch(limit, overflow) if plan.is_checked else None
        self._bias, self._vth, self._v_init = (np.asarray(a, np.int64) for a in (plan.bias, plan.vth, plan.v_init))
        self.sums = [SynapticSum(s, dtype) for s in plan.synapses]
        self._v = np.zeros(plan.shard.shape, np.int64)
        self._counts, self._spikes = (np.zeros(plan.shard.shape, np.int64) for _ in range(2))
        self._exponent = np.log2(np.maximum(self._vth, 1)).astype(np.int64)
        self._low = self._high = 0

    def _clip(self, v: Int) -> Int:
        """Saturate at the rails and count how often."""
        low, high = np.count_nonzero(v < -self._limit), np.count_nonzero(v > self._limit)
        if low or high:
            self._low, self._high = self._low + int(low), self._high + int(high)
            np.clip(v, -self._limit, self._limit, out=v)
        return v

    def step(self, step: int) -> Array:
        """Advance by one step and return what the spikes carry, (H, W, C).

        ``v <- clip(v + sum + bias); s = v >= vth; v <- clip(v - vth * s)``, v = v_init at the start of every window; for s with a payload
        see `_fired`. A step population has no memory: ``v <- clip(sum + bias); s = v >= vth``. A sigma-delta neuron keeps v and sends what
        `_change` says.
        """
        window = self._clock.window(self.plan.depth, step)
        if self._clock.starts(self.plan.depth, step):
            self._v[...] = self._v_init
            self._counts[...] = 0
            self._spikes[...] = 0
            self._low = self._high = 0
        current = self._bias + sum(s.current(step) for s in self.sums)
        if self._watch is not None and window is not None:
            self._watch.look(window, np.broadcast_to(current, self._v.shape))
        self._v = self._clip(self._v + current if self.plan.is_stateful else np.broadcast_to(current, self._v.shape).copy())
        spikes = self._spikes_now()
        if self.plan.fires and self.plan.is_stateful and not self.plan.theta:
            self._v = self._clip(self._v - self._vth * spikes)
        self._counts += spikes
        if self.plan.is_graded:
            self._spikes += spikes != 0
        if window is not None:
            self._count(step, int(np.count_nonzero(spikes)))
        return spikes

    def _spikes_now(self) -> Int:
        """Return what every neuron sends at this step."""
        if not self.plan.fires:
            return np.zeros(self._v.shape, np.int64)
        return self._change() if self.plan.theta else self._fired()

    def _change(self) -> Int:
        """Return the change of every neuron's activation since it last sent one, or 0 where it is less than theta.

        The activation is how often v reaches vth, at least 0 and at most the payload's largest value. The window is a sequence of frames.
        """
        payload = self.plan.payload
        often = self._v >> self._exponent if payload.is_shift else (self._v >= self._vth).astype(np.int64)
        change: Int = np.minimum(np.maximum(often, 0), payload.largest) - self._counts
        change[np.abs(change) < self.plan.theta] = 0
        return change

    def _fired(self) -> Int:
        """Return what every neuron sends: whether v reaches vth, or of a payload how often it does.

        A neuron sends at most the payload's largest value. With a sign, what lies below 0 is taken back, but no more than the neuron has
        sent in this window.
        """
        payload = self.plan.payload
        if not payload.is_shift:
            reached: Int = (self._v >= self._vth).astype(np.int64)
            return reached - ((self._v < 0) & (self._counts > 0)) if payload.signed else reached
        often = np.minimum(self._v >> self._exponent, payload.largest)
        taken_back = np.minimum(self._counts, payload.largest) if payload.signed else 0
        return np.maximum(often, -taken_back)

    def _count(self, step: int, fired: int) -> None:
        """Add a step to the counters."""
        arrived, synops = np.sum([s.events(step) for s in self.sums], axis=0) if self.sums else (0, 0)
        self._counters += arrived, fired, synops, self._v.size

    def due(self, step: int) -> bool:
        """Whether the shard reports after this step."""
        if self.plan.over_time:
            return self._clock.window(self.plan.depth, step) is not None
        return self._clock.ends(self.plan.depth, step)

    def report(self) -> list[Array]:
        """Return the potentials, and since the window began: sums and, if graded, numbers of spikes, and clips at the low and high rail."""
        spikes = [self._spikes.ravel()] if self.plan.is_graded else []
        return [self._v.ravel(), self._counts.ravel(), *spikes, np.array([self._low, self._high])]


class CoreArithmetic:
    """The shards of one core.

    Call `step`, `report` and `receive` at every step, in this order. A message sent at one step has its effect at the next.

    Attributes
    ----------
    counters : int64 array (shards, COUNTERS)
        The counters of every shard since the run began.
    overflows : int64 array (shards, OVERFLOW)
        The first overflow of every shard.
    """

    def __init__(self, shards: Sequence[ShardPlan], node: int, clock: Clock, limit: int, dtype: type[np.generic]) -> None:
        self._node = node
        self.counters = np.zeros((len(shards), len(COUNTERS)), np.int64)
        self.overflows = np.zeros((len(shards), len(OVERFLOW)), np.int64)
        rows = zip(shards, self.counters, self.overflows, strict=True)
        self._shards = [_ShardNeurons(plan, clock, limit, dtype, counters, overflow) for plan, counters, overflow in rows]
        self._sent: Array = np.zeros(0, dtype)

    def step(self, step: int) -> Array:
        """Advance by one step and return the message: what the spikes of every firing shard carry, (neurons,)."""
        fired = [(shard.plan.fires, shard.step(step).ravel()) for shard in self._shards]
        silent = self._sent[:0]
        self._sent = np.concatenate([silent, *(spikes.astype(silent.dtype) for fires, spikes in fired if fires)])
        return self._sent

    def report(self, step: int) -> Array | None:
        """Return the report of every shard, int32, or None if none is due at this step."""
        if not any(shard.due(step) for shard in self._shards):
            return None
        return np.concatenate([part for shard in self._shards for part in shard.report()]).astype(np.int32)

    def potentials(self) -> Array:
        """Return the potential of every neuron of every shard, int32 (neurons,)."""
        return np.concatenate([shard.report()[0] for shard in self._shards]).astype(np.int32)

    def receive(self, step: int, messages: dict[int, Array]) -> None:
        """Take the other nodes' messages of this step: node -> vector."""
        heard = {**messages, self._node: self._sent}
        for shard in self._shards:
            for synaptic in shard.sums:
                synaptic.receive(step, heard)
