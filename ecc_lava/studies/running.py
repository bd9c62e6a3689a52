"""Runs settings in order; one of the processes that share a storage runs each key, once."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import TypeAlias

from ecc_lava.studies.problem import Problem
from ecc_lava.studies.settings import Setting
from ecc_lava.studies.trials.store import TrialStore
from ecc_lava.studies.trials.trial import Trial

__all__ = ["StudyProgress", "TrialProgress", "run_settings"]

WAIT_SECONDS = 0.5
"""Seconds between two reads of the storage while other processes run the open keys."""


@dataclass(frozen=True)
class TrialProgress:
    """How far a study is.

    Attributes
    ----------
    done, total : int
        Finished trials, by this process or another, and all trials.
    setting : Setting or None
        The setting that runs; None while this process waits for others, and at the end.
    images_done, images : int
        Of the simulation of that setting.
    finished : Trial or None
        The trial that this process has just finished.
    """

    done: int
    total: int
    setting: Setting | None = None
    images_done: int = 0
    images: int = 0
    finished: Trial | None = None


StudyProgress: TypeAlias = Callable[[TrialProgress], None]
"""Called with every step of a study."""


def run_settings(
    problem: Problem, settings: Sequence[Setting], store: TrialStore, progress: StudyProgress | None = None
) -> tuple[Trial, ...]:
    """Run the settings that are not finished, wait for those that other processes run, and return all trials in order.

    If another process dies, this process takes its key over. An interrupt gives the running key up and reaches the caller; the storage
    keeps all finished trials.
    """
    tell = progress or (lambda step: None)
    keys = {problem.key(setting): setting for setting in settings}
    while True:
        finished = store.finished()
        open_ = [key for key in keys if key not in finished]
        done = len(keys) - len(open_)
        tell(TrialProgress(done, len(keys)))
        if not open_:
            return tuple(finished[key] for key in keys)
        others = store.running()
        claim = next((c for c in (store.claim(key, keys[key]) for key in open_ if key not in others) if c is not None), None)
        if claim is None:
            time.sleep(WAIT_SECONDS)
            continue
        running = TrialProgress(done, len(keys), keys[claim.key])
        tell(running)
        with claim.beating():
            trial = problem.run(keys[claim.key], partial(_images, tell, running))
        claim.finish(trial)
        tell(replace(running, finished=trial))


def _images(tell: StudyProgress, step: TrialProgress, done: int, images: int) -> None:
    tell(replace(step, images_done=done, images=images))
