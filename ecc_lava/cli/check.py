"""`ecc-lava check`: every stage against the one before."""

from __future__ import annotations

import time
from math import isnan
from pathlib import Path

from ecc_lava.batches import batch_size
from ecc_lava.checking import CheckReport, Differences, check
from ecc_lava.cli.models import load_images
from ecc_lava.cli.output import FAILED, OK, as_percent, emit_json, provenance, show_lines, show_table, stages
from ecc_lava.dataset import digest
from ecc_lava.errors import InvalidInput, RangeError
from ecc_lava.storage import load

__all__ = ["run", "show_report"]


def run(network: Path, data: Path, limit: int | None, lava_limit: int, max_loss: float | None, json: bool) -> int:
    """Check and print; return the exit code."""
    started = time.perf_counter()
    integer, snn, graph = load(network)
    images = load_images(data, "test", integer.input_specs, limit)
    if max_loss is not None:
        _check_comparable(network, data, graph is not None, images.y is not None, max_loss)
    try:
        with stages() as stage:
            report = check(integer, images.x, snn=snn, graph=graph, labels=images.y, exact_images=lava_limit, progress=stage)
    except RangeError as error:
        if json:
            seconds = round(time.perf_counter() - started, 3)
            facts = {"images": batch_size(images.x), "range_error": str(error), "ok": False, "seconds": seconds}
            emit_json(provenance(data_digest=digest(images.x), **facts))
        else:
            show_lines(f"FAILED: {error}")
        return FAILED
    loss = None
    if report.ann_accuracy is not None and report.integer_accuracy is not None:
        loss = 100.0 * (report.ann_accuracy - report.integer_accuracy)
    passed = report.ok and (max_loss is None or loss is None or loss <= max_loss)
    if json:
        seconds = round(time.perf_counter() - started, 3)
        emit_json(
            provenance(data_digest=digest(images.x), **report.as_dict(), range_error=None, loss_points=loss, ok=passed, seconds=seconds)
        )
    else:
        show_report(report)
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
