"""The picture of a study: accuracy against T, memory, and energy or events; of streams against their error and events."""

from __future__ import annotations

import io
from collections.abc import Callable
from math import log2
from typing import Any, Final, TypeAlias

from ecc_lava.errors import InvalidInput
from ecc_lava.studies.objectives import OBJECTIVES, front
from ecc_lava.studies.results import StudyResult
from ecc_lava.studies.trials.trial import Figures, Trial

__all__ = ["draw", "draw_on"]

SHOWN_RANGE: Final = 0.15
"""Range of the accuracy axis below the best trial; trials below it are drawn at the edge."""

MARKERS: Final = "osD^vP"

NEAR, APART, SPREAD = 0.012, 0.025, 0.12
"""Shares of an axis: points nearer than the first hide one another and stand apart by the second, all together by the third at most."""

ERROR_SHOWN_MIN: Final = 0.125
"""Percent; a stream with less error, such as one that sends every change, is drawn here."""

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

    figure = Figure(figsize=(11, 4.4), layout="constrained")
    FigureCanvasAgg(figure)
    draw_on(figure.subplots(1, 3, sharey=True), result)
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", dpi=100)
    return buffer.getvalue()


def draw_on(axes: Any, result: StudyResult) -> None:
    """Draw into three axes of matplotlib, and a legend below them.

    Parameters
    ----------
    axes : three axes of a figure with constrained layout
    result : StudyResult
    """
    ran = [(trial, trial.figures) for trial in result.trials if trial.figures is not None]
    if not ran:
        raise InvalidInput("no setting of the study could run: there is nothing to draw")
    reference = result.ann_accuracy
    floor = _floor([f.score for _, f in ran] + ([] if reference is None else [reference]))
    streams = any(f.output_error is not None for _, f in ran)
    columns: list[tuple[str, _Value]] = [
        ("RMS error of streams, % of the outputs' deviation", _shown_error)
        if streams
        else ("timesteps T", lambda t, f: t.setting.timesteps),
        ("events, % of those of whole frames", lambda t, f: 100.0 * (f.share_of_events or 1.0))
        if streams
        else ("memory of the weights, KiB", lambda t, f: f.memory_kib),
        ("energy per image, uJ", lambda t, f: t.energy_uj or 0.0)
        if all(trial.energy_uj is not None for trial, _ in ran)
        else ("events per image, millions", lambda t, f: (t.events_per_image or 0.0) / 1e6),
    ]
    for axis, (words, across) in zip(axes, columns, strict=True):
        _draw_points(axis, ran, across, floor, joined="memory" not in words, measured=reference is not None)
        if reference is not None:
            axis.axhline(100 * reference, color="0.5", linestyle="--", linewidth=1, label=f"CNN, {100 * reference:.1f} %")
        axis.set_xlabel(words)
        if floor:
            axis.set_ylim(100 * floor, None)
        _mark_x(axis, sorted({across(t, f) for t, f in ran}))
    best = sorted(front([t for t, _ in ran], ("accuracy", "memory")), key=lambda t: OBJECTIVES["memory"].value(t) or 0.0)
    shown = [(t.figures.memory_kib, 100 * max(t.figures.score, floor)) for t in best if t.figures is not None]
    if not streams:
        axes[1].step(*zip(*shown, strict=True), where="post", color="0.2", linestyle=":", linewidth=1.4, label="front", zorder=2)
    axes[0].set_ylabel(f"{result.score_name} on {ran[0][1].images:,} images, %")
    if floor:
        axes[0].set_title(f"points below {100 * floor:.1f} % are drawn at the edge", fontsize=9, color="0.4")
    _legend(axes[1], ran)


def _shown_error(trial: Trial, f: Figures) -> float:
    """Return an error in percent, at least the smallest shown, as the axis is logarithmic."""
    return max(100.0 * (f.output_error or 0.0), ERROR_SHOWN_MIN)


def _draw_points(axis: Any, ran: _Ran, across: _Value, floor: float, joined: bool, measured: bool) -> None:
    """Draw every line of trials, with its points joined if they differ in T alone, and the 95 % intervals of accuracies."""
    moves = set_apart([(log2(max(across(t, f), 1e-12)), 100 * max(f.score, floor)) for t, f in ran])
    moved = {t: x * 2**move for (t, f), move in zip(ran, moves, strict=True) for x in (across(t, f),)}
    for number, members in enumerate(_lines(ran).values()):
        points = sorted((across(t, f), moved[t], 100 * max(f.score, floor)) for t, f in members)
        first = members[0][0]
        colour = _colour(first)
        if joined and isinstance(first.setting.bits, int):
            axis.plot([x for x, _, _ in points], [y for _, _, y in points], linewidth=1.2, zorder=2, color=colour)
        style = {"linestyle": "", "marker": _marker(first, ran), "markersize": 5, "color": colour, "zorder": 3 + number}
        axis.plot([x for _, x, _ in points], [y for _, _, y in points], clip_on=False, **style)
        for trial, f in members if measured else []:
            if f.score >= floor:
                low, high = (100 * max(end, floor) for end in f.interval)
                axis.plot([moved[trial]] * 2, [low, high], color=colour, alpha=0.35, linewidth=1, zorder=1)


