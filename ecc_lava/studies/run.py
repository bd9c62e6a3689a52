"""`study`: converts, quantises and runs many settings of one model on the same images."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from ecc_lava.backends import readable_by_all
from ecc_lava.common import Array, Images
from ecc_lava.conversion import CALIBRATION_IMAGES, DEFAULT_RECIPE, drawn_images
from ecc_lava.errors import InvalidInput
from ecc_lava.formats import DEFAULT_FORMAT
from ecc_lava.graph import Graph
from ecc_lava.inputs import ImageSource, as_batch, batch_part, frames_as_images
from ecc_lava.quantisation import Bits
from ecc_lava.studies.conversions import Conversions
from ecc_lava.studies.problem import Mapper, Problem
from ecc_lava.studies.results import StudyResult
from ecc_lava.studies.running import StudyProgress, run_settings
from ecc_lava.studies.search.run import run_search
from ecc_lava.studies.search.search import Search
from ecc_lava.studies.settings import Grid, Sends, grid
from ecc_lava.studies.trials.optuna_storage import open_storage
from ecc_lava.studies.trials.store import TrialStore

if TYPE_CHECKING:
    from distributed import Client

__all__ = ["study"]


def study(
    model: Any,
    *,
    calibration: Images | ImageSource,
    data: Images | ImageSource,
    labels: Array | None = None,
    bits: Bits | Iterable[Bits] = (4, 6, 8),
    timesteps: int | Iterable[int] = (8, 16, 32),
    formats: str | Sequence[str] = DEFAULT_FORMAT,
    recipes: str | Sequence[str] = DEFAULT_RECIPE,
    codings: str | Sequence[str] | None = None,
    percentiles: float | Sequence[float] | None = None,
    payload_bits: int | Sequence[int] = 1,
    signed_spikes: bool = False,
    thresholds: int | Sequence[int] | None = None,
    max_errors: float | Sequence[float] | None = None,
    search: Search | None = None,
    storage: str | Path | None = None,
    mapper: Mapper | None = None,
    mapper_name: str = "",
    seed: int = 0,
    progress: StudyProgress | None = None,
    calibration_images: int | None = CALIBRATION_IMAGES,
    task: str | Mapping[str, str] | None = None,
    client: Client | None = None,
) -> StudyResult:
    """Run every combination of the settings given, each once, or search among them.

    A trial's key is made of its setting and of digests of the model, the images and the package's version. In a storage on disk, a finished
    trial never runs again, an interrupted trial runs again from its start, and several processes share the work.

    Parameters
    ----------
    model : Keras model, or Graph
    calibration : array (N, H, W, C), or arrays by input name
        Unlabelled images for the conversion.
    data, labels : array (N, H, W, C), or arrays by input name; array (N, ...), optional
        Images that evaluate every setting, and labels as `check` takes them. Without labels, the agreement with the CNN stands for the
        accuracy; of numbers, the share of their variance that is kept. Of an `ImageSource`, few images are in memory at once, of the
        calibration's only those that are drawn; sequences are read at once.
    bits : int, mapping of population names to int, or several of these
    timesteps : int, or several
    formats, recipes, codings, percentiles : one or several
        As `convert` and `quantise` take them; by default the format's own coding and the recipe's own percentile. A coding that a
        format cannot carry is left out.
    payload_bits : int, or several
        Bits that a spike carries between layers; a format that cannot carry them is left out.
    signed_spikes : bool
        Whether payloads may be negative.
    thresholds : int, or several, optional
        theta of all populations of sigma-delta streams, for T = 1; 0 is the network that sends every frame whole. With `thresholds` or
        `max_errors`, calibration and data are sequences (N, F, H, W, C): frames of the first calibrate the conversions.
    max_errors : float, or several, optional
        Errors within which the thresholds of streams are chosen, on the calibration's sequences, as `stream_thresholds` does.
    search : Search, optional
        Searches widths by layer and T for several objectives, instead of running all combinations. It chooses among `bits` and `timesteps`.
    storage : str, path or None
        A file (SQLite), Optuna's journal file (``.log``, ``.journal``), a database URL, or None: in memory.
    mapper : callable (QuantisedNetwork, images) -> Mapped, optional
        Returns the cores that a network takes, as in `ecc-lava study`; `mapper_name` tells the mapper from others in a storage.
    seed : int
        Of the draw of calibration images, and of the draws of the coding poisson.
    progress : callable (TrialProgress), optional
    calibration_images : int, optional
        How many of the calibration images are drawn; None takes all.
    task : str, or a mapping of output names to str, optional
        What outputs are for, as `check` takes it.
    client : distributed.Client, optional
        Runs trials on the workers of a Dask cluster. A search, whose trials follow from one another, runs the images of each there.

    Raises
    ------
    InvalidInput
        If settings, images or labels cannot be used, or an objective has no value.
    UnsupportedModel
        If the model cannot be converted.
    FileError, MissingDependency
        If the storage cannot be opened.
    """
    graph = model if isinstance(model, Graph) else _imported(model)
    given = None if labels is None else np.asarray(labels)
    if given is not None and given.shape[1:] == (1,):
        given = given.ravel()
    space = grid(
        bits=_several(bits),
        timesteps=_several(timesteps),
        formats=_several(formats),
        recipes=_several(recipes),
        codings=_several(codings),
        percentiles=_several(percentiles),
        payloads=[(payload, signed_spikes) for payload in _several(payload_bits)],
        sends=_sends(thresholds, max_errors),
    )
    frames = thresholds is not None or max_errors is not None
    if frames:
        specs = [spec._replace(frames=True) for spec in graph.input_specs]
        as_batch(_in_memory(data), specs, "data of a study of streams")
        as_batch(_in_memory(calibration), specs, "calibration of a study of streams")
    sequences = _in_memory(calibration) if frames else None
    images = calibration if sequences is None else frames_as_images(sequences)
    conversions = Conversions(graph, drawn_images(images, seed, calibration_images), seed, sequences)
    if frames or (client is not None and search is None and readable_by_all(data, client) is None):
        data = _in_memory(data)  # also for workers that do not find the file
    problem = Problem(conversions, data, given, mapper, mapper_name, _events(space), frames, task)
    opened = open_storage(storage)
    if search is not None:
        return run_search(problem, space, search, opened, progress, client)
    trials = run_settings(problem, space.settings, TrialStore(opened, problem.context_digest), progress, client)
    objectives = ("error", "events") if frames else ("accuracy", "memory")
    return StudyResult(trials, space.left_out, problem.context, objectives=objectives)


def _in_memory(x: Images | ImageSource) -> Images:
    return batch_part(x, slice(None)) if isinstance(x, ImageSource) else x


def _sends(thresholds: int | Sequence[int] | None, max_errors: float | Sequence[float] | None) -> list[Sends]:
    """Return every threshold and every error as settings have them; without any, no stream."""
    uniform = [(theta, None) for theta in ([] if thresholds is None else _several(thresholds))]
    chosen = [(0, float(error)) for error in ([] if max_errors is None else _several(max_errors))]
    return [*uniform, *chosen] or [(0, None)]


def _events(space: Grid) -> bool:
    """Return whether the images are events, which no other coding takes."""
    codings = sorted({s.coding for s in space.settings})
    if "events" in codings and len(codings) > 1:
        raise InvalidInput(f"codings {', '.join(codings)}: events and images are different data; run one study for each")
    return codings == ["events"]


def _imported(model: Any) -> Graph:
    from ecc_lava.importers.keras import from_keras

    return from_keras(model)


def _several(values: Any) -> list[Any]:
    """Return a list of one value or of several values."""
    return [values] if values is None or isinstance(values, str | int | float | Mapping) else list(values)
