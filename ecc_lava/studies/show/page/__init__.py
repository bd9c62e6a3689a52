"""A study as one page of HTML: charts of accuracy against T, widths and energy, the front, and a table of all trials.

The page needs no network. To add an axis or a column, give it a line in a table here and a number in `_point`.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final

from ecc_lava.common import rendered
from ecc_lava.errors import InvalidInput
from ecc_lava.studies.results import StudyResult
from ecc_lava.studies.trials.trial import Figures, Trial

__all__ = ["page"]

_SCRIPTS: Final = ("elements.js", "charts.js", "start.js")

_AXES: Final = {
    "timesteps": ("timesteps T", True),
    "average_bits": ("mean bits per weight", False),
    "memory_kib": ("memory of the weights, KiB", True),
    "energy_uj": ("energy per image, µJ", True),
    "events": ("events per image: synops and input multiplications", True),
    "latency_steps": ("latency, timesteps", True),
    "cores": ("cores", True),
    "latency_us": ("latency, µs", True),
    "output_error": ("RMS error of the outputs, of their deviation", False),
    "share_of_events": ("events, of those of whole frames", False),
}
"""Choices of the x axis: name -> (words, whether logarithmic)."""

_COLUMNS: Final = {
    "average_bits": ("bits", "{:.2f}"),
    "timesteps": ("T", "{}"),
    "score": ("accuracy", "{:.2%}"),
    "interval": ("95 % interval", "{:.1%} to {:.1%}"),
    "loss_points": ("loss, points", "{:.2f}"),
    "agreement": ("agreement", "{:.2%}"),
    "kept_variance": ("variance kept", "{:.2%}"),
    "memory_kib": ("memory, KiB", "{:,.1f}"),
    "events": ("events", "{:,.0f}"),
    "share_of_events": ("of whole frames", "{:.1%}"),
    "output_error": ("error of outputs", "{:.4f}"),
    "energy_uj": ("energy, µJ", "{:,.1f}"),
    "latency_steps": ("latency", "{}"),
    "cores": ("cores", "{:,}"),
}
"""Columns of the table: name -> (words, format). A column without numbers is left out, and so is the score of a study without labels."""


def page(result: StudyResult, title: str = "a model") -> str:
    """Return a study as a page of HTML.

    Parameters
    ----------
    result : StudyResult
    title : str
        Name of the model.

    Raises
    ------
    InvalidInput
        If no trial could run.
    """
    ran = [(trial, trial.figures) for trial in result.trials if trial.figures is not None]
    if not ran:
        raise InvalidInput("no setting of the study could run: there is nothing to draw")
    front = set(result.front())
    series = {_series(trial): None for trial, _ in ran}
    points = [_point(trial, figures, list(series).index(_series(trial)), trial in front) for trial, figures in ran]
    axes = {name: {"words": words, "log": log} for name, (words, log) in _AXES.items() if any(p[name] is not None for p in points)}
    known = [name for name in _COLUMNS if any(p[name] is not None for p in points)]
    if result.ann_accuracy is None:
        known.remove("score")
        known.remove("interval")
    best, preferred = result.best().figures, result.preferred()
    assert best is not None
    assert preferred.figures is not None
    return rendered(
        Path(__file__).parent,
        _SCRIPTS,
        {"percent": lambda value: f"{100 * value:.2f} %"},
        title=title,
        best=best,
        preferred=preferred.figures,
        preferred_name=_name(preferred),
        energy_note=result.energy_note,
        images=ran[0][1].images,
        ann=result.ann_accuracy,
        what=result.score_name,
        objectives=result.objectives,
        points=points,
        failed=[(_name(trial), trial.error) for trial in result.trials if trial.error is not None],
        left_out=result.left_out,
        axes=axes,
        columns=[{"name": name, "words": _COLUMNS[name][0], "format": _COLUMNS[name][1]} for name in known],
        cost="energy_uj" if "energy_uj" in axes else "events",
        first="output_error" if "output_error" in axes else "timesteps",
        data={
            "points": points,
            "series": [{"name": " ".join(others), "width": width} for width, *others in series],
            "axes": axes,
            "ann": result.ann_accuracy if result.ann_accuracy is not None else 1.0,
            "what": result.score_name,
        },
        about={name: value for name, value in result.context.items() if value not in (None, "")},
    )


def _series(trial: Trial) -> tuple[str, ...]:
    """Return what the points of a line share: the width and everything else but T, and of streams what they send."""
    s = trial.setting
    width = f"{s.bits} bit" if isinstance(s.bits, int) else "mixed"
    payload = () if s.spikes == "binary" else (f"payload {s.spikes}",)
    return width, s.format, s.recipe, s.coding, f"{s.percentile:g} %", *payload


def _name(trial: Trial) -> str:
    width, *others = _series(trial)
    mean = f", mean {trial.figures.average_bits:.2f}" if trial.figures is not None and width == "mixed" else ""
    sends = "" if trial.figures is None or trial.figures.output_error is None else f", {trial.setting.sends or 'whole frames'}"
    return f"{width}{mean}, T={trial.setting.timesteps}, {', '.join(others)}{sends}"


def _point(trial: Trial, f: Figures, series: int, on_front: bool) -> dict[str, Any]:
    """Return a trial's numbers and words on the page."""
    s, m = trial.setting, trial.mapped
    return {
        "name": _name(trial),
        "series": series,
        "front": on_front,
        "bits": s.bits if isinstance(s.bits, int) else None,
        "widths": None if isinstance(s.bits, int) else dict(s.bits),
        "timesteps": s.timesteps,
        "score": f.score,
        "interval": f.interval,
        "accuracy": f.accuracy,
        "loss_points": None if f.loss is None else 100.0 * f.loss,
        "agreement": f.agreement,
        "kept_variance": f.kept_variance,
        "average_bits": f.average_bits,
        "memory_kib": f.memory_kib,
        "events": trial.events_per_image,
        "energy_uj": trial.energy_uj,
        "latency_steps": f.latency_steps,
        "cores": None if m is None else m.cores,
        "latency_us": None if m is None else m.latency_us,
        "output_error": f.output_error,
        "share_of_events": f.share_of_events,
    }
