"""Text from files on its way to a terminal, a page or a table: what may be a name, and how other characters are shown."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from ecc_lava.errors import InvalidNetwork, as_message, printable

__all__ = ["NAME_CHARACTERS_MAX", "as_cell", "as_message", "by_reason", "check_name", "printable"]

NAME_CHARACTERS_MAX: Final = 1000
"""Most characters of a name in a file; names of nested layers are joined, so that honest ones may be long."""

_NAMED_MAX: Final = 4
"""How many names a line has; the others are counted."""

_FORMULA: Final = ("=", "+", "-", "@", "\t", "\r")
"""How a text begins that a spreadsheet computes."""


def check_name(what: str, name: object) -> None:
    """Check a name that a file may have given.

    Raises
    ------
    InvalidNetwork
        Unless it is text of 1 to `NAME_CHARACTERS_MAX` printable Unicode characters.
    """
    if not isinstance(name, str) or not 1 <= len(name) <= NAME_CHARACTERS_MAX or not name.isprintable():
        raise InvalidNetwork(f"{what} is named {name!a:.80}; a name is 1 to {NAME_CHARACTERS_MAX} printable characters. Rename it")


def by_reason(reasons: Iterable[tuple[str, str]]) -> list[str]:
    """Return a line for every distinct reason, with the names that it holds for: ``a, b and 3 more: why``."""
    names: dict[str, list[str]] = {}
    for name, reason in reasons:
        names.setdefault(reason, []).append(name)
    return [
        ", ".join(of[:_NAMED_MAX]) + (f" and {len(of) - _NAMED_MAX} more" if len(of) > _NAMED_MAX else "") + f": {reason}"
        for reason, of in names.items()
    ]


def as_cell(value: object) -> object:
    """Return a value as a cell of a table that a spreadsheet may open: a text that begins as a formula is quoted, others are printable."""
    if not isinstance(value, str):
        return value
    shown = printable(value)
    return f"'{shown}" if value.startswith(_FORMULA) else shown
