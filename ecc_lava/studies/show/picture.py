"""The picture of a study: accuracy against T, against memory, and against energy or events."""

from __future__ import annotations

import io
from collections.abc import Callable
from typing import Any, Final, TypeAlias

from ecc_lava.errors import InvalidInput
from ecc_lava.studies.objectives import OBJECTIVES, front
from ecc_lava.studies.results import StudyResult
from ecc_lava.studies.trials.trial import Figures, Trial

__all__ = ["draw", "draw_on"]

SHOWN_RANGE: Final = 0.15
"""Range of the accuracy axis below the best trial; trials below it are drawn at the edge."""

MARKERS: Final = "osD^vP"

TICKS_MAX: Final = 7
"""Most values of an axis that each have a tick."""

_Ran: TypeAlias = list[tuple[Trial, Figures]]
_Value: TypeAlias = Callable[[Trial, Figures], float]


def draw(result: StudyResult) -> bytes:
    """Return a PNG.

    Raises
    ------
    InvalidInput
        If no trial could run.
    """
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(11, 3.9), layout="constrained")
    FigureCanvasAgg(figure)
    draw_on(figure.subplots(1, 3, sharey=True), result)
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", dpi=100)
    return buffer.getvalue()


def draw_on(axes: Any, result: StudyResult) -> None:
    """Draw into three axes of matplotlib.

    Parameters
    ----------
    axes : three axes
    result : StudyResult
    """
    ran = [(trial, trial.figures) for trial in result.trials if trial.figures is not None]
    if not ran:
        raise InvalidInput("no setting of the study could run: there is nothing to draw")
    reference = result.ann_accuracy
    floor = _floor([f.score for _, f in ran] + ([] if reference is None else [reference]))
    columns: list[tuple[str, _Value]] = [
        ("timesteps T", lambda t, f: t.setting.timesteps),
        ("memory of the weights, KiB", lambda t, f: f.memory_kib),
        ("energy per image, uJ", lambda t, f: t.energy_uj or 0.0)
        if all(trial.energy_uj is not None for trial, _ in ran)
        else ("events per image, millions", lambda t, f: (t.events_per_image or 0.0) / 1e6),
    ]
    for axis, (words, across) in zip(axes, columns, strict=True):
        _draw_points(axis, ran, across, floor, joined="memory" not in words)
        if reference is not None:
            axis.axhline(100 * reference, color="0.5", linestyle="--", linewidth=1, label=f"CNN, {100 * reference:.1f} %")
        axis.set_xlabel(words)
        if floor:
            axis.set_ylim(100 * floor, None)
        _mark_x(axis, sorted({across(t, f) for t, f in ran}))
    best = sorted(front([t for t, _ in ran], ("accuracy", "memory")), key=lambda t: OBJECTIVES["memory"].value(t) or 0.0)
    shown = [(t.figures.memory_kib, 100 * max(t.figures.score, floor)) for t in best if t.figures is not None]
    axes[1].step(*zip(*shown, strict=True), where="post", color="0.2", linestyle=":", linewidth=1.4, label="front", zorder=2)
    axes[0].set_ylabel(f"{'agreement with the CNN' if reference is None else 'accuracy'} on {ran[0][1].images:,} images, %")
    if floor:
        axes[0].set_title(f"points below {100 * floor:.1f} % are drawn at the edge", fontsize=9, color="0.4")
    axes[1].legend(loc="lower right", fontsize=8)


def _draw_points(axis: Any, ran: _Ran, across: _Value, floor: float, joined: bool) -> None:
    """Draw every line of trials, with its points joined if they differ in T alone."""
    for number, (name, members) in enumerate(_lines(ran).items()):
        points = sorted((across(t, f), index, 100 * max(f.score, floor)) for index, (t, f) in enumerate(members))
        first = members[0][0]
        axis.plot(
            [x for x, _, _ in points],
            [y for _, _, y in points],
            linestyle="-" if joined and isinstance(first.setting.bits, int) else "",
            linewidth=1.2,
            zorder=3 + number,
            color=_colour(first),
            marker=_marker(first, ran),
            markersize=5,
            label=name,
            clip_on=False,
        )


def _mark_x(axis: Any, values: list[float]) -> None:
    """Give an axis its scale, grid and ticks: one tick for every value if there are few."""
    axis.set_xscale("log", base=2)
    axis.grid(alpha=0.3)
    if len(values) <= TICKS_MAX:
        axis.set_xticks(values, [f"{value:,.0f}" if value >= 100 else f"{value:.3g}" for value in values])
    else:
        axis.xaxis.set_major_formatter(lambda value, _: f"{value:,.3g}")
    axis.minorticks_off()


def _floor(scores: list[float]) -> float:
    """Return where the accuracy axis begins: below all scores within `SHOWN_RANGE` of the best; 0 if that shows all scores."""
    most = max(scores)
    inside = [score for score in scores if score >= most - SHOWN_RANGE]
    return 0.0 if len(inside) == len(scores) else min(inside) - 0.1 * (most - min(inside) or 0.1)


def _lines(ran: _Ran) -> dict[str, _Ran]:
    """Return the trials of every line, which differ in T alone, by the line's name."""
    several = {name: len({getattr(t.setting, name) for t, _ in ran}) > 1 for name in ("format", "recipe", "coding", "percentile", "spikes")}
    lines: dict[str, _Ran] = {}
    for trial, figures in ran:
        width = f"{trial.setting.bits} bit" if isinstance(trial.setting.bits, int) else "mixed"
        words = [width, *(f"{getattr(trial.setting, name)}" for name, differs in several.items() if differs)]
        lines.setdefault(", ".join(words), []).append((trial, figures))
    return lines


def _colour(trial: Trial) -> Any:
    from matplotlib import colormaps

    if not isinstance(trial.setting.bits, int):
        return "C6"
    return colormaps["viridis"]((8 - trial.setting.bits) / 6.5)


def _marker(trial: Trial, ran: _Ran) -> str:
    """Return the marker of a trial; it stands for everything but T and the width."""
    kinds = list(dict.fromkeys(t.setting.others for t, _ in ran))
    return "*" if not isinstance(trial.setting.bits, int) else MARKERS[kinds.index(trial.setting.others) % len(MARKERS)]
