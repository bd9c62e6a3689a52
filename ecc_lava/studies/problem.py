"""One model and its images, which all trials of a study share, and the run of one trial."""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any

from ecc_lava.analysis import costs
from ecc_lava.backends import logits_of_images, output_error, simulate
from ecc_lava.common import Array, Images, Outputs, StageProgress
from ecc_lava.errors import RangeError
from ecc_lava.graph import shared_forward
from ecc_lava.inputs import ImageSource, as_batch, batch_part, batch_range, batch_size, digest, frames_as_images, labels_of_frames
from ecc_lava.networks import QuantisedNetwork
from ecc_lava.scores import OutputScore, Scorer
from ecc_lava.studies.conversions import Conversions
from ecc_lava.studies.settings import Setting
from ecc_lava.studies.trials.trial import Figures, Mapped, Trial
from ecc_lava.version import __version__

if TYPE_CHECKING:
    from distributed import Client

__all__ = ["Mapper", "Problem", "weight_memory"]

Mapper = Callable[[QuantisedNetwork, Images], Mapped]
"""Returns what a network takes on a chip and what images cost there. Its package builds on this one, so the caller passes it in."""

MAPPED_IMAGES_MAX = 16
"""Most images whose spikes a mapper prices."""


@dataclass(frozen=True, eq=False)
class Problem:
    """One model, its calibration images, and the images that evaluate it.

    Attributes
    ----------
    conversions : Conversions
        Of the model.
    images : array (N, H, W, C), arrays by input name, or ImageSource
        Events are (N, T, H, W, C), sequences (N, F, H, W, C).
    labels : array (N, ...) or None
        Of the first output, as `check` takes them; of frames or of sequences.
    mapper : Mapper or None
    mapper_name : str
        Tells this mapper from others; it is part of every trial's key.
    events : bool
        Whether the images are events, which the coding of that name takes.
    frames : bool
        Whether the images are sequences of frames. Streams take them as they are, other networks every frame as an image.
    tasks : mapping of output names to names of tasks, optional
        What outputs are for; by default what they and the labels show.
    """

    conversions: Conversions
    images: Images | ImageSource
    labels: Array | None = None
    mapper: Mapper | None = None
    mapper_name: str = ""
    events: bool = False
    frames: bool = False
    tasks: str | Mapping[str, str] | None = None
    _whole: dict[Setting, tuple[Outputs, float]] = field(init=False, default_factory=dict)

    def __post_init__(self) -> None:
        scorer = self.scorer
        named = {output.name: task.name for output, task in zip(scorer.outputs, scorer.tasks, strict=True)}
        object.__setattr__(self, "tasks", named)  # a part without labels keeps them

    @cached_property
    def scorer(self) -> Scorer:
        """What compares answers with the CNN's and with the labels."""
        labels = self.labels
        if self.frames and labels is not None:
            labels = labels_of_frames(labels, batch_size(self.images), self.frames_each)
        samples = batch_size(self.images) * (self.frames_each if self.frames else 1)
        return Scorer(self.conversions.graph, labels=labels, samples=samples, task=self.tasks)

    @cached_property
    def frames_each(self) -> int:
        """How many frames a sequence has."""
        specs = [spec._replace(frames=True) for spec in self.conversions.graph.input_specs]
        return int(next(iter(as_batch(batch_part(self.images, slice(1)), specs).values())).shape[1])

    @cached_property
    def single(self) -> Images | ImageSource:
        """Every frame as an image, or the images."""
        if not self.frames:
            return self.images
        assert not isinstance(self.images, ImageSource)  # sequences are read at once
        return frames_as_images(self.images)

    def part(self, part: slice, labelled: bool = True) -> Problem:
        """Return the problem on a part of the images, with labels or without, and with the same conversions."""
        labels = None if self.labels is None or not labelled else self.labels[part]
        return replace(self, images=batch_range(self.images, part), labels=labels)

    @cached_property
    def context(self) -> dict[str, Any]:
        """Digests of everything but the setting that affects a trial's figures."""
        made, tasks = self.conversions, [task.name for task in self.scorer.tasks]
        return {
            "package": __version__,
            "model": made.graph.digest,
            "calibration": digest(made.calibration),
            "data": digest(self.images),
            "labels": None if self.labels is None else digest(self.labels),
            "seed": made.seed,
            "mapper": self.mapper_name,
            **({} if set(tasks) == {"classes"} else {"tasks": tasks}),
            **({} if made.sequences is None else {"sequences": digest(made.sequences)}),
        }

    @cached_property
    def context_digest(self) -> str:
        """Digest that tells trials of this model, these images and this version from others."""
        return hashlib.sha256(json.dumps(self.context, sort_keys=True).encode()).hexdigest()

    def key(self, setting: Setting) -> str:
        """Return the digest of a setting in this context."""
        known = setting.as_dict()
        if setting.spikes == "binary":  # as keys were before spikes had payloads
            known = {name: value for name, value in known.items() if name not in ("payload_bits", "signed_spikes")}
        if not setting.is_stream:  # as keys were before there were streams
            known = {name: value for name, value in known.items() if name not in ("threshold", "max_error")}
        text = json.dumps([known, self.context_digest], sort_keys=True)
        return hashlib.sha256(text.encode()).hexdigest()

    @cached_property
    def cnn_logits(self) -> Outputs:
        """The CNN's logits."""
        graph = self.conversions.graph
        specs = [spec._replace(events=self.events) for spec in graph.input_specs]
        return shared_forward(graph, self.single, specs)

    def run(self, setting: Setting, progress: StageProgress | None = None, client: Client | None = None) -> Trial:
        """Convert, quantise, simulate, and map if there is a mapper; integers out of range give a trial with that error.

        With a client, the images are simulated on the workers of a cluster.
        """
        started = time.perf_counter()
        try:
            network, seconds = self.conversions.network(setting)
            result = simulate(network, self.images if setting.is_stream else self.single, progress=progress, client=client)
            logits = logits_of_images(result.logits) if setting.is_stream else result.logits
            beside = self._beside_whole(setting, logits, float(result.events.mean()))
        except RangeError as error:
            return Trial(self.key(setting), setting, error=str(error))
        bits, weights = weight_memory(network)
        events = costs(result, network)
        scores = self.scorer.scores(logits, self.cnn_logits)
        agreement = self.scorer.agreement(scores)
        figures = Figures(
            images=result.images,
            accuracy=self.scorer.accuracy(logits),
            ann_accuracy=self.scorer.accuracy(self.cnn_logits),
            agreement=agreement,
            kept_variance=self.scorer.kept_variance(scores) if agreement is None else None,
            **_others(scores[0]),
            synaptic_bits=bits,
            average_bits=bits / max(weights, 1),
            synops_per_image=events.synops,
            input_macs_per_image=events.input_macs,
            graded_synops_per_image=events.graded_synops,
            payload_bits_per_image=events.payload_bits,
            spikes_per_image=events.spikes,
            updates_per_image=int(events.updates),
            latency_steps=result.latency_steps,
            saturated=sum(result.saturated_low.values()) + sum(result.saturated_high.values()),
            energy_low_uj_per_image=events.energy_low_uj,
            energy_high_uj_per_image=events.energy_high_uj,
            network_digest=network.digest,
            seconds=round(time.perf_counter() - started, 3),
            conversion_seconds=round(seconds, 3),
            **beside,
        )
        mapped = None if self.mapper is None else self.mapper(network, self._mapped_images(setting))
        return Trial(self.key(setting), setting, figures, mapped=mapped)

    def _beside_whole(self, setting: Setting, logits: Outputs, events: float) -> dict[str, float | None]:
        """Return what a network on frames errs and takes beside the network that sends every frame whole."""
        if not self.frames:
            return {}
        if setting.unstreamed not in self._whole:
            if setting.is_stream:
                whole = simulate(self.conversions.network(setting.unstreamed)[0], self.single)
                self._whole[setting.unstreamed] = whole.logits, float(whole.events.mean())
            else:
                self._whole[setting] = logits, events
        reference, all_events = self._whole[setting.unstreamed]
        return {"output_error": output_error(logits, reference), "share_of_events": events / max(all_events, 1.0)}

    def _mapped_images(self, setting: Setting) -> Images:
        """Return the images that a mapper prices: of sequences the first frames of the first one."""
        if setting.is_stream:
            return batch_part(self.images, (slice(1), slice(MAPPED_IMAGES_MAX)))
        return batch_part(self.single, slice(min(MAPPED_IMAGES_MAX, self.frames_each) if self.frames else MAPPED_IMAGES_MAX))


def _others(score: OutputScore) -> dict[str, float | None]:
    """Return the first output's figures against the CNN beside the agreement."""
    found = score.against_cnn or {}
    shown = ("mean_iou",) if score.task == "maps" else ("relative_rms_error", "correlation") if score.task == "regression" else ()
    return {name: found.get(name) for name in shown}


def weight_memory(network: QuantisedNetwork) -> tuple[int, int]:
    """Return the bits of all stored weights, each counted once at its width, and the number of weights."""
    sizes = [(p.geometry.kernel.size, p.bits) for p in network.projections]
    return sum(size * bits for size, bits in sizes), sum(size for size, _ in sizes)
