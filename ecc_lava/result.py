"""What a simulation returns."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

from ecc_lava.arrays import Array, Int

__all__ = ["Result"]


def _empty() -> Mapping[str, Array]:
    return MappingProxyType({})


@dataclass(frozen=True, eq=False)
class Result:
    """Outcome of simulating N samples for T timesteps.

    Attributes
    ----------
    backend : str
    timesteps : int
        T.
    latency_steps : int
        T + D: from the first step of a sample to the last potential of its readout.
    logits : float32 array (N, K)
        Outputs before a final softmax or sigmoid, in the model's units.
    readout : int32 array (N, K) or None
        Potential of the readout; None for float back ends.
    spike_counts : name -> int64 array (N,)
        Spikes of each population; for a graded input, its nonzero events.
    synops : int64 array (N,)
        Binary spikes times the synapses they pass (zero weights counted).
    input_macs : int64 array (N,)
        Nonzero graded input events times the synapses they pass: multiplications.
    saturated_low, saturated_high : name -> int
        How often a population's potential was clipped, over all samples.
    logits_over_time : float32 array (N, T, K) or None
        What the logits would be had the run stopped after each step.
    counts : name -> uint16 array (N, H, W, C)
    raster : name -> uint8 array (N, T, ceil(H*W*C / 8))
        Spikes, eight to a byte (`numpy.unpackbits` on the last axis).
    potential : name -> array (N, H, W, C)
        v after the last step.
    """

    backend: str
    timesteps: int
    latency_steps: int
    logits: Array
    readout: Array | None
    spike_counts: Mapping[str, Int]
    synops: Int
    input_macs: Int
    saturated_low: Mapping[str, int]
    saturated_high: Mapping[str, int]
    logits_over_time: Array | None = None
    counts: Mapping[str, Array] = field(default_factory=_empty)
    raster: Mapping[str, Array] = field(default_factory=_empty)
    potential: Mapping[str, Array] = field(default_factory=_empty)

    @property
    def predictions(self) -> Int:
        """Index of the largest logit of each sample, int64 (N,)."""
        result: Int = self.logits.argmax(axis=1)
        return result
