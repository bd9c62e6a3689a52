"""What `ecc-lava check` found, as tables on the terminal."""

from __future__ import annotations

from ecc_lava.analysis import CheckReport, Differences
from ecc_lava.cli.show.output import as_figure, as_percent, show_table
from ecc_lava.scores import MEASURES

__all__ = ["show_report"]


def show_report(report: CheckReport) -> None:
    """Print a report as tables."""
    rows = [
        ("golden against fast", _differences(report.golden_vs_fast)),
        ("float engine on the integers against fast", _differences(report.float_on_integers_vs_fast)),
        ("Lava against fast", _differences(report.lava_vs_fast)),
        *_accuracies(report),
    ]
    unproven = sum(not bound.one_step_fits for bound in report.ranges)
    if unproven:
        rows.append(("sums of one step", f"weights alone do not bound {unproven} of {len(report.ranges)}; every step was checked"))
    if report.graded_synops_per_image:
        rows.append(("graded synops per image", f"{report.graded_synops_per_image:,.0f}"))
        rows.append(("payload bits per image", f"{report.payload_bits_per_image:,.0f}"))
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


def _accuracies(report: CheckReport) -> list[tuple[str, str]]:
    """Return the rows of accuracy and agreement, and those of other figures by output."""
    rows = []
    if any(MEASURES[name].is_share for score in report.scores for name in score.against_cnn or {"accuracy": None}):
        rows = [
            ("accuracy: ANN", as_percent(report.ann_accuracy, report.images)),
            ("accuracy: closed form", as_percent(report.closed_form_accuracy, report.images)),
            ("accuracy: float, time-stepped", as_percent(report.float_accuracy, report.images)),
            ("accuracy: integers", as_percent(report.integer_accuracy, report.images)),
            ("agreement of integers with the ANN", as_percent(report.agreement, report.images)),
        ]
    for score in report.scores:
        where = f", output {score.output}" if len(report.scores) > 1 else ""
        against = (("integers against the ANN", score.against_cnn), ("ANN against labels", score.cnn_against_labels))
        for what, found in (*against, ("integers against labels", score.against_labels)):
            for name, value in (found or {}).items():
                if name not in ("accuracy", "agreement"):
                    rows.append((f"{MEASURES[name].title}: {what}{where}", as_figure(name, value)))
    return rows


def _differences(found: Differences | None) -> str:
    if found is None:
        return "not run: Lava is not installed"
    return f"{found.differing_spikes} spikes and {found.differing_potentials} potentials differ on {found.images} images"
