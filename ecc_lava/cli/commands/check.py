"""`ecc-lava check`: compare every stage with the stage before it."""

from __future__ import annotations

import time
from contextlib import nullcontext
from functools import partial
from math import isnan
from pathlib import Path
from typing import Annotated, Any, Optional

import typer

from ecc_lava.analysis import PICTURES, Attribution, CheckReport, check, draw
from ecc_lava.analysis import attribute as attribute_loss
from ecc_lava.cli.files import check_labels_of_file, open_images
from ecc_lava.cli.options import Data, Json, Limit, Network, Tasks, chosen_tasks
from ecc_lava.cli.show.attribution import show_attribution
from ecc_lava.cli.show.inputs import input_facts, show_inputs
from ecc_lava.cli.show.output import FAILED, OK, emit_json, provenance, show_lines
from ecc_lava.cli.show.progress import stages
from ecc_lava.cli.show.report import show_report
from ecc_lava.cli.stream_check import StreamCheck, check_stream_file
from ecc_lava.cli.workers import Dask, cluster
from ecc_lava.common import Progress, check_writable, write_bytes
from ecc_lava.errors import InvalidInput, RangeError
from ecc_lava.graph import Graph
from ecc_lava.inputs import Dataset, StoredDataset, batch_size, clipping_not_repeated, digest
from ecc_lava.networks import QuantisedNetwork, SpikingNetwork
from ecc_lava.scores import Scorer
from ecc_lava.storage import load

__all__ = ["command"]

LavaLimit = Annotated[int, typer.Option(min=1, help="Images compared bit for bit on golden and Lava.")]
MaxLoss = Annotated[Optional[float], typer.Option(metavar="P", help="Fail if more than P points of accuracy are lost.")]
MinAgreement = Annotated[
    Optional[float], typer.Option(metavar="P", help="Fail if less than P % of classes, positions or labels are those of the CNN.")
]
MinIou = Annotated[Optional[float], typer.Option("--min-iou", metavar="P", help="Fail if the mean IoU with the CNN's maps is below P %.")]
MaxError = Annotated[
    Optional[float],
    typer.Option(
        metavar="E",
        help="Fail if numbers have more than E times their deviation as RMS error against the CNN (default: 1), or the outputs of a stream "
        "against its network frame by frame.",
    ),
]
Attribute = Annotated[
    bool, typer.Option("--attribute", help="Also say which step and which layer lose accuracy, and what to change; this takes longer.")
]
Picture = Annotated[
    Optional[Path],
    typer.Option(
        metavar="FILE.png",
        help="Draw what --attribute finds, which it implies, or the frames and events of a stream: .png, .svg or .pdf.",
    ),
]


def command(
    network: Network,
    data: Data,
    limit: Limit = None,
    lava_limit: LavaLimit = 8,
    max_loss: MaxLoss = None,
    min_agreement: MinAgreement = None,
    min_iou: MinIou = None,
    max_error: MaxError = None,
    task: Tasks = None,
    attribute: Attribute = False,
    picture: Picture = None,
    dask: Dask = None,
    json: Json = False,
) -> None:
    """Check and print; exit 1 if a check fails."""
    started = time.perf_counter()
    if picture is not None:
        check_writable(picture, inputs=(network, data))
        _picture_format(picture)
    loaded = integer, snn, graph = load(network)
    if integer.is_stream:
        given = {"--max-loss": max_loss, "--min-agreement": min_agreement, "--min-iou": min_iou, "--task": task, "--dask": dask}
        refused = [name for name, value in {**given, "--attribute": attribute or None}.items() if value is not None]
        raise typer.Exit(check_stream_file(integer, graph, data, limit, StreamCheck(lava_limit, max_error, json, picture, tuple(refused))))
    images, tasks = open_images(data, "test", integer.input_specs, limit), chosen_tasks(task)
    check_labels_of_file(data, images, graph or integer, tasks)
    if max_loss is not None:
        _check_comparable(network, data, graph, Scorer(integer, graph, images.y, batch_size(images.x), tasks), max_loss)
    checked = partial(check, integer, images.x, snn=snn, graph=graph, labels=images.y, exact_images=lava_limit, task=tasks)
    try:
        with cluster(dask) as workers, stages() as stage:
            found = None if not attribute and picture is None else _attributed(network, loaded, images, tasks, stage)
            with clipping_not_repeated() if found is not None else nullcontext():
                report = checked(limits=_limits(min_agreement, min_iou, max_error), progress=stage, client=workers.client)
    except RangeError as error:
        _tell_range_error(error, integer.digest, images, started, json)
        raise typer.Exit(FAILED) from error
    if picture is not None and found is not None:
        write_bytes(picture, draw(found, _picture_format(picture)))
    loss = _points_lost(report)
    passed = report.ok and (max_loss is None or loss is None or loss <= max_loss)
    inputs = input_facts(images.x, integer.input_specs, integer.codings, integer.calibrated)
    if json:
        facts = {
            "network_digest": report.digest,
            "inputs": inputs,
            **report.as_dict(),
            "attribution": None if found is None else found.as_dict(),
            "range_error": None,
            "loss_points": loss,
        }
        _emit(images, facts, ok=passed, started=started)
    else:
        show_lines(*show_inputs(inputs))
        show_report(report)
        if found is not None:
            show_attribution(found)
        show_lines(*_outcome(report, passed, loss))
    raise typer.Exit(OK if passed else FAILED)


