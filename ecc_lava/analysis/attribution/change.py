"""What one step costs: the predictions that flip, and how far the logits move."""

from __future__ import annotations

from dataclasses import dataclass
from math import sqrt
from typing import Any

__all__ = ["Change", "Flips"]

CERTAIN = 3.0
"""A loss of that many standard errors is not chance; of dozens of layers one often reaches two."""


@dataclass(frozen=True)
class Flips:
    """Predictions that were good before a step and are not after it, and the other way round.

    Attributes
    ----------
    lost, won : int
    of : int
        Predictions compared.
    """

    lost: int
    won: int
    of: int

    @property
    def net(self) -> int:
        """Good predictions before minus those after."""
        return self.lost - self.won

    @property
    def points(self) -> float:
        """The loss in percentage points."""
        return 100.0 * self.net / self.of

    @property
    def uncertainty(self) -> float:
        """Standard error of `points` for a sample of images, of paired predictions: ``sqrt(lost + won - net**2 / of) / of``."""
        return 100.0 * sqrt(self.lost + self.won - self.net**2 / self.of) / self.of

    @property
    def certain(self) -> bool:
        """Whether something is lost, and at least `CERTAIN` times its standard error."""
        return self.net > 0 and self.points >= CERTAIN * self.uncertainty


@dataclass(frozen=True)
class Change:
    """What one step costs: the difference of two networks on the same images.

    Attributes
    ----------
    accuracy : Flips or None
        Of right predictions, of the first output; None without labels.
    agreement : Flips
        Of predictions that are the CNN's, over all outputs.
    error : float
        Growth of the mean square error of the logits, relative to the variance of the CNN's.
    """

    accuracy: Flips | None
    agreement: Flips
    error: float

    @property
    def flips(self) -> Flips:
        """Those of accuracy, or without labels those of agreement."""
        return self.accuracy or self.agreement

    @property
    def points(self) -> float:
        """The loss in percentage points, of accuracy or without labels of agreement."""
        return self.flips.points

    @property
    def certain(self) -> bool:
        """Whether something is lost, and accuracy or agreement more than chance takes."""
        return self.flips.net > 0 and (self.flips.certain or self.agreement.certain)

    @property
    def weight(self) -> tuple[int, int, float]:
        """What steps and layers are compared by: the loss where it is certain, then agreement's where that is, then the logits' error."""
        return self.flips.net if self.certain else 0, self.agreement.net if self.matters else 0, self.error

    @property
    def matters(self) -> bool:
        """Whether anything is lost beyond chance: accuracy, or agreement and no accuracy won."""
        return self.certain or (self.agreement.certain and self.flips.net >= 0)

    def as_dict(self) -> dict[str, Any]:
        """Return JSON values."""
        return {
            "accuracy_points": None if self.accuracy is None else self.accuracy.points,
            "agreement_points": self.agreement.points,
            "uncertainty_points": self.flips.uncertainty,
            "lost": self.flips.lost,
            "won": self.flips.won,
            "logit_error": self.error,
        }
