"""The request to every back end and its answer: what to record, and what each population did."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np

from ecc_lava.common import Array, Int

__all__ = ["Activity", "ActivityOf", "Carried", "Recording", "input_activity"]


@dataclass(frozen=True)
class Recording:
    """What a run keeps beside counts and potentials.

    Attributes
    ----------
    rasters : frozenset of str
        Populations whose spikes are kept per step.
    over_time : bool
        Whether the readouts' potential after every step is kept.
    potentials : frozenset of str or None
        Populations, beside the readouts, whose last potential is wanted; None for all. `fast` writes no others.
    inputs : bool
        Whether the activity of the inputs is wanted; `fast` counts none otherwise.
    """

    rasters: frozenset[str] = frozenset()
    over_time: bool = False
    potentials: frozenset[str] | None = None
    inputs: bool = True


@dataclass(frozen=True)
class Activity:
    """What one population did for a batch of N samples shown for T steps.

    Attributes
    ----------
    counts : array of integers (N, H, W, C)
        Sum of what each neuron sent: its spikes, or their payloads. A graded input counts the steps at which it sent a nonzero value; a
        readout has 0.
    potential : array (N, H, W, C), or (N, 0, 0, 0) where it was not wanted
        v after the last step; an input has zeros.
    raster : uint8 or int16 array (N, T, H, W, C) or None
        What was sent at each step, 0 or 1 where spikes are binary; of signed payloads int16.
    over_time : array (N, T, H, W, C) or None
        v after every step of a readout.
    saturated_low, saturated_high : int
        How often v was clipped at either rail.
    sent : int64 array (N, H, W, C) or None
        Number of spikes that each neuron sent, where they have payloads; elsewhere `counts` is this number.
    """

    counts: Int
    potential: Array
    raster: Array | None = None
    over_time: Array | None = None
    saturated_low: int = 0
    saturated_high: int = 0
    sent: Int | None = None

    @property
    def messages(self) -> Int:
        """Number of spikes that each neuron sent."""
        return self.counts if self.sent is None else self.sent


def input_activity(q: Array, timesteps: int, recording: Recording, name: str) -> Activity:
    """Return what an input did that sent the same graded values (N, H, W, C) at every step, or spikes (N, T, H, W, C)."""
    spikes = q.ndim == 5
    counts = q.sum(axis=1, dtype=np.int64) if spikes else (q > 0).astype(np.int64) * timesteps
    raster = None
    if name in recording.rasters:
        raster = q.copy() if spikes else np.repeat(q[:, None], timesteps, axis=1)
    sent = np.count_nonzero(q, axis=1).astype(np.int64) if spikes else None
    return Activity(counts, np.zeros(counts.shape, np.int64), raster, sent=sent)


ActivityOf: TypeAlias = Mapping[str, Activity]
"""Population name -> activity."""

Carried: TypeAlias = Mapping[str, tuple[Array, Array]]
"""What one sequence of a stream has left: population name -> potential, and sum of what each neuron sent, both (H, W, C)."""
