"""The table of supported layers and operations that the README shows, derived from the table of handlers."""

from __future__ import annotations

import sys
from itertools import chain

from ecc_lava.importers.keras.call import Handler
from ecc_lava.importers.keras.table import HANDLERS, OPERATORS

__all__ = ["markdown"]


def markdown() -> str:
    """Return the table, one row for each file of handlers; the file's `SUPPORT` gives the row's title and limits."""
    lines = ["| | Layers | `keras.ops`, operators | Limits |", "|---|---|---|---|"]
    for module in dict.fromkeys(handler.__module__ for handler in chain(HANDLERS.values(), OPERATORS.values())):
        title, limits = sys.modules[module].SUPPORT
        lines.append(f"| {title} | {_names(HANDLERS, module)} | {_names(OPERATORS, module)} | {limits} |")
    return "\n".join(lines) + "\n"


def _names(table: dict[str, Handler], module: str) -> str:
    return ", ".join(sorted(name for name, handler in table.items() if handler.__module__ == module))
