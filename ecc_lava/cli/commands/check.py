"""`ecc-lava check`: compare every stage with the stage before it."""

from __future__ import annotations

import time
from contextlib import nullcontext
from math import isnan
from pathlib import Path
from typing import Annotated, Any, Optional

import typer

from ecc_lava.analysis import PICTURES, Attribution, CheckReport, check, draw
from ecc_lava.analysis import attribute as attribute_loss
from ecc_lava.cli.files import load_images
from ecc_lava.cli.options import Data, Json, Limit, Network
from ecc_lava.cli.show.attribution import show_attribution
from ecc_lava.cli.show.output import FAILED, OK, emit_json, provenance, show_lines
from ecc_lava.cli.show.progress import stages
from ecc_lava.cli.show.report import show_report
from ecc_lava.common import check_writable, write_bytes
from ecc_lava.errors import InvalidInput, RangeError
from ecc_lava.inputs import Dataset, batch_size, clipping_not_repeated, digest
from ecc_lava.storage import load

__all__ = ["command"]

LavaLimit = Annotated[int, typer.Option(min=1, help="Images compared bit for bit on golden and Lava.")]
MaxLoss = Annotated[Optional[float], typer.Option(metavar="P", help="Fail if more than P points of accuracy are lost.")]
Attribute = Annotated[
    bool, typer.Option("--attribute", help="Also say which step and which layer lose accuracy, and what to change; this takes longer.")
]
Picture = Annotated[
    Optional[Path], typer.Option(metavar="FILE.png", help="Draw what --attribute finds, as .png, .svg or .pdf; implies --attribute.")
]


def command(
    network: Network,
    data: Data,
    limit: Limit = None,
    lava_limit: LavaLimit = 8,
    max_loss: MaxLoss = None,
    attribute: Attribute = False,
    picture: Picture = None,
    json: Json = False,
) -> None:
    """Check and print; exit 1 if a check fails."""
    started = time.perf_counter()
    if picture is not None:
        check_writable(picture, inputs=(network, data))
        _picture_format(picture)
    integer, snn, graph = load(network)
    images = load_images(data, "test", integer.input_specs, limit)
    if max_loss is not None:
        _check_comparable(network, data, graph is not None, images.y is not None, max_loss)
    found: Attribution | None = None
    try:
        with stages() as stage:
            if attribute or picture is not None:
                if snn is None or graph is None:
                    raise InvalidInput(f"{network}: holds no CNN or no float network, which attribution needs; convert the model again")
                found = attribute_loss(integer, images.x, images.y, snn=snn, graph=graph, progress=stage)
            with clipping_not_repeated() if found is not None else nullcontext():
                report = check(integer, images.x, snn=snn, graph=graph, labels=images.y, exact_images=lava_limit, progress=stage)
    except RangeError as error:
        _tell_range_error(error, integer.digest, images, started, json)
        raise typer.Exit(FAILED) from error
    if picture is not None and found is not None:
        write_bytes(picture, draw(found, _picture_format(picture)))
    loss = _points_lost(report)
    passed = report.ok and (max_loss is None or loss is None or loss <= max_loss)
    if json:
        facts = {
            "network_digest": report.digest,
            **report.as_dict(),
            "attribution": None if found is None else found.as_dict(),
            "range_error": None,
            "loss_points": loss,
        }
        _emit(images, facts, ok=passed, started=started)
    else:
        show_report(report)
        if found is not None:
            show_attribution(found)
        show_lines("every check passed" if passed else "FAILED: see above" if not report.ok else f"FAILED: {loss:.2f} points lost")
    raise typer.Exit(OK if passed else FAILED)


def _picture_format(path: Path) -> str:
    """Return the format that a picture's ending names; PNG without an ending."""
    ending = path.suffix[1:].lower() or PICTURES[0]
    if ending not in PICTURES:
        raise InvalidInput(f"{path}: a picture ends in {', '.join(f'.{known}' for known in PICTURES)}, not in {path.suffix!r}")
    return ending


def _points_lost(report: CheckReport) -> float | None:
    """Return the points of accuracy between the CNN and the integers."""
    if report.ann_accuracy is None or report.integer_accuracy is None:
        return None
    return 100.0 * (report.ann_accuracy - report.integer_accuracy)


def _tell_range_error(error: RangeError, network_digest: str, images: Dataset, started: float, json: bool) -> None:
    if json:
        facts = {"network_digest": network_digest, "images": batch_size(images.x), "range_error": str(error)}
        _emit(images, facts, ok=False, started=started)
    else:
        show_lines(f"FAILED: {error}")


def _emit(images: Dataset, facts: dict[str, Any], *, ok: bool, started: float) -> None:
    emit_json(provenance(data_digest=digest(images.x), **facts, ok=ok, seconds=round(time.perf_counter() - started, 3)))


def _check_comparable(network: Path, data: Path, graph: bool, labels: bool, max_loss: float) -> None:
    if isnan(max_loss):
        raise InvalidInput("--max-loss nan; points of accuracy are needed, such as 1.5")
    if not labels:
        raise InvalidInput(f"{data}: has no y_test, and --max-loss compares accuracies")
    if not graph:
        raise InvalidInput(f"{network}: holds no CNN, which --max-loss compares with; convert the model again")
