"""An account of energy: events times prices, what their sum leaves out, and why there is none."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any, Final

__all__ = ["Account", "Charge"]

_UJ_PER_PJ: Final = 1e-6


@dataclass(frozen=True)
class Charge:
    """Events of one kind and their price.

    Attributes
    ----------
    part : str
        The part of the energy that the charge belongs to.
    words : str
    amount : float
        Mean number an image.
    low_pj, high_pj : float
        Picojoules of each, at least and at most.
    """

    part: str
    words: str
    amount: float
    low_pj: float
    high_pj: float

    @property
    def low_uj(self) -> float:
        """``amount * low_pj``, microjoules an image."""
        return self.amount * self.low_pj * _UJ_PER_PJ

    @property
    def high_uj(self) -> float:
        """``amount * high_pj``, microjoules an image."""
        return self.amount * self.high_pj * _UJ_PER_PJ


@dataclass(frozen=True)
class Account:
    """The energy of an image: ``sum over charges of amount * price``.

    Attributes
    ----------
    charges : tuple of Charge
        Empty if there is no energy.
    left_out : tuple of str
        What takes energy and is in no charge.
    why_none : str or None
        Why there is no energy, else None.
    """

    charges: tuple[Charge, ...]
    left_out: tuple[str, ...]
    why_none: str | None = None

    @property
    def low_uj(self) -> float | None:
        """The least sum, microjoules an image; None if there is no energy."""
        return None if self.why_none else sum(charge.low_uj for charge in self.charges)

    @property
    def high_uj(self) -> float | None:
        """The largest sum, microjoules an image; None if there is no energy."""
        return None if self.why_none else sum(charge.high_uj for charge in self.charges)

    def parts(self) -> dict[str, float]:
        """Return the largest energy of every part, microjoules an image."""
        found: dict[str, float] = {}
        for charge in self.charges:
            found[charge.part] = found.get(charge.part, 0.0) + charge.high_uj
        return found

    def as_dict(self) -> dict[str, Any]:
        """Return JSON values."""
        charges = [{**asdict(c), "uj": [c.low_uj, c.high_uj]} for c in self.charges]
        return {**asdict(self), "charges": charges, "low_uj": self.low_uj, "high_uj": self.high_uj}
