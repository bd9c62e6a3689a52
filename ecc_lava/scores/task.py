"""What a score is: one output of a network, the task that it serves, and figures that compare answers."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from math import prod
from typing import Final, Literal, TypeAlias

from ecc_lava.common import Array, Float, Shape

__all__ = ["MEASURES", "Measure", "Measured", "Output", "Task"]


@dataclass(frozen=True)
class Output:
    """One output of a network.

    Attributes
    ----------
    name : str
    shape : (H, W, C)
    final : {"softmax", "sigmoid", None}
        The function that the model ends in; logits are reported before it. None too where the CNN is not known.
    like_input : bool
        Whether it has as many numbers as an input, as an autoencoder's output does.
    """

    name: str
    shape: Shape
    final: Literal["softmax", "sigmoid"] | None = None
    like_input: bool = False

    @property
    def is_vector(self) -> bool:
        """Whether it has one position."""
        return self.shape[:2] == (1, 1)

    @property
    def size(self) -> int:
        """Numbers of one sample."""
        return prod(self.shape)


Measured: TypeAlias = dict[str, "float | None"]
"""Name of a figure -> its value; None where it is not defined, such as a correlation with a constant."""


@dataclass(frozen=True)
class Measure:
    """One number that compares two networks' answers, or answers with labels.

    Attributes
    ----------
    title : str
    higher : bool
        Whether more is better.
    is_share : bool
        Whether it is shown in percent.
    """

    title: str
    higher: bool
    is_share: bool


MEASURES: Final[Mapping[str, Measure]] = {
    "accuracy": Measure("accuracy", True, True),
    "agreement": Measure("agreement", True, True),
    "mean_iou": Measure("mean IoU", True, True),
    "relative_rms_error": Measure("relative RMS error", False, False),
    "correlation": Measure("correlation", True, False),
}
"""Name -> figure. All tasks take their figures from here."""


@dataclass(frozen=True)
class Task:
    """What an output is for, and how answers are compared. Logits are float arrays (N, H*W*C).

    Attributes
    ----------
    name : str
    targets : callable (labels, number of samples, Output) -> array
        Checks labels as users bring them and brings them to the task's form; raises `InvalidInput`.
    against_cnn : callable (logits, the CNN's logits, Output) -> Measured
    against_labels : callable (logits, targets, Output) -> Measured
    answers : callable (logits, Output) -> integer array (N, M), or None
        The decisions that agree or differ one by one; None where answers are numbers.
    limits : mapping of figure names to values
        Limits of figures against the CNN that hold unless a caller gives others.
    """

    name: str
    targets: Callable[[Array, int, Output], Array]
    against_cnn: Callable[[Float, Float, Output], Measured]
    against_labels: Callable[[Float, Array, Output], Measured]
    answers: Callable[[Array, Output], Array] | None
    limits: Mapping[str, float]
