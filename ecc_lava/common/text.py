"""Text from files on its way to a terminal, a page or a table: what may be a name, and how other characters are shown."""

from __future__ import annotations

from typing import Final

from ecc_lava.errors import InvalidNetwork

__all__ = ["NAME_CHARACTERS_MAX", "as_cell", "as_message", "check_name", "printable"]

NAME_CHARACTERS_MAX: Final = 1000
"""Most characters of a name in a file; names of nested layers are joined, so that honest ones may be long."""

LINE_CHARACTERS_MAX: Final = 2000
"""Most characters of a line of a message."""

_FORMULA: Final = ("=", "+", "-", "@", "\t", "\r")
"""How a text begins that a spreadsheet computes."""


def printable(text: str) -> str:
    """Return a text in which all but printable characters and line breaks is escaped: control characters, marks of direction, surrogates.

    Text that is a subclass of str keeps its type, if it needs no escape.
    """
    if text.isprintable():
        return text
    return "".join(c if c.isprintable() or c == "\n" else c.encode("unicode_escape", "backslashreplace").decode() for c in text)


def as_message(text: str) -> str:
    """Return a message as a terminal shows it: printable, and with lines that quote a file cut short."""
    return "\n".join(
        line if len(line) <= LINE_CHARACTERS_MAX else f"{line[:LINE_CHARACTERS_MAX]}..." for line in printable(text).split("\n")
    )


def check_name(what: str, name: object) -> None:
    """Check a name that a file may have given.

    Raises
    ------
    InvalidNetwork
        Unless it is text of 1 to `NAME_CHARACTERS_MAX` printable Unicode characters.
    """
    if not isinstance(name, str) or not 1 <= len(name) <= NAME_CHARACTERS_MAX or not name.isprintable():
        raise InvalidNetwork(f"{what} is named {name!a:.80}; a name is 1 to {NAME_CHARACTERS_MAX} printable characters. Rename it")


def as_cell(value: object) -> object:
    """Return a value as a cell of a table that a spreadsheet may open: a text that begins as a formula is quoted, others are printable."""
    if not isinstance(value, str):
        return value
    shown = printable(value)
    return f"'{shown}" if value.startswith(_FORMULA) else shown
