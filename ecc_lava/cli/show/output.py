"""What commands print: one JSON object or tables on stdout, progress and messages on stderr."""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from importlib.metadata import PackageNotFoundError, version
from typing import Any

from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    ProgressColumn,
    SpinnerColumn,
    Task,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)
from rich.progress import Progress as ProgressBars
from rich.table import Table
from rich.text import Text

from ecc_lava.common import Progress

__all__ = ["FAILED", "OK", "as_percent", "emit_json", "provenance", "show_lines", "show_table", "stages"]

JSON_SCHEMA = 1
WIDTH_OF_FILES = 240
"""Widest table where stdout is no terminal; characters."""

OK, FAILED = 0, 1
"""Exit codes of commands that check something."""

_PACKAGES = ("ecc-lava", "numpy", "h5py", "numba", "keras", "tensorflow-cpu", "tensorflow", "lava-nc")

LINE_S = 10.0
"""Seconds between two lines of progress where stderr is no terminal."""


def provenance(**extra: Any) -> dict[str, Any]:
    """Return what every JSON carries: schema version, package versions and the given seeds and digests."""
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
    table = Table(title=Text(title), title_justify="left")  # as Text nothing is read as markup
    for index, column in enumerate(columns):
        table.add_column(Text(column), justify="left" if index == 0 else "right", overflow="fold")
    for row in rows:
        table.add_row(*(Text(cell) for cell in row))
    width = None if sys.stdout.isatty() or "COLUMNS" in os.environ else WIDTH_OF_FILES
    Console(soft_wrap=False, width=width).print(table)


def show_lines(*lines: str) -> None:
    """Print plain lines."""
    console = Console(highlight=False, soft_wrap=True)
    for line in lines:
        console.print(line, markup=False)


def as_percent(value: float | None) -> str:
    """Return a fraction as a percentage, or n/a."""
    return "n/a" if value is None else f"{100 * value:.2f} %"


class _Rate(ProgressColumn):
    """How many steps or images a second are done."""

    def render(self, task: Task) -> Text:
        """Return the column's text."""
        return Text("" if task.speed is None or task.total is None else f"{task.speed:,.1f}/s")


class _Lines:
    """Progress of one stage as plain lines, for logs: one when it begins and one every so often."""

    def __init__(self) -> None:
        self._name = ""
        self._began = self._told = 0.0

    def __call__(self, name: str, done: int, total: int) -> None:
        now = time.monotonic()
        if name != self._name:
            self._name, self._began, self._told = name, now, now
            sys.stderr.write(f"ecc-lava: {name}{f', 0 of {total}' if total else ''}\n")
        elif done and now - self._told > LINE_S:
            rate, self._told = done / (now - self._began), now
            sys.stderr.write(f"ecc-lava: {name}: {done} of {total}, {rate:,.1f}/s, {(total - done) / rate:,.0f} s to go\n")


@contextmanager
def stages(lines: bool = False, window: float = 30.0) -> Iterator[Progress]:
    """Give a function (stage, done, total) that shows progress on stderr, if that is a terminal; total 0 means unknown.

    What is left is judged by the speed of the last `window` seconds. With `lines`, a run that may take hours also shows it where stderr
    is no terminal.
    """
    columns = (
        SpinnerColumn(),
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        _Rate(),
        TimeElapsedColumn(),
        TimeRemainingColumn(),
    )
    console = Console(stderr=True)
    if lines and not console.is_terminal:
        yield _Lines()
        return
    with ProgressBars(*columns, console=console, transient=True, disable=not console.is_terminal, speed_estimate_period=window) as progress:
        tasks: dict[str, Any] = {}

        def stage(name: str, done: int, total: int) -> None:
            if name not in tasks:
                tasks[name] = progress.add_task(name, total=total or None)
            progress.update(tasks[name], completed=done, total=total or None, visible=not total or done < total)

        yield stage
