"""Scores of a network's outputs against the CNN and against labels, and the limits that they must keep."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import isnan
from typing import Any

import numpy as np

from ecc_lava.common import Array, Outputs, output_of
from ecc_lava.errors import InvalidInput
from ecc_lava.graph import Graph
from ecc_lava.networks import QuantisedNetwork, SpikingNetwork
from ecc_lava.scores.table import outputs_of, tasks_of
from ecc_lava.scores.task import MEASURES, Measured, Output, Task

__all__ = ["OutputScore", "Scorer", "check_labels"]


@dataclass(frozen=True)
class OutputScore:
    """One output's figures.

    Attributes
    ----------
    output, task : str
    against_cnn : dict of str to float or None; None without the CNN
    against_labels, cnn_against_labels : likewise; None without labels
        Of the network, and of the CNN.
    """

    output: str
    task: str
    against_cnn: Measured | None
    against_labels: Measured | None
    cnn_against_labels: Measured | None


class Scorer:
    """Scores outputs of one network by their tasks.

    Parameters
    ----------
    network : network or Graph
    graph : Graph, optional
        The CNN, which says what the outputs end in.
    labels : array, optional
        Labels of the first output, as users bring them.
    samples : int
        Number of images.
    task : str, or a mapping of output names to names of tasks, optional
        Tasks in place of those that the outputs show.

    Raises
    ------
    InvalidInput
        If labels do not fit their output, or there is no such task.
    """

    def __init__(
        self,
        network: QuantisedNetwork | SpikingNetwork | Graph,
        graph: Graph | None = None,
        labels: Any = None,
        samples: int = 0,
        task: str | Mapping[str, str] | None = None,
    ) -> None:
        self.outputs: tuple[Output, ...] = outputs_of(network, graph)
        given = None if labels is None else np.asarray(labels)
        if given is not None and (given.ndim < 1 or len(given) != samples):
            raise InvalidInput(f"labels of shape {given.shape} for {samples} images")
        self.tasks: tuple[Task, ...] = tasks_of(self.outputs, given, task)
        self.targets: Array | None = None if given is None else self.tasks[0].targets(given, samples, self.outputs[0])

    def against_labels(self, logits: Outputs) -> Measured | None:
        """Return the first output's figures against the labels; None without labels."""
        if self.targets is None:
            return None
        output = self.outputs[0]
        return self.tasks[0].against_labels(output_of(logits, output.name), self.targets, output)

    def over_time(self, logits: Array) -> dict[str, list[float | None]]:
        """Return the first output's figures against the labels after each step, from its logits (N, T, K); none without labels."""
        name = self.outputs[0].name
        steps = [self.against_labels({name: logits[:, t]}) or {} for t in range(logits.shape[1])]
        return {figure: [step[figure] for step in steps] for figure in steps[0]}

    def accuracy(self, logits: Outputs | None) -> float | None:
        """Return the share of right answers of the first output; None without labels, or where answers are numbers."""
        found = None if logits is None else self.against_labels(logits)
        return None if found is None else found.get("accuracy")

    def scores(self, logits: Outputs, cnn: Outputs | None) -> tuple[OutputScore, ...]:
        """Return every output's figures."""
        found = []
        for index, (output, task) in enumerate(zip(self.outputs, self.tasks, strict=True)):
            own = output_of(logits, output.name)
            held = None if cnn is None else task.against_cnn(own, output_of(cnn, output.name), output)
            right = self.against_labels(logits) if index == 0 else None
            cnns = self.against_labels(cnn) if index == 0 and cnn is not None else None
            found.append(OutputScore(output.name, task.name, held, right, cnns))
        return tuple(found)

    def agreement(self, scores: Sequence[OutputScore]) -> float | None:
        """Return the mean agreement with the CNN of the outputs that have one."""
        found = [s.against_cnn["agreement"] for s in scores if s.against_cnn is not None and "agreement" in s.against_cnn]
        shares = [share for share in found if share is not None]
        return float(np.mean(shares)) if shares else None

    def kept(self, scores: Sequence[OutputScore]) -> float:
        """Return how much of the CNN is kept, 0 to 1: the agreement, or where all outputs are numbers the share of their variance.

        The share is ``1 - (relative RMS error)**2``, and 0 where an answer is no better than the mean.
        """
        share = self.agreement(scores)
        return self.kept_variance(scores) if share is None else share

    def kept_variance(self, scores: Sequence[OutputScore]) -> float:
        """Return the share of the CNN's variance that outputs of numbers keep, their mean; see `kept`."""
        errors = [s.against_cnn.get("relative_rms_error") for s in scores if s.against_cnn is not None]
        return float(np.mean([0.0 if error is None else max(0.0, 1.0 - error**2) for error in errors]))

    def failures(self, scores: Sequence[OutputScore], limits: Mapping[str, float] | None = None) -> tuple[str, ...]:
        """Return a sentence for every figure against the CNN that breaks its limit.

        Parameters
        ----------
        scores : sequence of OutputScore
        limits : mapping of figure names to values, optional
            In place of the tasks' own limits; see `check_limits`.
        """
        wanted, said = dict(limits or {}), []
        for score, task in zip(scores, self.tasks, strict=True):
            for name, limit in (dict(task.limits) | wanted).items():
                value = None if score.against_cnn is None else score.against_cnn.get(name)
                figure = MEASURES[name]
                if value is not None and (value < limit if figure.higher else not value <= limit):
                    beyond = "less" if figure.higher else "more"
                    said.append(f"output {score.output!r}: {figure.title} against the CNN is {value:.4g}, {beyond} than {limit:g}")
        return tuple(said)

    def check_limits(self, limits: Mapping[str, float], cnn: Outputs | None) -> None:
        """Check limits before anything runs.

        Raises
        ------
        InvalidInput
            If no output has such a figure, a limit is no number, or there is no CNN to compare with.
        """
        scores = () if cnn is None else self.scores(cnn, cnn)
        known = list(dict.fromkeys(name for score in scores for name in score.against_cnn or ()))
        for name, limit in limits.items():
            if isnan(limit):
                raise InvalidInput(f"the limit of {name} is {limit}; a number is needed")
            if not known:
                raise InvalidInput(f"a limit of {name} compares with the CNN, which is not given; convert the model again")
            if name not in known:
                tasks = ", ".join(dict.fromkeys(score.task for score in scores))
                raise InvalidInput(f"there is no {name} to limit; outputs of the task {tasks} have {', '.join(known)}")


def check_labels(network: QuantisedNetwork | SpikingNetwork | Graph, labels: Any, task: str | Mapping[str, str] | None = None) -> None:
    """Check labels of the first output, as many as there are; errors as for `Scorer`."""
    Scorer(network, labels=labels, samples=len(labels), task=task)
