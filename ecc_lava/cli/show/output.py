"""What commands print on stdout: one JSON object, or tables and lines."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Sequence
from importlib.metadata import PackageNotFoundError, version
from typing import Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

from ecc_lava.common import printable, wilson
from ecc_lava.scores import MEASURES

__all__ = ["FAILED", "OK", "as_figure", "as_percent", "counted", "emit_json", "in_short", "provenance", "show_lines", "show_table"]

JSON_SCHEMA = 1
WIDTH_OF_FILES = 240
"""Width of tables where stdout is no terminal; characters."""

OK, FAILED = 0, 1
"""Exit codes of commands that check something."""

_POWERS = ("", "k", "M", "G", "T")

_PACKAGES = ("ecc-lava", "numpy", "h5py", "numba", "keras", "tensorflow-cpu", "tensorflow", "lava-nc")


def provenance(**extra: Any) -> dict[str, Any]:
    """Return what every JSON object carries: the schema version, package versions, and the given seeds and digests."""
    versions = {}
    for package in _PACKAGES:
        try:
            versions[package] = version(package)
        except PackageNotFoundError:
            continue
    return {"version": JSON_SCHEMA, "packages": versions, **extra}


def emit_json(value: dict[str, Any]) -> None:
    """Print one JSON object."""
    sys.stdout.write(json.dumps(value, allow_nan=False) + "\n")


def show_table(title: str, columns: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """Print a table; every column but the first is right-aligned."""
    table = Table(title=Text(printable(title)), title_justify="left")  # a Text is not read as markup
    for index, column in enumerate(columns):
        table.add_column(Text(printable(column)), justify="left" if index == 0 else "right", overflow="fold")
    for row in rows:
        table.add_row(*(Text(printable(cell)) for cell in row))
    width = None if sys.stdout.isatty() or "COLUMNS" in os.environ else WIDTH_OF_FILES
    Console(soft_wrap=False, width=width).print(table)


def show_lines(*lines: str) -> None:
    """Print plain lines."""
    console = Console(highlight=False, soft_wrap=True)
    for line in lines:
        console.print(printable(line), markup=False)


def counted(number: int, noun: str) -> str:
    """Return a number of things, in words."""
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


def in_short(number: int) -> str:
    """Return a count for a narrow column: from 100,000 on in thousands, millions and so on, of at least four digits."""
    if number < 100_000:
        return f"{number:,}"
    power = min((len(str(number)) - 1) // 3, len(_POWERS) - 1)
    return f"{number / 1000**power:,.{2 if number < 10 * 1000**power else 1}f} {_POWERS[power]}"


def as_percent(value: float | None, images: int | None = None) -> str:
    """Return a fraction as a percentage, with its 95 % interval if it is a share of so many images, or n/a."""
    if value is None:
        return "n/a"
    if images is None:
        return f"{100 * value:.2f} %"
    low, high = wilson(value, images)
    return f"{100 * value:.2f} % ({100 * low:.1f} to {100 * high:.1f})"


def as_figure(name: str, value: float | None, images: int | None = None) -> str:
    """Return a figure of a score: a share in percent, with an interval as `as_percent` has it, other numbers as they are."""
    return as_percent(value, images) if value is None or MEASURES[name].is_share else f"{value:.4f}"
