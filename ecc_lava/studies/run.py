"""`study`: settings of one model, each converted, quantised and run on the same images."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from ecc_lava.common import Array, Images
from ecc_lava.errors import InvalidInput
from ecc_lava.graph import Graph
from ecc_lava.quantisation import Bits
from ecc_lava.studies.conversions import Conversions
from ecc_lava.studies.problem import Mapper, Problem
from ecc_lava.studies.results import StudyResult
from ecc_lava.studies.running import Progress, run_settings
from ecc_lava.studies.search.search import Search, run_search
from ecc_lava.studies.settings import Grid, grid
from ecc_lava.studies.trials.optuna_storage import open_storage
from ecc_lava.studies.trials.store import TrialStore

__all__ = ["study"]


def study(
    model: Any,
    *,
    calibration: Images,
    data: Images,
    labels: Array | None = None,
    bits: Bits | Iterable[Bits] = (4, 6, 8),
    timesteps: int | Iterable[int] = (8, 16, 32),
    formats: str | Sequence[str] = "loihi2",
    recipes: str | Sequence[str] = "best",
    codings: str | Sequence[str] | None = None,
    percentiles: float | Sequence[float] | None = None,
    search: Search | None = None,
    storage: str | Path | None = None,
    mapper: Mapper | None = None,
    mapper_name: str = "",
    seed: int = 0,
    progress: Progress | None = None,
) -> StudyResult:
    """Run every combination of the settings given, each once, or search among them.

    Trials are keyed by their setting and by digests of the model, the images and the package's version. In a storage that lasts, a
    finished one never runs again, an interrupted one runs again from its start, and several processes share the work.

    Parameters
    ----------
    model : Keras model, or Graph
    calibration : array (N, H, W, C), or arrays by input name
        Unlabelled images that conversion may look at; all are used.
    data, labels : array (N, H, W, C), or arrays by input name; int array (N,), optional
        What every setting is judged by. Without labels by how often it agrees with the CNN.
    bits : int, mapping of population names to int, or several of these
    timesteps : int, or several
    formats, recipes, codings, percentiles : one or several
        As `convert` and `quantise` take them; by default the format's own coding, the recipe's own percentile. A coding that a format
        cannot carry is left out.
    search : Search, optional
        Instead of all combinations: widths by layer and T, chosen for several aims. `bits` and `timesteps` are then what it chooses from.
    storage : str, path or None
        A file (SQLite), Optuna's journal file (``.log``, ``.journal``), a database URL, or None: in memory.
    mapper : callable (QuantisedNetwork, images) -> Mapped, optional
        Says how many cores a network takes, as `ecc-lava study` does; `mapper_name` tells it from others in a storage.
    seed : int
        Of the coding poisson.
    progress : callable (Step), optional

    Raises
    ------
    InvalidInput
        Settings, images or labels that cannot be used; an objective that nothing gives.
    UnsupportedModel
        If the model cannot be converted.
    FileError, MissingDependency
        If the storage cannot be opened.
    """
    graph = model if isinstance(model, Graph) else _imported(model)
    answers = None if labels is None else np.asarray(labels).ravel()
    space = grid(
        bits=_several(bits),
        timesteps=_several(timesteps),
        formats=_several(formats),
        recipes=_several(recipes),
        codings=_several(codings),
        percentiles=_several(percentiles),
    )
    problem = Problem(Conversions(graph, calibration, seed), data, answers, mapper, mapper_name, _events(space))
    opened = open_storage(storage)
    if search is not None:
        return run_search(problem, space, search, opened, progress)
    trials = run_settings(problem, space.settings, TrialStore(opened, problem.context_digest), progress)
    return StudyResult(trials, space.left_out, problem.context)


def _events(space: Grid) -> bool:
    """Return whether the images are events, which no other coding takes."""
    codings = sorted({s.coding for s in space.settings})
    if "events" in codings and len(codings) > 1:
        raise InvalidInput(f"codings {', '.join(codings)}: events and images are different data; study them apart")
    return codings == ["events"]


def _imported(model: Any) -> Graph:
    from ecc_lava.importers.keras import from_keras

    return from_keras(model)


def _several(values: Any) -> list[Any]:
    """Return one value, or several, as a list."""
    return [values] if values is None or isinstance(values, str | int | float | dict) else list(values)
