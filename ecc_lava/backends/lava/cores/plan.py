"""The plan of a Lava deployment, cut from the network: weights, neurons, wires and clock.

A plan is plain data that the caller makes once and that reaches the process of Lava as a pickle. This module neither imports Lava nor does
arithmetic.

Nodes have numbers: 0 is the source (the encoded inputs), k + 1 is core k. At every step a node sends one flat message: the source its
images one after the other, a core what the spikes of its shards carry one after the other. All messages of a plan are uint8, or int16 if a
population sends negative payloads. In a replay the source also sends the recorded spikes of all populations that the cores hear, so that a
few cores run without the others.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from mmap import PAGESIZE

import numpy as np

from ecc_lava.backends.activity import Recording
from ecc_lava.backends.lava.cores.arithmetic import CoreArithmetic
from ecc_lava.backends.lava.cores.clock import Clock
from ecc_lava.backends.lava.cores.shard_plan import ShardPlan
from ecc_lava.common import Array, Shape

__all__ = ["SLOTS", "CorePlan", "LavaPlan", "SentBySource"]

SLOTS = 2
"""Messages that a channel holds: a core takes the last step's message while another one sends this step's.

Two are enough, because no process starts a step before all processes have finished the last one."""


@dataclass(frozen=True, eq=False)
class CorePlan:
    """One core.

    Attributes
    ----------
    label : str
        Name of the Lava process, for messages.
    shards : tuple of ShardPlan
    sources : tuple of int
        The other nodes whose messages the core receives.
    message : int
        Length of the message that the core sends; 0 if nothing on it fires.
    recorded : bool
        Whether the sink also receives the message.
    """

    label: str
    shards: tuple[ShardPlan, ...]
    sources: tuple[int, ...]
    message: int
    recorded: bool

    @property
    def report(self) -> int:
        """Length of the report that the core sends to the sink."""
        return sum(part.reported for part in self.shards)

    def build(self, node: int, clock: Clock, limit: int, dtype: type[np.generic]) -> CoreArithmetic:
        """Return the core's arithmetic, whose messages are of `dtype`."""
        return CoreArithmetic(self.shards, node, clock, limit, dtype)


@dataclass(frozen=True, eq=False)
class SentBySource:
    """The values or spikes of one population that the source sends.

    Attributes
    ----------
    values : array (N, 1 or T, neurons) of the plan's message type
        A graded input has one entry, sent at every step.
    depth : int
        Depth of the population.
    """

    values: Array
    depth: int

    def at(self, clock: Clock, step: int) -> Array:
        """Return what is sent at a step: zeros outside the population's windows."""
        window = clock.window(self.depth, step)
        if window is None:
            return np.zeros_like(self.values[0, 0])
        sample, within = window
        values: Array = self.values[sample, min(within, self.values.shape[1] - 1)]
        return values


@dataclass(frozen=True, eq=False)
class LavaPlan:
    """A deployment: the cores, the inputs and the clock.

    Attributes
    ----------
    sent : tuple of SentBySource
        What the source sends, one after the other.
    cores : tuple of CorePlan
    clock : Clock
    limit : int
        Rail of the potential.
    populations : dict
        Name -> shape of every population that has shards on the cores.
    recording : Recording
    is_signed : bool
        Whether a population sends negative payloads, so that messages are int16.
    in_one_process : bool
        Whether all process models run in one process of the operating system, without Lava's runtime.
    """

    sent: tuple[SentBySource, ...]
    cores: tuple[CorePlan, ...]
    clock: Clock
    limit: int
    populations: Mapping[str, Shape]
    recording: Recording
    is_signed: bool = False
    in_one_process: bool = False

    @property
    def message_type(self) -> type[np.generic]:
        """Type of all messages between nodes."""
        return np.int16 if self.is_signed else np.uint8

    def arithmetic(self, node: int) -> CoreArithmetic:
        """Return a core's arithmetic; called in the core's own process."""
        return self.cores[node - 1].build(node, self.clock, self.limit, self.message_type)

    def message(self, node: int) -> int:
        """Return the length of the message that a node sends at every step."""
        return sum(part.values.shape[2] for part in self.sent) if node == 0 else self.cores[node - 1].message

    def source_message(self, step: int) -> Array:
        """Return the source's message at a step, (length,)."""
        return np.concatenate([part.at(self.clock, step) for part in self.sent])

    def rows(self, node: int) -> slice:
        """Return the range of a core's shards among all shards."""
        first = sum(len(core.shards) for core in self.cores[: node - 1])
        return slice(first, first + len(self.cores[node - 1].shards))

    @property
    def macs(self) -> int:
        """The most multiplications that one core does in a step."""
        return max(sum(s.operator.macs for shard in core.shards for s in shard.synapses) for core in self.cores)

    @property
    def processes(self) -> int:
        """Number of processes that run process models: the source, every core and the sink, or one process for all."""
        return 1 if self.in_one_process else len(self.cores) + 2

    @property
    def channels(self) -> list[int]:
        """Bytes of a message on each channel between two processes."""
        if self.in_one_process:
            return []
        spikes = [self.message(node) for core in self.cores for node in core.sources]
        spikes += [core.message for core in self.cores if core.recorded]
        return [np.dtype(self.message_type).itemsize * length for length in spikes] + [4 * core.report for core in self.cores]

    @property
    def channel_bytes(self) -> int:
        """Bytes of shared memory for Lava's channels, each of `SLOTS` messages in whole pages."""
        control = 2 * self.processes + 2  # to and from the runtime service, for every process and for the runtime
        return sum(-(-SLOTS * message // PAGESIZE) * PAGESIZE for message in self.channels) + control * PAGESIZE

    @property
    def open_files(self) -> int:
        """Most file descriptors that a process needs; measured with lava-nc 0.10.0 and rounded up."""
        return 10 * self.processes + 2 * len(self.channels) + 40
