"""What the importer supports, derived from the tables of handlers."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from itertools import chain
from typing import NamedTuple

from ecc_lava.importers.keras.call import Handler
from ecc_lava.importers.keras.packages import PACKAGES
from ecc_lava.importers.keras.table import HANDLERS, OPERATORS, QUANTISED

__all__ = ["SupportedKind", "supported"]


class SupportedKind(NamedTuple):
    """What one file of handlers converts.

    Attributes
    ----------
    title : str
    layers, operations : tuple of str
        Names of layers, and of operations of `keras.ops` and operators, in alphabetical order.
    limits : str
    """

    title: str
    layers: tuple[str, ...]
    operations: tuple[str, ...]
    limits: str


def supported() -> list[SupportedKind]:
    """Return one entry for each file of handlers; the file's `SUPPORT` gives the title and the limits."""
    found = []
    tables = (HANDLERS, OPERATORS, QUANTISED, *(package.handlers for package in PACKAGES))
    for module in dict.fromkeys(handler.__module__ for handler in chain.from_iterable(table.values() for table in tables)):
        title, limits = sys.modules[module].SUPPORT
        layers = tuple(name for table in tables if table is not OPERATORS for name in _names(table, module))
        found.append(SupportedKind(title, layers, _names(OPERATORS, module), limits))
    return found


def _names(table: Mapping[str, Handler], module: str) -> tuple[str, ...]:
    return tuple(sorted(name for name, handler in table.items() if handler.__module__ == module))
