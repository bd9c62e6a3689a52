"""The picture of a sweep: the cores of every row against their lower bound, and the cores as the limits of a core grow."""

from __future__ import annotations

import io
from typing import Any, Final

from hw_mappings.sweeps.growing import GROWTHS
from hw_mappings.sweeps.rows import SweepRow
from hw_mappings.sweeps.sensitivity import LimitSensitivity
from hw_mappings.sweeps.sweep import Sweep

__all__ = ["PICTURES", "draw"]

PICTURES: Final = ("png", "svg", "pdf")
"""Formats of pictures, which are also the endings of their files."""

COLOURS: Final = ("#0072b2", "#e69f00", "#cc79a7", "#d55e00")
"""Colours of the chips, and of the limits, in turn."""
LINES: Final = (("o", "-"), ("s", "--"), ("D", "-."), ("^", ":"), ("v", "-"), ("P", "--"), ("X", "-."), ("*", ":"))
"""Marker and line of the limits in turn."""
DARK, PALE = "0.15", 0.45


def draw(sweep: Sweep, title: str, format: str = "png") -> bytes:
    """Return a picture in a format of `PICTURES`."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(13, max(5.0, 1.8 + 0.3 * len(sweep.rows))), layout="constrained")
    FigureCanvasAgg(figure)
    rows, limits = figure.subplots(1, 2, width_ratios=(3, 2))
    _draw_rows(rows, sweep.rows)
    _draw_limits(limits, sweep.sensitivity)
    figure.suptitle(f"What {title} needs", x=0.01, ha="left", fontsize=11)
    buffer = io.BytesIO()
    figure.savefig(buffer, format=format, dpi=110)
    return buffer.getvalue()


def _draw_rows(axes: Any, rows: tuple[SweepRow, ...]) -> None:
    """Draw a bar for every row, its lower bound as a line, and its chips and board behind it; of a row that does not fit, these words."""
    colours = {name: COLOURS[number % len(COLOURS)] for number, name in enumerate(dict.fromkeys(row.chip for row in rows))}
    most = max((row.cores or 1 for row in rows), default=1)
    for place, row in enumerate(rows):
        cores, bound = row.cores or 0, row.lower_bound_cores if row.fits else None
        axes.barh(place, cores, height=0.72, color=colours[row.chip], alpha=1.0 if row.synapse_model == "strict" else PALE)
        if bound is not None:
            axes.plot([bound, bound], [place - 0.42, place + 0.42], color=DARK, linewidth=2)
        words = f"{row.cores:,} on {row.chips:,} chip{'s' * (row.chips != 1)}: {row.board}" if row.cores and row.chips else "does not fit"
        axes.annotate(words, (cores, place), xytext=(5, 0), textcoords="offset points", va="center", fontsize=8)
    axes.set_yticks(range(len(rows)), [_named(row) for row in rows], fontsize=8)
    axes.set_ylim(len(rows) - 0.4, -0.6)
    axes.set_xlim(0, 1.45 * most)
    axes.xaxis.get_major_locator().set_params(integer=True)
    axes.set_xlabel("cores")
    axes.grid(axis="x", alpha=0.3)
    axes.set_title("bars: cores found, paler with ideal synapses; lines: lower bound; *: the network as it is", fontsize=8.5, loc="left")


def _named(row: SweepRow) -> str:
    return f"{row.chip}, {row.synapse_model}, weights {row.width}, spikes {row.payload}{' *' * row.is_own}"


def _draw_limits(axes: Any, found: LimitSensitivity | None) -> None:
    """Draw the cores against the growth of every limit; those that change nothing share one line."""
    if found is None or all(number is None for growth in found.limits for number in growth.cores):
        axes.axis("off")
        return
    places = range(len(GROWTHS) + 2)
    still = [growth for growth in found.limits if len(set(growth.cores)) == 1]
    for number, growth in enumerate(growth for growth in found.limits if growth not in still):
        marker, line = LINES[number % len(LINES)]
        known = [(place, cores) for place, cores in zip(places, growth.cores, strict=True) if cores is not None]
        colour, name = COLOURS[number % len(COLOURS)], growth.resource.replace("_", " ")
        axes.plot(*zip(*known, strict=True), marker=marker, linestyle=line, color=colour, label=name)
        for place, cores in known:
            axes.annotate(f"{cores:,}", (place, cores), xytext=(0, 6), textcoords="offset points", ha="center", fontsize=8)
    if still and still[0].cores[0] is not None:
        names = ", ".join(growth.resource.replace("_", " ") for growth in still)
        axes.plot(places, still[0].cores, color="0.6", linewidth=1, zorder=1, label=f"no change: {names}")
    highest = max(cores for growth in found.limits for cores in growth.cores if cores is not None)
    if found.chips is not None and found.goal_cores is not None:
        axes.axhline(found.goal_cores, color=DARK, linestyle=":", linewidth=1, label=f"one chip fewer: {found.goal_cores:,} cores")
    axes.set_xticks(places, ["as it is", *(f"x {1 + percent / 100:g}" for percent in GROWTHS), "no limit"])
    axes.set_xlim(-0.3, len(GROWTHS) + 1.3)
    axes.set_ylim(0, 1.12 * highest)
    axes.yaxis.get_major_locator().set_params(integer=True)
    axes.set_xlabel("limit of a core")
    axes.set_ylabel("cores")
    axes.grid(alpha=0.3)
    axes.set_title(f"{found.chip}, {found.synapse_model}: cores as one limit grows", fontsize=9, loc="left")
    axes.legend(fontsize=8, frameon=False, loc="upper center", bbox_to_anchor=(0.5, -0.14))
