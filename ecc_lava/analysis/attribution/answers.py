"""Decisions and logits of a network held against the CNN's and the labels."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from ecc_lava.analysis.attribution.change import Change, Drift, Flips
from ecc_lava.common import Array, Float, Int, Outputs
from ecc_lava.errors import InvalidInput
from ecc_lava.scores import Scorer

__all__ = ["Answers", "Reference", "joined_answers"]


@dataclass(frozen=True, eq=False)
class Answers:
    """What a network answers to some of the images.

    Attributes
    ----------
    decisions : int64 array (M, N)
        M decisions for each image, over all outputs: one of classes, one a position of maps, one a label; none of outputs that are numbers.
    errors : float64 array (N,)
        Share of each image in the mean square error of the logits, relative to the variance of the CNN's logits.
    """

    decisions: Int
    errors: Float

    @property
    def error(self) -> float:
        """Share of these images in the mean square error."""
        return float(self.errors.sum())


def joined_answers(parts: Sequence[Answers]) -> Answers:
    """Return the answers to all images from the answers to batches."""
    return Answers(np.concatenate([p.decisions for p in parts], axis=1), np.concatenate([p.errors for p in parts]))


def _outputs(logits: Outputs) -> list[Array]:
    return list(logits.values()) if isinstance(logits, Mapping) else [logits]


class Reference:
    """The CNN's logits and, if there are any, the labels.

    Parameters
    ----------
    logits : array (N, K), or a dict of them by output
    scorer : Scorer
        The tasks of the outputs, and the labels of the first.

    Raises
    ------
    InvalidInput
        If all logits of an output are the same, so that nothing can be lost.
    """

    def __init__(self, logits: Outputs, scorer: Scorer) -> None:
        self._logits, self._scorer = _outputs(logits), scorer
        self._scales = [float(array.var()) * array.size * len(self._logits) for array in self._logits]
        if not all(scale > 0 for scale in self._scales):
            raise InvalidInput("the CNN gives the same value at every output for all images: nothing can be lost, or told apart")
        self._targets = None
        if scorer.targets is not None and scorer.tasks[0].answers is not None:
            self._targets = scorer.targets.reshape(len(scorer.targets), -1).T
        self.own = self.answers(logits, slice(None))

    def answers(self, logits: Outputs, part: slice) -> Answers:
        """Return a network's answers to the images `part`.

        ``error = mean over outputs of sum (logit - CNN's)**2 / (N * K * var(CNN's))``
        """
        found = _outputs(logits)
        errors = [
            np.square(a - b[part], dtype=np.float64).sum(axis=1) / s for a, b, s in zip(found, self._logits, self._scales, strict=True)
        ]
        outputs = zip(found, self._scorer.tasks, self._scorer.outputs, strict=True)
        decided = [task.answers(array, output) for array, task, output in outputs if task.answers is not None]
        decisions = np.concatenate([*decided, np.empty((len(found[0]), 0), np.int64)], axis=1)
        return Answers(decisions.T, np.sum(errors, axis=0))

    @property
    def judged(self) -> int:
        """Number of decisions for each image that labels judge."""
        return 0 if self._targets is None else len(self._targets)

    def correct(self, answers: Answers) -> int | None:
        """Return the number of right decisions of the first output; None without labels, or where answers are numbers."""
        return None if self._targets is None else int(self._right(answers).sum())

    def agreeing(self, answers: Answers) -> int:
        """Return the number of decisions that equal the CNN's."""
        return int((answers.decisions == self.own.decisions).sum())

    def change(self, before: Answers, after: Answers) -> Change:
        """Return what is lost from one network to another."""
        growth = after.error - before.error
        if not self.own.decisions.size:
            each = (after.errors - before.errors) * len(after.errors)
            return Change(None, Drift(growth, float(each.std() / np.sqrt(len(each)))), growth)
        accuracy = None if self._targets is None else _flips(self._right(before), self._right(after))
        return Change(accuracy, _flips(before.decisions == self.own.decisions, after.decisions == self.own.decisions), growth)

    def _right(self, answers: Answers) -> Array:
        right: Array = answers.decisions[: self.judged] == self._targets
        return right


def _flips(before: Array, after: Array) -> Flips:
    return Flips(int((before & ~after).sum()), int((~before & after).sum()), before.size)
