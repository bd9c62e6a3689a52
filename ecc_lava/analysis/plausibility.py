"""Whether the CNN's own answers are plausible: what a wrong scale of the images or wrong labels leave to be seen."""

from __future__ import annotations

from collections.abc import Sequence
from math import sqrt
from typing import Any

import numpy as np

from ecc_lava.common import Array, Images, Outputs, output_of
from ecc_lava.errors import InvalidInput
from ecc_lava.graph import Graph, doubts_of_scale, forward
from ecc_lava.inputs import (
    ImageSource,
    InputSpec,
    as_batch,
    batch_part,
    batch_size,
    by_input,
    elsewhere,
    input_ranges,
    model_images,
    model_inputs,
    remedy,
)
from ecc_lava.networks import QuantisedNetwork
from ecc_lava.scores import Scorer

__all__ = ["doubts", "doubts_of_labels", "doubts_of_run"]

GOOD = 0.75
"""Accuracy from which on the CNN's answers are not doubted."""

IMAGES = 48
"""Most images on which the CNN tries other scales; it takes a tenth of a second for each of a large CNN."""

ENOUGH = 32
"""Images from which on chance can be told from knowledge."""

CERTAIN = 3.0
"""Standard errors by which another scale must be better."""

NOTABLE = 0.1
"""Accuracy by which another scale must be better."""


def doubts(graph: Graph, x: Images | ImageSource, inputs: Sequence[InputSpec], scorer: Scorer, cnn: Outputs) -> tuple[str, ...]:
    """Return what makes the CNN's answers implausible, each with the likely remedy.

    The statistics of training contradict the images; another usual scale of the images makes the CNN better by more than chance; labels
    fit better if 1 is subtracted; or the CNN is at chance. The last three need labels of classes, and say nothing of a CNN that is right
    on three of four images.

    Parameters
    ----------
    graph : Graph
    x : arrays by input name
    inputs : the network's inputs
    scorer : Scorer
        With the labels of x.
    cnn : the CNN's logits of x
    """
    return doubts_of_scale(graph, x, any(spec.events for spec in inputs)) or _of_labels(graph, x, inputs, scorer, cnn)


def doubts_of_labels(graph: Graph, x: Images, labels: Array | None, inputs: Sequence[InputSpec]) -> tuple[str, ...]:
    """Return what labels of calibration images say against these or themselves, where the images' scale alone raises no doubt."""
    few = batch_part(by_input(x, inputs), slice(IMAGES))
    if labels is None or doubts_of_scale(graph, few, any(spec.events for spec in inputs)):
        return ()
    try:
        scorer = Scorer(graph, labels=labels[:IMAGES], samples=batch_size(few))
    except InvalidInput as error:
        return (f"the calibration images' labels, which conversion does not use, cannot be right: {error}",)
    return _of_labels(graph, few, inputs, scorer, forward(graph, model_images(few, inputs)))


def _of_labels(graph: Graph, x: Images | ImageSource, inputs: Sequence[InputSpec], scorer: Scorer, cnn: Outputs) -> tuple[str, ...]:
    """Return what labels of classes say against the images or themselves."""
    if scorer.targets is None or scorer.tasks[0].name != "classes":
        return ()
    name, labels = scorer.outputs[0].name, scorer.targets
    classes = output_of(cnn, name).argmax(axis=1)
    right = classes == labels
    if right.mean() >= GOOD:
        return ()
    told = _told_by_scale(graph, x, inputs, name, labels, right) or _told_by_shift(classes, labels, right)
    chance = 1 / scorer.outputs[0].size
    if told or len(labels) < ENOUGH or right.mean() >= chance + 2 * sqrt(chance * (1 - chance) / len(labels)):
        return (told,) if told else ()
    return (
        f"the CNN itself is right on {_percent(right)} of {len(labels)} images, no more than chance among {scorer.outputs[0].size} "
        "classes: compare the images' scale, layout and order of labels with training",
    )


def doubts_of_run(
    network: QuantisedNetwork, graph: Graph, x: Images | ImageSource, labels: Array | None, accuracy: float | None, task: Any = None
) -> tuple[str, ...]:
    """Return what makes a network's answers implausible, as `doubts`, from a few of its images.

    Parameters
    ----------
    network : QuantisedNetwork
    graph : Graph
        The CNN, which runs only if the network's accuracy is poor.
    x : array (N, H, W, C), or arrays by input name
    labels : array, optional
    accuracy : float or None
        The network's own.
    task : optional
        As `check` takes it.
    """
    specs = network.input_specs
    few = by_input(batch_part(x, slice(IMAGES)), specs)
    if labels is None or accuracy is None or accuracy >= GOOD:
        return doubts_of_scale(graph, few, any(spec.events for spec in specs))
    scorer = Scorer(network, graph, labels[:IMAGES], batch_size(few), task)
    return doubts(graph, few, specs, scorer, forward(graph, model_images(few, specs)))


def _told_by_scale(graph: Graph, x: Images | ImageSource, inputs: Sequence[InputSpec], name: str, labels: Array, right: Array) -> str:
    """Return that the CNN does better on images of another scale, or nothing."""
    if len(inputs) > 1 or inputs[0].events:
        return ""
    few, spec = min(IMAGES, batch_size(x)), inputs[0]
    part = batch_part(x, slice(few))
    stored = as_batch(part, inputs)
    images = model_inputs(part, inputs)[spec.name]
    tried = {}
    for scale, moved in elsewhere(images).items():
        logits = forward(graph, np.moveaxis(moved, -1, 1) if spec.channels_first else moved)
        tried[scale] = output_of(logits, name).argmax(axis=1) == labels[:few]
    best = max(tried, key=lambda scale: tried[scale].sum(), default=None)
    if best is None or not _better(right[:few], tried[best]):
        return ""
    how = remedy(stored[spec.name].dtype, input_ranges(stored, inputs)[0], best, spec.uint8_scale)
    return (
        f"the CNN itself is right on {_percent(right[:few])} of {few} images as they are scaled, and on {_percent(tried[best])} if they "
        f"lie in {best}: {how}"
    )


def _told_by_shift(classes: Array, labels: Array, right: Array) -> str:
    if not len(labels) or labels.min() < 1 or not _better(right, classes == labels - 1):
        return ""
    return (
        f"the CNN itself is right on {_percent(right)} of the images, and on {_percent(classes == labels - 1)} if 1 is taken off the labels"
    )


def _better(before: Array, after: Array) -> bool:
    """Whether paired answers are better by more than chance and by a notable amount."""
    won, lost = int((after & ~before).sum()), int((before & ~after).sum())
    return won - lost >= max(CERTAIN * sqrt(won + lost), NOTABLE * len(before), 1)


def _percent(right: Array) -> str:
    return f"{100 * right.mean():.0f} %"
