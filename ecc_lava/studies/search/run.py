"""A search of widths by layer and of T for several objectives at once, with Optuna's samplers."""

from __future__ import annotations

import hashlib
import json
import logging
from collections.abc import Callable, Sequence
from functools import partial
from typing import TYPE_CHECKING

import numpy as np

from ecc_lava.analysis import CORE_ENERGIES
from ecc_lava.errors import InvalidInput
from ecc_lava.inputs import batch_size
from ecc_lava.studies.objectives import Objective, costs_of, front, objective
from ecc_lava.studies.problem import Problem
from ecc_lava.studies.results import StudyResult
from ecc_lava.studies.running import StudyProgress, TrialProgress, run_settings
from ecc_lava.studies.search.samplers import SAMPLERS
from ecc_lava.studies.search.search import Search
from ecc_lava.studies.search.space import Space
from ecc_lava.studies.settings import Grid
from ecc_lava.studies.trials.optuna_storage import open_study, quiet
from ecc_lava.studies.trials.store import TrialStore
from ecc_lava.studies.trials.trial import Trial

if TYPE_CHECKING:
    from distributed import Client
    from optuna import Study
    from optuna.samplers import BaseSampler
    from optuna.storages import BaseStorage

__all__ = ["run_search"]

_log = logging.getLogger(__name__)

AGREEMENT_LOST_MAX = 0.25
"""Most agreement with the CNN that a reported setting may lack against the best setting, a fraction of the images."""

REPORTED_MAX = 16
"""Most settings of the front that run on the images that the search has not seen; a longer front is thinned evenly by memory."""


def run_search(
    problem: Problem, grid: Grid, search: Search, storage: BaseStorage, progress: StudyProgress | None, client: Client | None = None
) -> StudyResult:
    """Search among the values of a grid's settings, and run the front on the images that did not select it.

    Parameters
    ----------
    problem : Problem
    grid : Grid
        The search chooses among its timesteps, formats, recipes, codings and percentiles, and among its uniform widths for every layer.
    search : Search
    storage : Optuna storage
    progress : callable (TrialProgress), optional
    client : distributed.Client, optional
    """
    chosen = search.split(batch_size(problem.images))
    choosing, reporting = problem.part(slice(chosen), labelled=False), problem.part(slice(chosen, None))
    objectives = _objectives(search, problem, grid)
    space = Space.of(problem.conversions.graph, grid)
    store = TrialStore(storage, choosing.context_digest)
    identity = [choosing.context_digest, [s.as_dict() for s in grid.settings], search.sampler, search.seed, [o.name for o in objectives]]
    name = f"ecc_lava search {hashlib.sha256(json.dumps(identity).encode()).hexdigest()}"
    study = open_study(storage, name, ["maximize" if o.maximise else "minimize" for o in objectives])
    starts = space.starts(grid)[: search.trials]
    run_settings(choosing, starts, store, _within(progress, 0, search.trials), client)
    told = [trial.params for trial in study.get_trials(deepcopy=False) if trial.state.is_finished()]
    one = partial(_run_one, study, partial(run_settings, choosing, store=store, client=client), space, objectives, search)
    for start in starts:
        if space.parameters(start) not in told:
            study.enqueue_trial(space.parameters(start))
            one(None)
    while (done := _finished(study)) < search.trials:
        one(_within(progress, done, search.trials))
    searched = tuple(t for t in store.finished().values() if space.holds(t.setting))
    uniform = [setting for setting in starts if isinstance(setting.bits, int)]
    settings = tuple(dict.fromkeys([*uniform, *(t.setting for t in _reported(searched, objectives))]))
    trials = run_settings(reporting, settings, TrialStore(storage, reporting.context_digest), progress, client)
    return StudyResult(trials, grid.left_out, reporting.context, searched, tuple(o.name for o in objectives))


def _run_one(
    study: Study,
    run: Callable[..., tuple[Trial, ...]],
    space: Space,
    objectives: Sequence[Objective],
    search: Search,
    progress: StudyProgress | None,
) -> None:
    """Ask the sampler for a setting, run it unless its key is finished, and tell the sampler its values."""
    from optuna.trial import TrialState

    with quiet():
        study.sampler = _sampler(search, len(study.get_trials(deepcopy=False)))
        asked = study.ask()
        setting = space.suggested(asked)
    trial = run((setting,), progress=progress)[0]
    costs = costs_of(trial, objectives)
    if trial.figures is not None and costs is None:
        missing = next(o for o in objectives if o.value(trial) is None)
        raise InvalidInput(f"the objective {missing.name!r} has no value for {setting.format} with {setting.coding} input: {missing.needs}")
    with quiet():
        if costs is None:
            study.tell(asked.number, state=TrialState.FAIL, skip_if_finished=True)
        else:
            study.tell(asked.number, [-c if o.maximise else c for o, c in zip(objectives, costs, strict=True)], skip_if_finished=True)


def _within(progress: StudyProgress | None, done: int, total: int) -> StudyProgress | None:
    """Return a function that reports the progress of the whole search instead of that of one trial."""
    if progress is None:
        return None

    def tell(step: TrialProgress) -> None:
        progress(TrialProgress(done + step.done, total, step.setting, step.images_done, step.images, step.finished))

    return tell


def _finished(study: Study) -> int:
    return sum(trial.state.is_finished() for trial in study.get_trials(deepcopy=False))


def _sampler(search: Search, number: int) -> BaseSampler:
    """Return the sampler for a trial; its draws depend on the number of earlier trials, so that an interrupted search goes on unchanged."""
    seed = int(np.random.Generator(np.random.Philox(key=[search.seed, number])).integers(2**31))
    return SAMPLERS[search.sampler](seed, search.trials)


def _objectives(search: Search, problem: Problem, grid: Grid) -> list[Objective]:
    """Return the objectives of a search, or by default all that have figures."""
    priced = all(s.format in CORE_ENERGIES and s.coding != "graded" for s in grid.settings)
    if search.objectives:
        if "cores" in search.objectives and problem.mapper is None:
            raise InvalidInput(f"the objective 'cores' has no value: {objective('cores').needs}")
        return [objective(name) for name in search.objectives]
    names = ["accuracy", "memory", *(["cores"] if problem.mapper else []), "energy" if priced else "events", "latency"]
    return [objective(name) for name in names]


def _reported(searched: Sequence[Trial], objectives: Sequence[Objective]) -> list[Trial]:
    """Return the useful trials of the front, at most `REPORTED_MAX`, evenly by memory."""
    best = max((t.figures.score for t in searched if t.figures is not None), default=0.0)
    useful = [t for t in searched if t.figures is not None and t.figures.score >= best - AGREEMENT_LOST_MAX]
    found = sorted(front(useful, objectives), key=lambda t: t.figures.synaptic_bits if t.figures is not None else 0)
    if len(found) > REPORTED_MAX:
        _log.info("%d settings are on the front of %s; %d are reported", len(found), ", ".join(o.name for o in objectives), REPORTED_MAX)
        found = [found[i] for i in np.unique(np.linspace(0, len(found) - 1, REPORTED_MAX).round().astype(int))]
    return found