def _picture_format(path: Path) -> str:
    """Return the format that a picture's ending names; PNG without an ending."""
    ending = path.suffix[1:].lower() or PICTURES[0]
    if ending not in PICTURES:
        raise InvalidInput(f"{path}: a picture ends in {', '.join(f'.{known}' for known in PICTURES)}, not in {path.suffix!r}")
    return ending


_Loaded = tuple[QuantisedNetwork, Optional[SpikingNetwork], Optional[Graph]]


def _attributed(
    path: Path, loaded: _Loaded, images: Dataset | StoredDataset, tasks: str | dict[str, str] | None, stage: Progress
) -> Attribution:
    """Return where the network of a file loses what; the file must hold the networks before it."""
    integer, snn, graph = loaded
    if snn is None or graph is None:
        raise InvalidInput(f"{path}: holds no CNN or no float network, which attribution needs; convert the model again")
    return attribute_loss(integer, images.x, images.y, snn=snn, graph=graph, progress=stage, task=tasks)


def _limits(min_agreement: float | None, min_iou: float | None, max_error: float | None) -> dict[str, float]:
    """Return the limits of figures that the options give; percents become shares."""
    shares = {"agreement": min_agreement, "mean_iou": min_iou}
    given = {name: percent / 100.0 for name, percent in shares.items() if percent is not None}
    return given if max_error is None else given | {"relative_rms_error": max_error}


def _outcome(report: CheckReport, passed: bool, loss: float | None) -> tuple[str, ...]:
    """Return the last lines: whether the check passed, and what broke a limit or is in doubt."""
    if passed:
        doubt = "; but the warnings above doubt the images or labels that the CNN itself was given" if report.doubts else ""
        return (f"every check passed{doubt}",)
    if report.failures:
        return tuple(f"FAILED: {failure}" for failure in report.failures)
    return ("FAILED: see above" if not report.ok else f"FAILED: {loss:.2f} points lost",)


def _points_lost(report: CheckReport) -> float | None:
    """Return the points of accuracy between the CNN and the integers."""
    if report.ann_accuracy is None or report.integer_accuracy is None:
        return None
    return 100.0 * (report.ann_accuracy - report.integer_accuracy)


def _tell_range_error(error: RangeError, network_digest: str, images: Dataset | StoredDataset, started: float, json: bool) -> None:
    if json:
        facts = {"network_digest": network_digest, "images": batch_size(images.x), "range_error": str(error)}
        _emit(images, facts, ok=False, started=started)
    else:
        show_lines(f"FAILED: {error}")


def _emit(images: Dataset | StoredDataset, facts: dict[str, Any], *, ok: bool, started: float) -> None:
    emit_json(provenance(data_digest=digest(images.x), **facts, ok=ok, seconds=round(time.perf_counter() - started, 3)))


def _check_comparable(network: Path, data: Path, graph: Graph | None, scorer: Scorer, max_loss: float) -> None:
    if isnan(max_loss):
        raise InvalidInput("--max-loss nan; points of accuracy are needed, such as 1.5")
    if scorer.targets is None:
        raise InvalidInput(f"{data}: has no y_test, and --max-loss compares accuracies")
    if graph is None:
        raise InvalidInput(f"{network}: holds no CNN, which --max-loss compares with; convert the model again")
    if scorer.tasks[0].answers is None:
        raise InvalidInput(f"--max-loss: the task {scorer.tasks[0].name} has no accuracy to lose; limit the error with --max-error")
