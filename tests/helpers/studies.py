"""A problem that costs nothing and writes down what is run, and a process that works at it."""

from __future__ import annotations

import hashlib
import os
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import cast

from ecc_lava.studies.problem import Problem
from ecc_lava.studies.running import run_settings
from ecc_lava.studies.settings import Setting, grid
from ecc_lava.studies.trials.optuna_storage import open_storage
from ecc_lava.studies.trials.store import TrialStore
from ecc_lava.studies.trials.trial import Figures, Trial

SETTINGS = grid(bits=range(2, 9), timesteps=(4, 8)).settings
USED = SETTINGS[:3]
"""The settings of the finished trials in storages that tests damage."""
MANY = grid(bits=range(2, 9), timesteps=range(1, 11)).settings


def figures(setting: Setting) -> Figures:
    """Numbers that follow from the setting."""
    widths = [setting.bits] if isinstance(setting.bits, int) else [width for _, width in setting.bits]
    mean = sum(widths) / len(widths)
    accuracy = 1.0 - 1.0 / (mean * setting.timesteps)
    digest = hashlib.sha256(repr(setting).encode()).hexdigest()
    events = float(100 * setting.timesteps)
    return Figures(
        10, accuracy, 0.99, accuracy, int(1000 * mean), mean, events, 0.0, 1.0, 1, setting.timesteps + 3, 0, None, None, digest, 0.1, 0.0
    )


def figures_of(trial: Trial) -> Figures:
    """Return the figures of a trial that could run."""
    assert trial.figures is not None
    return trial.figures


class Noted:
    """Runs at once, or slowly, and appends a line to a file when it begins and when it ends."""

    def __init__(self, notes: Path, seconds: float = 0.0) -> None:
        self._notes, self._seconds = notes, seconds

    def key(self, setting: Setting) -> str:
        return hashlib.sha256(repr(setting).encode()).hexdigest()

    def run(self, setting: Setting, progress: Callable[[int, int], None] | None = None) -> Trial:
        self._note("began", setting)
        time.sleep(self._seconds)
        self._note("ended", setting)
        return Trial(self.key(setting), setting, figures(setting))

    def _note(self, what: str, setting: Setting) -> None:
        with self._notes.open("a") as file:
            file.write(f"{what} {os.getpid()} {self.key(setting)}\n")

    def noted(self, what: str) -> list[str]:
        """Return the keys of the lines of a kind."""
        lines = self._notes.read_text().splitlines() if self._notes.exists() else []
        return [line.split()[2] for line in lines if line.startswith(what)]


def as_problem(noted: Noted) -> Problem:
    """Return it as what `run_settings` takes, which asks a problem for keys and trials alone."""
    return cast(Problem, noted)


def again(path: Path) -> tuple[int, int]:
    """Run the study on a storage: how many trials were run again, and how many whole ones the storage then has."""
    noted = Noted(path.with_name("notes"))
    store = TrialStore(open_storage(path), "c")
    done = run_settings(as_problem(noted), USED, store)
    assert [(t.key, t.figures) for t in done] == [(noted.key(s), figures(s)) for s in USED]
    notes = path.with_name("notes")
    return (len(noted.noted("ended")) if notes.exists() else 0), len(store.finished())


def main(address: str, notes: str, seconds: str, number: str) -> None:
    """Work at so many settings."""
    settings = MANY[: int(number)]
    trials = run_settings(as_problem(Noted(Path(notes), float(seconds))), settings, TrialStore(open_storage(address), "test"))
    assert [trial.setting for trial in trials] == list(settings)


if __name__ == "__main__":
    main(*sys.argv[1:])