def set_apart(points: list[tuple[float, float]]) -> list[float]:
    """Return how far to move each point along x, so that points that would hide one another stand side by side.

    Distances are shares of the range of all points; where there is none, of 1.
    """
    span_x, span_y = (max(values) - min(values) or 1.0 for values in zip(*points, strict=True))
    groups: list[list[int]] = []
    for index, (x, y) in enumerate(points):
        for group in groups:
            other_x, other_y = points[group[0]]
            if abs(x - other_x) < NEAR * span_x and abs(y - other_y) < NEAR * span_y:
                group.append(index)
                break
        else:
            groups.append([index])
    moves = [0.0] * len(points)
    for group in groups:
        step = min(APART, SPREAD / max(len(group) - 1, 1)) * span_x
        for place, index in enumerate(group):
            moves[index] = (place - (len(group) - 1) / 2) * step + points[group[0]][0] - points[index][0]
    return moves


def _mark_x(axis: Any, values: list[float]) -> None:
    """Give an axis its scale, grid and ticks: one tick for every value if there are few."""
    axis.set_xscale("log", base=2)
    axis.grid(alpha=0.3)
    if len(values) > TICKS_MAX:
        from matplotlib.ticker import LogLocator, MaxNLocator

        low, high = values[0], values[-1]
        powers = [tick for tick in LogLocator(base=2).tick_values(low, high) if low <= tick <= high]
        values = powers if len(powers) > 2 else [tick for tick in MaxNLocator(5).tick_values(low, high) if low <= tick <= high]
    axis.set_xticks(values, tick_labels(values))
    axis.minorticks_off()


def tick_labels(values: list[float]) -> list[str]:
    """Return sorted values with the fewest digits, three at least, that are within a hundredth of the way to the next tick."""
    ends = [values[0] - abs(values[0]), *values, values[-1] + abs(values[-1])]
    near = [min(value - left, right - value) / 100 for left, value, right in zip(ends, values, ends[2:], strict=False)]
    for digits in range(3, 12):
        rounded = [float(f"{value:.{digits}g}") for value in values]
        if all(abs(short - value) <= most for short, value, most in zip(rounded, values, near, strict=True)):
            break
    return [f"{value:,.10g}" for value in rounded]


def _legend(axis: Any, ran: _Ran) -> None:
    """Explain colours, markers and lines below all axes: colours stand for widths, markers for everything else that differs."""
    from matplotlib.lines import Line2D

    widths = {trial.setting.bits if isinstance(trial.setting.bits, int) else "mixed": trial for trial, _ in ran}
    handles, names = list(axis.get_legend_handles_labels()[0]), list(axis.get_legend_handles_labels()[1])
    for width in sorted(widths, key=str):
        handles.append(Line2D([], [], linewidth=3, color=_colour(widths[width])))
        names.append("mixed widths" if width == "mixed" else f"{width} bit")
    kinds = {_kind(trial, ran): trial for trial, _ in ran}
    for kind, trial in kinds.items() if len(kinds) > 1 else ():
        handles.append(Line2D([], [], linestyle="", marker=_marker(trial, ran), color="0.3"))
        names.append(kind)
    axis.figure.legend(handles, names, loc="outside lower center", ncols=6, fontsize=8, frameon=False)


def _floor(scores: list[float]) -> float:
    """Return where the accuracy axis begins: below all scores within `SHOWN_RANGE` of the best; 0 if that shows all scores."""
    most = max(scores)
    inside = [score for score in scores if score >= most - SHOWN_RANGE]
    return 0.0 if len(inside) == len(scores) else min(inside) - 0.1 * (most - min(inside) or 0.1)


def _lines(ran: _Ran) -> dict[str, _Ran]:
    """Return the trials of every line, which differ in T alone, by the line's name."""
    lines: dict[str, _Ran] = {}
    for trial, figures in ran:
        width = f"{trial.setting.bits} bit" if isinstance(trial.setting.bits, int) else "mixed"
        lines.setdefault(f"{width}, {_kind(trial, ran)}", []).append((trial, figures))
    return lines


def _kind(trial: Trial, ran: _Ran) -> str:
    """Return what differs between trials beside width and T, in words."""
    several = [
        name for name in ("format", "recipe", "coding", "percentile", "spikes") if len({getattr(t.setting, name) for t, _ in ran}) > 1
    ]
    return ", ".join(
        f"percentile {value:g}" if isinstance(value := getattr(trial.setting, name), float) else str(value) for name in several
    )


def _colour(trial: Trial) -> Any:
    from matplotlib import colormaps

    if not isinstance(trial.setting.bits, int):
        return "C6"
    return colormaps["viridis"]((8 - trial.setting.bits) / 6.5)


def _marker(trial: Trial, ran: _Ran) -> str:
    """Return the marker of a trial; it stands for everything but T, the width and what a stream sends."""
    kinds = list(dict.fromkeys(t.setting.unstreamed.others for t, _ in ran))
    return "*" if not isinstance(trial.setting.bits, int) else MARKERS[kinds.index(trial.setting.unstreamed.others) % len(MARKERS)]
