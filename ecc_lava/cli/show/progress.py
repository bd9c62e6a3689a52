"""What commands show of their progress on stderr: bars on a terminal, lines elsewhere."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
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
from rich.text import Text

from ecc_lava.common import Progress

__all__ = ["stages"]

LINE_S = 10.0
"""Seconds between two lines of progress where stderr is no terminal."""


class _Rate(ProgressColumn):
    """Steps or images a second."""

    def render(self, task: Task) -> Text:
        """Return the column's text."""
        return Text("" if task.speed is None or task.total is None else f"{task.speed:,.1f}/s")


class _Lines:
    """Progress of one stage as plain lines, for logs: one line when the stage begins, then one every `LINE_S`."""

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
    """Give a function (stage, done, total) that shows progress on stderr, if stderr is a terminal; total 0 means unknown.

    The speed of the last `window` seconds predicts the time that is left. With `lines`, a run that may take hours also shows progress where
    stderr is no terminal.
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
    is_terminal = sys.stderr.isatty()  # rich takes every file for one where FORCE_COLOR is set, as in some services
    if lines and not is_terminal:
        yield _Lines()
        return
    console = Console(stderr=True)
    with ProgressBars(*columns, console=console, transient=True, disable=not is_terminal, speed_estimate_period=window) as progress:
        tasks: dict[str, Any] = {}

        def stage(name: str, done: int, total: int) -> None:
            if name not in tasks:
                tasks[name] = progress.add_task(name, total=total or None)
            progress.update(tasks[name], completed=done, total=total or None, visible=not total or done < total)

        yield stage
