"""Counts the events of one shard's synapses while it runs, in plain numpy."""

from __future__ import annotations

from typing import Final

import numpy as np

from ecc_lava.backends.lava.cores.synapses import Listed, ShardSynapses, Taps
from ecc_lava.common import Array, Int

__all__ = ["COUNTERS", "EventCounter"]

COUNTERS: Final = ("spikes_in", "spikes_out", "synops", "updates")
"""Columns of a shard's counters, which count within the shard's windows.

``spikes_in`` counts the spikes and nonzero graded events of sources that have a synapse in the shard, once per projection; ``spikes_out``
the spikes of its neurons; ``synops`` the spikes and graded events through each of its synapses; ``updates`` its neurons, once a step.
"""


def _readers(reads: Int, size: int) -> Int:
    """Return how many targets read each index of one axis of the box; -1 reads nothing."""
    return np.bincount(reads[reads >= 0], minlength=size)


class EventCounter:
    """Counts the events that pass one `ShardSynapses`.

    A source at position p and channel c has ``positions[p] * channels[c]`` synapses. The box of `Listed` synapses counts as one position
    of many channels.
    """

    def __init__(self, synapses: ShardSynapses) -> None:
        height, width, depth = synapses.box.shape
        match synapses.operator:
            case Taps() as taps:
                positions = np.outer(_readers(taps.rows, height), _readers(taps.columns, width)).ravel()
                channels = np.zeros(depth, np.int64)
                for group in taps.groups:
                    channels[group.source : group.source + taps.kernel.shape[2]] += group.stop - group.start
            case Listed(sources=sources):
                positions, channels = np.ones(1, np.int64), np.bincount(sources, minlength=height * width * depth)
        # float64, whose products are fast, and exact below 2**53
        self._positions = np.stack([positions > 0, positions]).astype(np.float64)
        self._channels = np.stack([channels > 0, channels], axis=1).astype(np.float64)

    def of(self, box: Array) -> tuple[int, int]:
        """Return (spikes, synops) for what a box (positions, channels) of the sources sent at one step."""
        sent = (box.reshape(self._positions.shape[1], -1) != 0).astype(np.float64) @ self._channels
        spikes, synops = np.einsum("kp,pk->k", self._positions, sent)
        return int(spikes), int(synops)
