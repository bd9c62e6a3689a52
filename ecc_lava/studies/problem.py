"""One model and its images, which all trials of a study share, and the run of one trial."""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np

from ecc_lava.analysis import costs
from ecc_lava.backends import agreement, largest_logit, simulate
from ecc_lava.common import Array, Images, Outputs, StageProgress, first_output
from ecc_lava.errors import InvalidInput, RangeError
from ecc_lava.graph import forward
from ecc_lava.inputs import batch_part, batch_size, digest, model_images
from ecc_lava.networks import QuantisedNetwork
from ecc_lava.studies.conversions import Conversions
from ecc_lava.studies.settings import Setting
from ecc_lava.studies.trials.trial import Figures, Mapped, Trial
from ecc_lava.version import __version__

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
    images : array (N, H, W, C), or arrays by input name
        Events are (N, T, H, W, C).
    labels : int array (N,) or None
        Of the first output.
    mapper : Mapper or None
    mapper_name : str
        Tells this mapper from others; it is part of every trial's key.
    events : bool
        Whether the images are events, which the coding of that name takes.
    """

    conversions: Conversions
    images: Images
    labels: Array | None = None
    mapper: Mapper | None = None
    mapper_name: str = ""
    events: bool = False

    def __post_init__(self) -> None:
        if self.labels is not None and np.shape(self.labels) != (batch_size(self.images),):
            raise InvalidInput(f"labels of shape {np.shape(self.labels)} for {batch_size(self.images)} images")

    def part(self, part: slice, labelled: bool = True) -> Problem:
        """Return the problem on a part of the images, with labels or without, and with the same conversions."""
        labels = None if self.labels is None or not labelled else self.labels[part]
        return replace(self, images=batch_part(self.images, part), labels=labels)

    @cached_property
    def context(self) -> dict[str, Any]:
        """Digests of everything but the setting that affects a trial's figures."""
        made = self.conversions
        return {
            "package": __version__,
            "model": made.graph.digest,
            "calibration": digest(made.calibration),
            "data": digest(self.images),
            "labels": None if self.labels is None else digest(self.labels),
            "seed": made.seed,
            "mapper": self.mapper_name,
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
        text = json.dumps([known, self.context_digest], sort_keys=True)
        return hashlib.sha256(text.encode()).hexdigest()

    @cached_property
    def cnn_predictions(self) -> Outputs:
        """The CNN's predictions."""
        graph = self.conversions.graph
        specs = [spec._replace(events=self.events) for spec in graph.input_specs]
        return largest_logit(forward(graph, model_images(self.images, specs)))

    def run(self, setting: Setting, progress: StageProgress | None = None) -> Trial:
        """Convert, quantise, simulate, and map if there is a mapper; integers out of range give a trial with that error."""
        started = time.perf_counter()
        try:
            network, seconds = self.conversions.network(setting)
            result = simulate(network, self.images, progress=progress)
        except RangeError as error:
            return Trial(self.key(setting), setting, error=str(error))
        bits, weights = weight_memory(network)
        events = costs(result, network)
        samples = batch_size(self.images)
        figures = Figures(
            images=samples,
            accuracy=self._accuracy(result.predictions),
            ann_accuracy=self._accuracy(self.cnn_predictions),
            agreement=agreement(result.predictions, self.cnn_predictions),
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
        )
        mapped = None if self.mapper is None else self.mapper(network, batch_part(self.images, slice(MAPPED_IMAGES_MAX)))
        return Trial(self.key(setting), setting, figures, mapped=mapped)

    def _accuracy(self, predictions: Outputs) -> float | None:
        return None if self.labels is None else float((first_output(predictions) == self.labels).mean())


def weight_memory(network: QuantisedNetwork) -> tuple[int, int]:
    """Return the bits of all stored weights, each counted once at its width, and the number of weights."""
    sizes = [(p.geometry.kernel.size, p.bits) for p in network.projections]
    return sum(size * bits for size, bits in sizes), sum(size for size, _ in sizes)
