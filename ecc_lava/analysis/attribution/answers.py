"""Predictions and logits of a network held against the CNN's and the labels."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from ecc_lava.analysis.attribution.change import Change, Flips
from ecc_lava.common import Array, Int, Outputs
from ecc_lava.errors import InvalidInput

__all__ = ["Answers", "Reference", "joined_answers"]


@dataclass(frozen=True, eq=False)
class Answers:
    """What a network answers to some of the images.

    Attributes
    ----------
    predictions : int64 array (outputs, N)
    error : float
        Share of these images in the mean square error of the logits, relative to the variance of the CNN's logits.
    """

    predictions: Int
    error: float


def joined_answers(parts: Sequence[Answers]) -> Answers:
    """Return the answers to all images from the answers to batches."""
    return Answers(np.concatenate([p.predictions for p in parts], axis=1), float(sum(p.error for p in parts)))


def _outputs(logits: Outputs) -> list[Array]:
    return list(logits.values()) if isinstance(logits, Mapping) else [logits]


class Reference:
    """The CNN's logits and, if there are any, the labels.

    Parameters
    ----------
    logits : array (N, K), or a dict of them by output
    labels : int array (N,), optional
        Labels of the first output.

    Raises
    ------
    InvalidInput
        If all logits of an output are the same, so that nothing can be lost.
    """

    def __init__(self, logits: Outputs, labels: Array | None) -> None:
        self._logits, self._labels = _outputs(logits), labels
        self._scales = [float(array.var()) * array.size * len(self._logits) for array in self._logits]
        if not all(scale > 0 for scale in self._scales):
            raise InvalidInput("the CNN gives the same value at every output for all images: nothing can be lost, or told apart")
        self.own = self.answers(logits, slice(None))

    def answers(self, logits: Outputs, part: slice) -> Answers:
        """Return a network's answers to the images `part`.

        ``error = mean over outputs of sum (logit - CNN's)**2 / (N * K * var(CNN's))``
        """
        found = _outputs(logits)
        squares = (
            float(np.square(a - b[part], dtype=np.float64).sum()) / s for a, b, s in zip(found, self._logits, self._scales, strict=True)
        )
        return Answers(np.stack([array.argmax(axis=1) for array in found]), sum(squares))

    def correct(self, answers: Answers) -> int | None:
        """Return the number of right predictions of the first output; None without labels."""
        return None if self._labels is None else int(self._right(answers).sum())

    def agreeing(self, answers: Answers) -> int:
        """Return the number of predictions that equal the CNN's."""
        return int((answers.predictions == self.own.predictions).sum())

    def change(self, before: Answers, after: Answers) -> Change:
        """Return what is lost from one network to another."""
        accuracy = None if self._labels is None else _flips(self._right(before), self._right(after))
        agreement = _flips(before.predictions == self.own.predictions, after.predictions == self.own.predictions)
        return Change(accuracy, agreement, after.error - before.error)

    def _right(self, answers: Answers) -> Array:
        right: Array = answers.predictions[0] == self._labels
        return right


def _flips(before: Array, after: Array) -> Flips:
    return Flips(int((before & ~after).sum()), int((~before & after).sum()), before.size)
