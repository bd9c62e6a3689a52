"""`ecc-lava study`: many settings of a model, kept in a storage, as tables, a picture and a page."""

from __future__ import annotations

import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ecc_lava.cli.files import import_model, load_images
from ecc_lava.cli.show.output import emit_json, provenance, show_lines, stages
from ecc_lava.cli.show.study import show_study
from ecc_lava.cli.trial_mapping import chip_mapper
from ecc_lava.common import Images, Progress, check_writable, write_bytes
from ecc_lava.conversion import calibration_subset
from ecc_lava.errors import InvalidInput
from ecc_lava.graph import Graph
from ecc_lava.inputs import batch_part, batch_size
from ecc_lava.quantisation import as_bits
from ecc_lava.studies import Search, StudyResult, TrialProgress, draw, page, require_pyarrow, study

__all__ = ["Options", "run"]

BITS, TIMESTEPS = ("4", "6", "8"), ("8", "16", "32")
TRIALS, CSV, PARQUET, PICTURE, PAGE = "trials.db", "trials.csv", "trials.parquet", "study.png", "study.html"

Words = Sequence[str] | None


@dataclass(frozen=True)
class Options:
    """Options of the command, as given."""

    calibration: Path
    data: Path
    grid: tuple[Words, Words, Words, Words, Words, Words]
    out: Path
    storage: str | None
    search: tuple[Words, int, str, int | None] | None
    chips: Words
    skip: int
    limit: int | None
    input_scale: float | None
    seed: int
    images: int
    parquet: bool

    @property
    def trials(self) -> str:
        """Where trials are kept."""
        return self.storage or str(self.out / TRIALS)

    @property
    def written(self) -> list[Path]:
        """The files that the study ends with."""
        return [self.out / name for name in (CSV, *([PARQUET] if self.parquet else []), PICTURE, PAGE)]


def run(model: Path, options: Options, input_shape: Sequence[str], json: bool) -> None:
    """Run what is not finished, write the tables and the page, and print."""
    started = time.perf_counter()
    _claim(options, model)
    varied = _varied(options)
    search = _search(options)
    mapper, chips = (None, "") if options.chips is None else chip_mapper(_several(options.chips))
    if options.parquet:
        require_pyarrow()
    with stages(window=3600.0) as stage:  # a trial can take minutes
        stage("reading the model", 0, 0)
        graph = import_model(model, input_shape, options.input_scale)
        calibration, images, labels = _images(options, graph, varied["codings"] == ["events"])
        stage("reading the model", 1, 1)
        try:
            result = study(
                graph,
                calibration=calibration,
                data=images,
                labels=labels,
                **varied,
                search=search,
                storage=options.trials,
                mapper=mapper,
                mapper_name=chips,
                seed=options.seed,
                progress=_Shown(stage),
            )
        except KeyboardInterrupt:
            sys.stderr.write(f"ecc-lava: what is finished is kept in {options.trials}; the same command goes on from there\n")
            raise
    _write(options, result, model.name)
    written = [str(path) for path in options.written]
    if json:
        seconds = round(time.perf_counter() - started, 3)
        emit_json(provenance(**_as_json(result), seconds=seconds, storage=options.trials, files=written))
        return
    show_study(result, f"{model.name} on {options.data.name}")
    show_lines(f"written: {', '.join(written)}; trials are kept in {options.trials}")


def _as_json(result: StudyResult) -> dict[str, Any]:
    front = {trial.key for trial in result.front()}
    return {
        "context": dict(result.context),
        "ann_accuracy": result.ann_accuracy,
        "trials": [{**row, "on_front": row["key"] in front} for row in result.rows],
        "objectives": list(result.objectives),
        "left_out": list(result.left_out),
        "searched": [trial.as_row() for trial in result.searched],
    }


def _claim(options: Options, model: Path) -> None:
    """Make the output folder, and find out whether all that is to be written can be."""
    try:
        options.out.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InvalidInput(f"{options.out}: the folder cannot be made: {error.strerror or error}; give another with --out") from error
    for path in options.written:
        check_writable(path, inputs=(model, options.calibration, options.data))


def _several(words: Words) -> list[str]:
    """Return the values of an option that takes several, one after the other or one by one."""
    return [value for word in words or () for value in word.split(",") if value]


def _varied(options: Options) -> dict[str, Any]:
    bits, timesteps, formats, recipes, codings, percentiles = (_several(words) for words in options.grid)
    return {
        "bits": [as_bits(word) for word in bits or BITS],
        "timesteps": [_number("--timesteps", word, int) for word in timesteps or TIMESTEPS],
        "formats": formats or ["loihi2"],
        "recipes": recipes or ["best"],
        "codings": codings or None,
        "percentiles": [_number("--percentile", word, float) for word in percentiles] or None,
    }


def _number(option: str, word: str, kind: type) -> Any:
    try:
        return kind(word)
    except ValueError as error:
        raise InvalidInput(f"{option} {word}: {'a whole number' if kind is int else 'a number'} is needed") from error


def _search(options: Options) -> Search | None:
    if options.search is None:
        return None
    objectives, trials, sampler, selection = options.search
    return Search(trials, tuple(_several(objectives)), sampler, selection, options.seed)


def _images(options: Options, graph: Graph, events: bool) -> tuple[Images, Images, Any]:
    """Return the calibration images drawn, and the images and labels that settings are judged by."""
    specs = [spec._replace(events=events) for spec in graph.input_specs]
    calibration = load_images(options.calibration, "train", specs).x
    chosen = calibration_subset(batch_size(calibration), options.seed, options.images)
    judged = load_images(options.data, "test", specs, None if options.limit is None else options.skip + options.limit)
    if options.skip >= batch_size(judged.x):
        raise InvalidInput(f"--skip {options.skip}: {options.data} has {batch_size(judged.x)} images")
    part = slice(options.skip, None)
    return batch_part(calibration, chosen), batch_part(judged.x, part), None if judged.y is None else judged.y[part]


def _write(options: Options, result: StudyResult, name: str) -> None:
    result.to_csv(options.out / CSV)
    if options.parquet:
        result.to_parquet(options.out / PARQUET)
    write_bytes(options.out / PICTURE, draw(result))
    write_bytes(options.out / PAGE, page(result, name).encode())


class _Shown:
    """Shows where a study stands: all trials, and the images of the setting at work."""

    def __init__(self, stage: Progress) -> None:
        self._stage = stage

    def __call__(self, step: TrialProgress) -> None:
        self._stage("trials", step.done + (step.finished is not None), step.total)
        if step.setting is not None:
            width = f"{step.setting.bits} bit" if isinstance(step.setting.bits, int) else "mixed widths"
            ended = step.finished is not None
            self._stage(f"{width}, T={step.setting.timesteps}: images", step.images_done + ended, step.images + ended)
