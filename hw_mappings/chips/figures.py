"""One number of a chip, with where it comes from."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from ecc_lava.errors import InvalidInput

__all__ = ["Figure", "assumed", "check_figure", "public"]

_LARGEST: Final = 2**48
"""No figure of any chip comes near it: a larger one is a slip of the pen."""


@dataclass(frozen=True)
class Figure:
    """One number of a chip.

    Attributes
    ----------
    value : int or None
        None is "not limited", or "not known" of energies and times.
    public : bool
        Whether somebody published it; otherwise it is assumed.
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


def check_figure(where: str, figure: object, may_be_none: bool, lowest: int) -> None:
    """Check one figure.

    Raises
    ------
    InvalidInput
        If it is none, has no source, or is no whole number from `lowest` on.
    """
    if not isinstance(figure, Figure) or not isinstance(figure.public, bool):
        raise InvalidInput(f"{where} is {figure!r}; it must be a figure with a value and its source")
    if not (isinstance(figure.source, str) and figure.source.strip()):
        raise InvalidInput(f"{where} does not say where it comes from")
    if figure.value is None:
        if not may_be_none:
            raise InvalidInput(f"{where} is unlimited; it must be a number")
        return
    if type(figure.value) is not int or not lowest <= figure.value <= _LARGEST:
        raise InvalidInput(f"{where} is {figure.value!r}; it must be a whole number from {lowest} to {_LARGEST}")
