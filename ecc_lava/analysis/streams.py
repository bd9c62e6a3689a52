"""`check` of a stream: whether back ends agree, and what it does otherwise than its network frame by frame."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np

from ecc_lava.analysis.check import compared_with_fast
from ecc_lava.analysis.differences import Differences
from ecc_lava.analysis.images import checked_images
from ecc_lava.backends import BACKENDS, Result, logits_of_images, output_error, simulate
from ecc_lava.common import Array, Images, Progress, first_output
from ecc_lava.errors import InvalidInput
from ecc_lava.graph import Graph, forward
from ecc_lava.inputs import batch_part, batch_size, clipping_not_repeated, frames_as_images, single_frames
from ecc_lava.networks import QuantisedNetwork
from ecc_lava.quantisation import PopulationRange, one_step_bound

__all__ = ["StreamReport", "check_stream"]


@dataclass(frozen=True)
class StreamReport:
    """Outcome of `check_stream`.

    Attributes
    ----------
    sequences, frames : int
        N, and F frames in each.
    largest_threshold : int
    golden_vs_fast : Differences
    lava_vs_fast : Differences or None
        None without Lava.
    differing_outputs : int
        Frames with an output that differs in any integer from that of the network frame by frame; of a stream whose thresholds are all 1
        there may be none.
    error : float
        RMS error of all outputs' logits against the network frame by frame, over the deviation of these.
    agreement : float
        Share of frames whose largest logit is that of the network frame by frame.
    cnn_agreement, cnn_agreement_frame_by_frame : float or None
        Share of frames whose largest logit is the CNN's, of the stream and of the network frame by frame; None without the CNN.
    events : float
        Synops of any payload, input included, as a share of those frame by frame; `messages` likewise of spikes.
    messages : float
    events_by_frame : tuple of float
        Synops of any payload, input included, of each frame of a sequence, means over sequences.
    ranges : tuple of PopulationRange
    digest : str
    """

    sequences: int
    frames: int
    largest_threshold: int
    golden_vs_fast: Differences
    lava_vs_fast: Differences | None
    differing_outputs: int
    error: float
    agreement: float
    cnn_agreement: float | None
    cnn_agreement_frame_by_frame: float | None
    events: float
    messages: float
    events_by_frame: tuple[float, ...]
    ranges: tuple[PopulationRange, ...]
    digest: str

    @property
    def ok(self) -> bool:
        """Whether back ends equal `fast`, and a stream that sends every change equals its network frame by frame."""
        equal = self.golden_vs_fast.equal and (self.lava_vs_fast is None or self.lava_vs_fast.equal)
        return equal and (self.largest_threshold > 1 or not self.differing_outputs)

    def as_dict(self) -> dict[str, Any]:
        """Return the report as JSON values."""
        return asdict(self)


def check_stream(
    network: QuantisedNetwork,
    x: Images,
    *,
    graph: Graph | None = None,
    exact_sequences: int = 1,
    lava: bool | None = None,
    progress: Progress | None = None,
) -> StreamReport:
    """Check a stream against the other back ends and against its network frame by frame.

    A sequence of one frame begins at zero and sends the frame whole, so sequences of one frame each are the network frame by frame: with
    the thresholds of the stream set to 1.

    Parameters
    ----------
    network : QuantisedNetwork
        A stream.
    x : array (N, F, H, W, C), or arrays by input name
    graph : Graph, optional
        The CNN.
    exact_sequences : int
        How many sequences, from the first on, are compared bit for bit on `golden` and Lava.
    lava : bool, optional
        Whether Lava runs; by default if it is installed.
    progress : callable (stage, done, total), optional

    Raises
    ------
    InvalidInput
        If the network is no stream, the sequences do not fit, or none is compared bit for bit.
    RangeError
        If a sum or a potential leaves its range.
    """
    if not network.is_stream:
        raise InvalidInput("the network is no stream; `check` takes it")
    if exact_sequences < 1:
        raise InvalidInput(f"exact_sequences {exact_sequences}; at least 1 sequence must be compared bit for bit")
    x = checked_images(network, x)
    stage = progress or (lambda name, done, total: None)
    with clipping_not_repeated():
        few = batch_part(x, slice(exact_sequences))
        golden = compared_with_fast(network, few, "golden", "golden against fast", stage)
        runs_lava = BACKENDS["lava"].is_installed() if lava is None else lava
        in_lava = compared_with_fast(network, few, "lava", "Lava against fast", stage) if runs_lava else None
        stage("frame by frame", 0, 0)
        streamed, alone = simulate(network, x), simulate(_sending_all(network), single_frames(x))
    predictions = [first_output(logits_of_images(result.logits)).argmax(axis=1) for result in (streamed, alone)]
    cnn = None if graph is None else first_output(forward(graph, _as_images(x))).reshape(len(predictions[0]), -1).argmax(axis=1)
    return StreamReport(
        sequences=batch_size(x),
        frames=streamed.synops.shape[1],
        largest_threshold=max(p.theta for p in network.populations),
        golden_vs_fast=golden,
        lava_vs_fast=in_lava,
        differing_outputs=_differing(streamed, alone),
        error=output_error(streamed.logits, alone.logits),
        agreement=float((predictions[0] == predictions[1]).mean()),
        cnn_agreement=None if cnn is None else float((predictions[0] == cnn).mean()),
        cnn_agreement_frame_by_frame=None if cnn is None else float((predictions[1] == cnn).mean()),
        events=float(streamed.events.sum() / max(alone.events.sum(), 1)),
        messages=_spikes(streamed) / max(_spikes(alone), 1),
        events_by_frame=tuple(streamed.events.mean(axis=0).tolist()),
        ranges=one_step_bound(network),
        digest=network.digest,
    )


def _sending_all(network: QuantisedNetwork) -> QuantisedNetwork:
    """Return a stream whose thresholds are all 1."""
    return replace(network, populations=tuple(replace(p, theta=min(p.theta, 1)) for p in network.populations))


def _as_images(x: Images) -> Images:
    """Return frames as images of a CNN, (N*F, ...) by input."""
    images = frames_as_images(x)
    assert isinstance(images, Mapping)
    return images if len(images) > 1 else next(iter(images.values()))


def _differing(one: Result, other: Result) -> int:
    """Return how many frames have an output that differs."""
    differs = np.zeros(one.synops.size, bool)
    for a, b in zip(_readouts(one), _readouts(other), strict=True):
        differs |= (a.reshape(differs.size, -1) != b.reshape(differs.size, -1)).any(axis=1)
    return int(differs.sum())


def _readouts(result: Result) -> list[Array]:
    readout = result.readout
    assert readout is not None
    return list(readout.values()) if isinstance(readout, Mapping) else [readout]


def _spikes(result: Result) -> int:
    """Return the number of all spikes."""
    return sum(int(spikes.sum()) for spikes in result.spike_counts.values())
