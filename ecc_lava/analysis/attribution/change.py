"""What one step costs: the decisions that flip, and how far the logits move."""

from __future__ import annotations

from dataclasses import dataclass
from math import sqrt
from typing import Any

__all__ = ["Change", "Drift", "Flips"]

CERTAIN = 3.0
"""Standard errors beyond which a loss is not chance; among dozens of layers, one often reaches two by chance."""


@dataclass(frozen=True)
class Flips:
    """Decisions that turn from good to bad in one step, and from bad to good.

    Attributes
    ----------
    lost, won : int
    of : int
        Number of decisions compared.
    """

    lost: int
    won: int
    of: int

    @property
    def net(self) -> int:
        """Good decisions before minus those after."""
        return self.lost - self.won

    @property
    def points(self) -> float:
        """The loss in percentage points."""
        return 100.0 * self.net / self.of

    @property
    def uncertainty(self) -> float:
        """Standard error of `points` from paired decisions, in percentage points: ``100 * sqrt(lost + won - net**2 / of) / of``."""
        return 100.0 * sqrt(self.lost + self.won - self.net**2 / self.of) / self.of

    @property
    def certain(self) -> bool:
        """Whether the loss is positive and at least `CERTAIN` times its standard error."""
        return self.net > 0 and self.points >= CERTAIN * self.uncertainty


@dataclass(frozen=True)
class Drift:
    """Outputs that are numbers and move away from the CNN's in one step.

    Attributes
    ----------
    net : float
        Growth of the mean square error, relative to the variance of the CNN's outputs.
    deviation : float
        Its standard error, from the images' own growths.
    """

    net: float
    deviation: float

    @property
    def points(self) -> float:
        """The loss in percent of the variance."""
        return 100.0 * self.net

    @property
    def uncertainty(self) -> float:
        """Standard error of `points`."""
        return 100.0 * self.deviation

    @property
    def certain(self) -> bool:
        """Whether the loss is positive and at least `CERTAIN` times its standard error."""
        return self.net > 0 and self.net >= CERTAIN * self.deviation


@dataclass(frozen=True)
class Change:
    """What one step costs: the difference of two networks on the same images.

    Attributes
    ----------
    accuracy : Flips or None
        Flips of right decisions of the first output; None without labels, or where all outputs are numbers.
    agreement : Flips, or Drift where all outputs are numbers
        Flips of decisions that equal the CNN's, over all outputs.
    error : float
        Growth of the mean square error of the logits, relative to the variance of the CNN's logits.
    """

    accuracy: Flips | None
    agreement: Flips | Drift
    error: float

    @property
    def flips(self) -> Flips | Drift:
        """Flips of accuracy, or without labels flips of agreement."""
        return self.accuracy or self.agreement

    @property
    def points(self) -> float:
        """The loss in percentage points, of accuracy or without labels of agreement."""
        return self.flips.points

    @property
    def certain(self) -> bool:
        """Whether something is lost, and the loss of accuracy or of agreement is beyond chance."""
        return self.flips.net > 0 and (self.flips.certain or self.agreement.certain)

    @property
    def weight(self) -> tuple[float, float, float]:
        """The key that compares steps and layers: the loss if it is certain, then the loss of agreement if it matters, then the error."""
        return self.flips.net if self.certain else 0, self.agreement.net if self.matters else 0, self.error

    @property
    def matters(self) -> bool:
        """Whether accuracy is lost beyond chance, or agreement is and no accuracy is won."""
        return self.certain or (self.agreement.certain and self.flips.net >= 0)

    def as_dict(self) -> dict[str, Any]:
        """Return JSON values."""
        flips = self.flips if isinstance(self.flips, Flips) else None
        return {
            "accuracy_points": None if self.accuracy is None else self.accuracy.points,
            "agreement_points": self.agreement.points,
            "uncertainty_points": self.flips.uncertainty,
            "lost": None if flips is None else flips.lost,
            "won": None if flips is None else flips.won,
            "logit_error": self.error,
        }
