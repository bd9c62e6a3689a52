"""What the importer supports, derived from the table of handlers."""

from __future__ import annotations

import sys
from itertools import chain
from typing import NamedTuple

from ecc_lava.importers.keras.call import Handler
from ecc_lava.importers.keras.table import HANDLERS, OPERATORS

__all__ = ["SupportedKind", "supported"]


class SupportedKind(NamedTuple):
    """What one file of handlers converts.

    Attributes
    ----------
    title : str
    layers, operations : tuple of str
        Names of Keras layers, and of operations of `keras.ops` and operators, in alphabetical order.
    limits : str
    """

    title: str
    layers: tuple[str, ...]
    operations: tuple[str, ...]
    limits: str


def supported() -> list[SupportedKind]:
    """Return one entry for each file of handlers; the file's `SUPPORT` gives the title and the limits."""
    found = []
    for module in dict.fromkeys(handler.__module__ for handler in chain(HANDLERS.values(), OPERATORS.values())):
        title, limits = sys.modules[module].SUPPORT
        found.append(SupportedKind(title, _names(HANDLERS, module), _names(OPERATORS, module), limits))
    return found


def _names(table: dict[str, Handler], module: str) -> tuple[str, ...]:
    return tuple(sorted(name for name, handler in table.items() if handler.__module__ == module))
