"""One number of a chip and its source."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from ecc_lava.common import printable
from ecc_lava.errors import InvalidInput
from hw_mappings.chips.bounds import Bounds

__all__ = ["Figure", "assumed", "check_figure", "public"]

_LONGEST_SOURCE: Final = 2000
"""Most characters of a source; the longest of the built-in chips have some 200."""


@dataclass(frozen=True)
class Figure:
    """One number of a chip.

    Attributes
    ----------
    value : int or None
        None means "not limited"; for energies and times it means "not known".
    public : bool
        Whether the value is published; otherwise it is assumed.
    source : str
        The publication, or the reason for the assumption.
    """

    value: int | None
    public: bool
    source: str


def public(value: int, source: str) -> Figure:
    """Return a figure that `source` published."""
    return Figure(value, True, source)


def assumed(value: int | None, reason: str) -> Figure:
    """Return a figure that nobody published."""
    return Figure(value, False, reason)


def check_figure(where: str, figure: object, bounds: Bounds) -> None:
    """Check one figure.

    Raises
    ------
    InvalidInput
        If it is not a figure, has no source, or its value is not a whole number within its bounds.
    """
    if not isinstance(figure, Figure) or not isinstance(figure.public, bool):
        raise InvalidInput(f"{where} is {figure!r:.80}; it must be a figure with a value and its source")
    if not (isinstance(figure.source, str) and figure.source.strip()):
        raise InvalidInput(f"{where} does not name its source")
    if len(figure.source) > _LONGEST_SOURCE or printable(figure.source) != figure.source:
        raise InvalidInput(f"the source of {where} is no text of at most {_LONGEST_SOURCE} printable characters")
    if figure.value is None:
        if not bounds.may_be_none:
            raise InvalidInput(f"{where} is unlimited; it must be a number")
        return
    if type(figure.value) is not int or not bounds.least <= figure.value <= bounds.most:
        raise InvalidInput(f"{where} is {figure.value!r:.40}; it must be a whole number from {bounds.least} to {bounds.most}")
