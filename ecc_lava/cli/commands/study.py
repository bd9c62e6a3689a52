"""`ecc-lava study`: run many settings of a model, keep them in a storage, and write tables, a picture and a page."""

from __future__ import annotations

import time
from functools import partial
from pathlib import Path
from typing import Annotated, Any, Optional

import typer

from ecc_lava.cli.chip_mapper import chip_mapper
from ecc_lava.cli.choices import choice
from ecc_lava.cli.files import CalibrationDraw, begin_opening, check_labels_of_file, import_model, tell_doubts_of_labels
from ecc_lava.cli.options import (
    Calibration,
    CalibrationImages,
    Data,
    InputScale,
    InputShape,
    Json,
    Limit,
    Model,
    SignedSpikes,
    Tasks,
    chosen_tasks,
    seed_option,
)
from ecc_lava.cli.several import Several, Words, several_of, values
from ecc_lava.cli.show.output import emit_json, provenance, show_lines
from ecc_lava.cli.show.progress import stages
from ecc_lava.cli.show.study import TrialStages, show_study
from ecc_lava.cli.study_folder import StudyFolder
from ecc_lava.cli.workers import Dask, cluster
from ecc_lava.common import PAYLOAD_BITS_MAX
from ecc_lava.conversion import CALIBRATION_IMAGES, DEFAULT_RECIPE, RECIPES
from ecc_lava.errors import InvalidInput
from ecc_lava.formats import DEFAULT_FORMAT, FORMATS
from ecc_lava.inputs import CODINGS, Dataset, ImageSource, StoredDataset, batch_range, batch_size
from ecc_lava.quantisation import as_bits
from ecc_lava.studies import OBJECTIVES, SAMPLERS, Search, StudyResult, study

__all__ = ["command"]

BITS, TIMESTEPS, GRADED_TIMESTEPS = ("4", "6", "8"), ("8", "16", "32"), ("1", "8", "32")

Bits = Annotated[
    Words,
    typer.Option(metavar="B...", help=f"Widths of the weights, 2 to 16, or files of widths by population (default: {' '.join(BITS)})."),
    Several(r"-?\d+|.+\.json"),
]
Timesteps = Annotated[
    Words,
    typer.Option(
        metavar="T...",
        help=f"Steps an image is shown for (default: {' '.join(TIMESTEPS)}; {' '.join(GRADED_TIMESTEPS)} with several payload bits).",
    ),
    Several(r"-?\d+"),
]
PayloadBits = Annotated[
    Words,
    typer.Option("--payload-bits", metavar="P...", help=f"Bits that a spike carries, 1 to {PAYLOAD_BITS_MAX} (default: 1)."),
    Several(r"-?\d+"),
]
Formats = Annotated[
    Words, typer.Option(metavar="FORMAT...", help=f"Number formats: {', '.join(FORMATS)} (default: {DEFAULT_FORMAT})."), several_of(FORMATS)
]
Recipes = Annotated[
    Words,
    typer.Option(metavar="RECIPE...", help=f"Recipes: {', '.join(sorted(RECIPES))} (default: {DEFAULT_RECIPE})."),
    several_of(RECIPES),
]
Codings = Annotated[
    Words,
    typer.Option(metavar="CODING...", help=f"How images are sent: {', '.join(CODINGS[:-1])} or {CODINGS[-1]} (default: the format's own)."),
    several_of(CODINGS),
]
Percentiles = Annotated[
    Words,
    typer.Option(metavar="P...", help="Percentiles of the activations that lambda is set to (default: the recipe's own)."),
    Several(r"-?[\d.]+"),
]
Thresholds = Annotated[
    Words,
    typer.Option(metavar="N...", help="Streams of sequences (N, F, H, W, C): least changes sent; 0 sends every frame whole."),
    Several(r"-?\d+"),
]
MaxErrors = Annotated[
    Words,
    typer.Option(metavar="E...", help="Streams with thresholds chosen on x_train: RMS errors of E times the outputs' deviation."),
    Several(r"-?[\d.]+(e-?\d+)?"),
]
Out = Annotated[Path, typer.Option("-o", "--out", metavar="DIR", help="Folder for the trials, tables, picture and page.")]
Storage = Annotated[
    Optional[str],
    typer.Option(metavar="URL", help="Where trials are kept: a database URL, or FILE.journal (default: DIR/trials.journal)."),
]
Searched = Annotated[
    bool, typer.Option("--search", help="Search widths by layer and T instead of all combinations, for several objectives.")
]
Objectives = Annotated[
    Words,
    typer.Option(metavar="AIM...", help=f"Objectives of the search: {', '.join(OBJECTIVES)} (default: all that have figures)."),
    Several(r"[a-z]+"),
]
Trials = Annotated[int, typer.Option(min=2, help="How many settings the search tries.")]
Sampler = Annotated[str, choice(SAMPLERS, help="How the search chooses.")]
Selection = Annotated[
    Optional[int], typer.Option(min=1, help="The first N images choose, the others report (default: half, 1,000 at most).")
]
Chips = Annotated[
    Words,
    typer.Option(metavar="CHIP...", help="Also map every network to the chip of its format: cores, energy, latency."),
    Several(r"\w[\w-]*|.+\.(json|toml)"),
]
Skip = Annotated[int, typer.Option(min=0, help="Leave out the first N images.")]
Parquet = Annotated[bool, typer.Option("--parquet", help="Also write the trials as Parquet (needs pyarrow).")]


