"""`ecc-lava check`: every stage against the one before."""

from __future__ import annotations

import time
from contextlib import nullcontext
from dataclasses import dataclass
from math import isnan
from pathlib import Path

from ecc_lava.analysis import Attribution, CheckReport, Differences, attribute, check, draw
from ecc_lava.cli.files import load_images
from ecc_lava.cli.show.attribution import show_attribution
from ecc_lava.cli.show.output import FAILED, OK, as_percent, emit_json, provenance, show_lines, show_table, stages
from ecc_lava.common import check_writable, write_bytes
from ecc_lava.errors import InvalidInput, RangeError
from ecc_lava.inputs import batch_size, clipping_not_repeated, digest
from ecc_lava.storage import load

__all__ = ["Options", "run", "show_report"]


@dataclass(frozen=True)
class Options:
    """Options of the command, as given."""

    limit: int | None
    lava_limit: int
    max_loss: float | None
    attribute: bool
    picture: Path | None


def run(network: Path, data: Path, options: Options, json: bool) -> int:
    """Check and print; return the exit code."""
    started = time.perf_counter()
    max_loss, picture = options.max_loss, options.picture
    if picture is not None:
        check_writable(picture, inputs=(network, data))
    integer, snn, graph = load(network)
    images = load_images(data, "test", integer.input_specs, options.limit)
    if max_loss is not None:
        _check_comparable(network, data, graph is not None, images.y is not None, max_loss)
    found: Attribution | None = None
    try:
        with stages() as stage:
            if options.attribute or picture is not None:
                if snn is None or graph is None:
                    raise InvalidInput(f"{network}: holds no CNN or no float network, which attribution needs; convert the model again")
                found = attribute(integer, images.x, images.y, snn=snn, graph=graph, progress=stage)
            with clipping_not_repeated() if found is not None else nullcontext():
                report = check(integer, images.x, snn=snn, graph=graph, labels=images.y, exact_images=options.lava_limit, progress=stage)
    except RangeError as error:
        if json:
            seconds = round(time.perf_counter() - started, 3)
            facts = {"images": batch_size(images.x), "range_error": str(error), "ok": False, "seconds": seconds}
            emit_json(provenance(data_digest=digest(images.x), **facts))
        else:
            show_lines(f"FAILED: {error}")
        return FAILED
    if picture is not None and found is not None:
        write_bytes(picture, draw(found))
    loss = None
    if report.ann_accuracy is not None and report.integer_accuracy is not None:
        loss = 100.0 * (report.ann_accuracy - report.integer_accuracy)
    passed = report.ok and (max_loss is None or loss is None or loss <= max_loss)
    if json:
        seconds = round(time.perf_counter() - started, 3)
        facts = {**report.as_dict(), "attribution": None if found is None else found.as_dict()}
        emit_json(provenance(data_digest=digest(images.x), **facts, range_error=None, loss_points=loss, ok=passed, seconds=seconds))
    else:
        show_report(report)
        if found is not None:
            show_attribution(found)
        show_lines("every check passed" if passed else "FAILED: see above" if not report.ok else f"FAILED: {loss:.2f} points lost")
    return OK if passed else FAILED


def _check_comparable(network: Path, data: Path, graph: bool, labels: bool, max_loss: float) -> None:
    if isnan(max_loss):
        raise InvalidInput("--max-loss nan; points of accuracy are needed, such as 1.5")
    if not labels:
        raise InvalidInput(f"{data}: has no y_test, and --max-loss compares accuracies")
    if not graph:
        raise InvalidInput(f"{network}: holds no CNN to compare with, which --max-loss does; convert the model again")


def show_report(report: CheckReport) -> None:
    """Print a report as tables."""
    rows = [
        ("golden against fast", _differences(report.golden_vs_fast)),
        ("float engine on the integers against fast", _differences(report.float_on_integers_vs_fast)),
        ("Lava against fast", _differences(report.lava_vs_fast)),
        ("accuracy: ANN", as_percent(report.ann_accuracy)),
        ("accuracy: closed form", as_percent(report.closed_form_accuracy)),
        ("accuracy: float, time-stepped", as_percent(report.float_accuracy)),
        ("accuracy: integers", as_percent(report.integer_accuracy)),
        ("agreement of integers with the ANN", as_percent(report.agreement)),
    ]
    show_table(f"{report.images} images, T={report.timesteps}", ("check", "result"), rows)
    layers = [
        (
            layer.name,
            "n/a" if layer.spike_count_error is None else f"{layer.spike_count_error:.4f}",
            "n/a" if layer.rate_correlation is None else f"{layer.rate_correlation:.4f}",
            str(layer.saturated_low),
            str(layer.saturated_high),
        )
        for layer in report.layers
    ]
    show_table("Float against integers, by layer", ("layer", "count error / T", "correlation", "saturated low", "high"), layers)


def _differences(found: Differences | None) -> str:
    if found is None:
        return "not run: Lava is not installed (it needs Python 3.10)"
    return f"{found.differing_spikes} spikes and {found.differing_potentials} potentials differ on {found.images} images"
