"""Runs settings in order; one of the processes that share a storage runs each key, once."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING, TypeAlias

from ecc_lava.studies.problem import Problem
from ecc_lava.studies.settings import Setting
from ecc_lava.studies.sharing import run_open
from ecc_lava.studies.trials.store import TrialStore
from ecc_lava.studies.trials.trial import Trial

if TYPE_CHECKING:
    from distributed import Client

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
    problem: Problem,
    settings: Sequence[Setting],
    store: TrialStore,
    progress: StudyProgress | None = None,
    client: Client | None = None,
) -> tuple[Trial, ...]:
    """Run the settings that are not finished, wait for those that other processes run, and return all trials in order.

    If another process dies, this process takes its key over. An interrupt gives the running key up and reaches the caller; the storage
    keeps all finished trials. With a client, several settings run on the workers of a cluster; the images of a single one do.
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
        if client is not None and len(open_) > 1:
            shared = {key: keys[key] for key in open_ if key not in others}
            if not shared:
                time.sleep(WAIT_SECONDS)
                continue
            ended = _Counted(tell, done, len(keys))
            run_open(problem, shared, store, client, ended)
            continue
        claim = next((c for c in (store.claim(key, keys[key]) for key in open_ if key not in others) if c is not None), None)
        if claim is None:
            time.sleep(WAIT_SECONDS)
            continue
        running = TrialProgress(done, len(keys), keys[claim.key])
        tell(running)
        with claim.beating():
            trial = problem.run(keys[claim.key], partial(_images, tell, running), **({} if client is None else {"client": client}))
        claim.finish(trial)
        tell(replace(running, finished=trial))


@dataclass
class _Counted:
    """Tells of every trial that ends on a cluster."""

    tell: StudyProgress
    done: int
    total: int

    def __call__(self, setting: Setting, trial: Trial) -> None:
        self.done += 1
        self.tell(TrialProgress(self.done, self.total, setting, finished=trial))


def _images(tell: StudyProgress, step: TrialProgress, done: int, images: int) -> None:
    tell(replace(step, images_done=done, images=images))