def command(
    model: Model,
    calibration: Calibration,
    data: Data,
    bits: Bits = None,
    timesteps: Timesteps = None,
    format: Formats = None,
    recipe: Recipes = None,
    coding: Codings = None,
    percentile: Percentiles = None,
    payload_bits: PayloadBits = None,
    signed_spikes: SignedSpikes = False,
    threshold: Thresholds = None,
    max_error: MaxErrors = None,
    out: Out = Path("ecc-lava-study"),
    storage: Storage = None,
    search: Searched = False,
    objectives: Objectives = None,
    trials: Trials = 60,
    sampler: Sampler = "nsga2",
    selection: Selection = None,
    chip: Chips = None,
    skip: Skip = 0,
    limit: Limit = None,
    input_scale: InputScale = None,
    seed: Annotated[int, seed_option("Seed of the draw of calibration images, of poisson input and of the search.")] = 0,
    images: CalibrationImages = CALIBRATION_IMAGES,
    parquet: Parquet = False,
    input_shape: InputShape = None,
    task: Tasks = None,
    dask: Dask = None,
    json: Json = False,
) -> None:
    """Run the trials that are not finished, write the tables and the page, and print."""
    started = time.perf_counter()
    folder = StudyFolder(out, storage, parquet)
    folder.claim(inputs=(model, calibration, data))
    words = {"bits": bits, "timesteps": timesteps, "formats": format, "recipes": recipe, "codings": coding, "percentiles": percentile}
    streams = _streams(threshold, max_error)
    wanted = _grid(**words, payload_bits=payload_bits, streams=bool(streams)) | streams
    wanted |= {"signed_spikes": signed_spikes, "task": chosen_tasks(task)}
    wanted["search"] = Search(trials, tuple(values(objectives)), sampler, selection, seed) if search else None
    wanted["mapper"], wanted["mapper_name"] = (None, "") if chip is None else chip_mapper(values(chip))
    with stages(window=3600.0) as stage:  # a trial can take minutes
        stage("reading the model", 0, 0)
        train, test = begin_opening(calibration, "train"), begin_opening(data, "test", None if limit is None else skip + limit)
        graph = import_model(model, input_shape, input_scale)
        specs = [spec._replace(events=wanted["codings"] == ["events"], frames=bool(streams)) for spec in graph.input_specs]
        drawn = CalibrationDraw.of(train(specs), images, seed)
        wanted["calibration"], wanted["calibration_images"] = (drawn.all, images) if streams else (drawn.images, None)
        judged = _judged(data, test(specs), skip)
        if not streams:
            check_labels_of_file(data, judged, graph, wanted["task"])
        stage("reading the model", 1, 1)
        doubts = None if streams else partial(tell_doubts_of_labels, graph, drawn, specs)  # they take as long as all else of no trials
        trial_stages = TrialStages(stage, doubts)
        with folder.named_if_interrupted(), cluster(dask) as workers:
            result = study(
                graph,
                data=judged.x,
                labels=judged.y,
                **wanted,
                storage=folder.trials,
                seed=seed,
                progress=trial_stages,
                client=workers.client,
            )
    folder.write(result, model.name)
    if json:
        emit_json(_as_json(result, folder, trial_stages.new, round(time.perf_counter() - started, 3)))
        return
    show_study(result, f"{model.name} on {data.name}", trial_stages.new)
    show_lines(f"written: {', '.join(map(str, folder.written))}; trials are kept in {folder.shown_trials}")


