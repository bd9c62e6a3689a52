"""The result of a simulation."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

import numpy as np

from ecc_lava.common import Array, Int, Outputs, Shape

__all__ = ["Result", "agreement", "largest_logit", "logits_of_images", "output_error", "sent_at_steps"]


def _empty() -> Mapping[str, Array]:
    return MappingProxyType({})


def largest_logit(logits: Outputs) -> Outputs:
    """Return the index of the largest logit of each sample, int64 (N,), or of each frame (N, F), for every output."""
    if isinstance(logits, Mapping):
        return {name: array.argmax(axis=-1) for name, array in logits.items()}
    return logits.argmax(axis=-1)


def agreement(one: Outputs, other: Outputs) -> float:
    """Return the share of samples on which both predict the same class, over all outputs."""
    a, b = (np.stack(list(p.values())) if isinstance(p, dict) else p for p in (one, other))
    return float((a == b).mean())


def logits_of_images(logits: Outputs) -> Outputs:
    """Return the logits of frames, (N, F, K), as those of images, (N*F, K), and those of images as they are."""
    if isinstance(logits, Mapping):
        return {name: array.reshape(-1, array.shape[-1]) for name, array in logits.items()}
    return logits.reshape(-1, logits.shape[-1])


def output_error(logits: Outputs, reference: Outputs) -> float:
    """Return the RMS error of the logits of all outputs over the deviation of the reference's, which has the same images or frames."""
    own, other = _all_logits(logits), _all_logits(reference)
    return float(np.sqrt(np.mean((own - other) ** 2))) / (float(other.std()) or 1.0)


def _all_logits(logits: Outputs) -> Array:
    """Return the logits of all outputs in one row."""
    arrays = logits.values() if isinstance(logits, Mapping) else [logits]
    return np.concatenate([array.reshape(-1) for array in arrays]).astype(np.float64)


def sent_at_steps(raster: Array, shape: Shape) -> Array:
    """Return what a population of `shape` sent at each step, uint8 or int16 (N, T, H, W, C), from the raster of a `Result`."""
    values = raster if raster.dtype == np.int16 else np.unpackbits(raster, axis=-1, count=int(np.prod(shape)))
    return values.reshape(*values.shape[:2], *shape)


@dataclass(frozen=True, eq=False)
class Result:
    """Outcome of simulating N samples for T timesteps.

    If the network has several outputs, `logits`, `readout`, `logits_over_time` and `predictions` are dicts by the output's name.
    Every frame of a stream has its own logits, readout and events, (N, F, K) and (N, F) in place of (N, K) and (N,), and T is 1.

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
        Spikes of each population, of whatever payload, or nonzero events of a graded input.
    synops : int64 array (N,)
        Binary spikes times the synapses they pass; zero weights count.
    input_macs : int64 array (N,)
        Nonzero graded input events times the synapses they pass: multiplications.
    graded_synops : int64 array (N,)
        Spikes with a payload times the synapses they pass: multiplications.
    payload_bits : int64 array (N,)
        Bits that the spikes between populations carry: the payload's, and one for its sign.
    saturated_low, saturated_high : name -> int
        How often a population's potential was clipped, over all samples.
    logits_over_time : float32 array (N, T, K) or None
        The logits of a run that stops after each step.
    counts : name -> uint16 array (N, H, W, C)
        Spikes of each neuron, or the sum of their payloads; uint32 where one is 65,536 or more.
    raster : name -> uint8 array (N, T, ceil(H*W*C / 8)), or int16 array (N, T, H*W*C)
        Spikes, eight to a byte (`numpy.unpackbits` on the last axis); payloads as int16. `sent_at_steps` reads both.
    potential : name -> array (N, H, W, C)
        v after the last step.
    sent : name -> uint16 array (N, H, W, C)
        Number of spikes of each neuron, of the populations whose spikes have a payload; uint32 where one is 65,536 or more.
    """

    backend: str
    timesteps: int
    latency_steps: int
    logits: Outputs
    readout: Outputs | None
    spike_counts: Mapping[str, Int]
    synops: Int
    input_macs: Int
    graded_synops: Int
    payload_bits: Int
    saturated_low: Mapping[str, int]
    saturated_high: Mapping[str, int]
    logits_over_time: Outputs | None = None
    counts: Mapping[str, Array] = field(default_factory=_empty)
    raster: Mapping[str, Array] = field(default_factory=_empty)
    potential: Mapping[str, Array] = field(default_factory=_empty)
    sent: Mapping[str, Array] = field(default_factory=_empty)

    def messages(self, name: str) -> Array:
        """Return the number of spikes of each neuron of a recorded population, (N, H, W, C)."""
        return self.sent.get(name, self.counts[name])

    @property
    def events(self) -> Int:
        """Spikes of any payload, those of the inputs included, times the synapses they pass, of each sample or frame."""
        return self.synops + self.input_macs + self.graded_synops

    @property
    def images(self) -> int:
        """Number of images, or of frames in all sequences of a stream."""
        return self.synops.size

    @property
    def steps(self) -> int:
        """Steps that a sample takes: T, or of a stream the number of its frames."""
        return self.timesteps if self.synops.ndim == 1 else self.synops.shape[1]

    @property
    def predictions(self) -> Outputs:
        """Index of the largest logit of each sample, int64 (N,), or of each frame, (N, F)."""
        return largest_logit(self.logits)