def _streams(threshold: Words, max_error: Words) -> dict[str, Any]:
    """Return what streams send, as `study` takes it; nothing for a study of images."""
    thetas = [_number("--threshold", word, int) for word in values(threshold)]
    errors = [_number("--max-error", word, float) for word in values(max_error)]
    return {name: given for name, given in (("thresholds", thetas), ("max_errors", errors)) if given}


def _grid(
    *, bits: Words, timesteps: Words, formats: Words, recipes: Words, codings: Words, percentiles: Words, payload_bits: Words, streams: bool
) -> dict[str, Any]:
    """Return the values of each setting, as `study` takes them."""
    payloads = [_number("--payload-bits", word, int) for word in values(payload_bits)] or [PAYLOAD_BITS_MAX if streams else 1]
    usual = ("1",) if streams else TIMESTEPS if max(payloads) == 1 else GRADED_TIMESTEPS
    return {
        "bits": [as_bits(word) for word in values(bits) or BITS],
        "timesteps": [_number("--timesteps", word, int) for word in values(timesteps) or usual],
        "payload_bits": payloads,
        "formats": values(formats) or [DEFAULT_FORMAT],
        "recipes": values(recipes) or [DEFAULT_RECIPE],
        "codings": values(codings) or None,
        "percentiles": [_number("--percentile", word, float) for word in values(percentiles)] or None,
    }


def _number(option: str, word: str, kind: type) -> Any:
    try:
        return kind(word)
    except ValueError as error:
        raise InvalidInput(f"{option} {word}: {'a whole number' if kind is int else 'a number'} is needed") from error


def _judged(data: Path, found: Dataset | StoredDataset, skip: int) -> Dataset | StoredDataset:
    """Return the images and labels that judge the settings."""
    if skip >= batch_size(found.x):
        raise InvalidInput(f"--skip {skip}: {data} has {batch_size(found.x)} images; skip fewer")
    part = slice(skip, None)
    x, y = batch_range(found.x, part), None if found.y is None else found.y[part]
    return StoredDataset(x, y, found.all_y) if isinstance(x, ImageSource) else Dataset(x, y, found.all_y)


def _as_json(result: StudyResult, folder: StudyFolder, new: int, seconds: float) -> dict[str, Any]:
    front = {trial.key for trial in result.front()}
    return provenance(
        context=dict(result.context),
        ann_accuracy=result.ann_accuracy,
        trials=[{**row, "on_front": row["key"] in front} for row in result.rows],
        objectives=list(result.objectives),
        left_out=list(result.left_out),
        searched=[trial.as_row() for trial in result.searched],
        new=new,
        seconds=seconds,
        storage=folder.shown_trials,
        files=[str(path) for path in folder.written],
    )
