"""The picture of how the mapper grows: seconds and memory against neurons, MobileNet for ever larger images as lines, others as points."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

__all__ = ["draw"]

COLOURS = {"loihi1": "#0072b2", "loihi2": "#d55e00"}
MARKERS = {"loihi1": "o", "loihi2": "s"}
PANELS = (
    ("seconds", "seconds of mapping", (2, 5, 10, 20, 50), "lower right"),
    ("peak_mib", "MiB at most, TensorFlow included", (500, 1000, 2000, 5000, 10000), "upper left"),
)
"""Figure of a row, its name, its ticks, and where the legend is."""


def _panel(axes: Any, rows: Sequence[dict[str, Any]], figure: str) -> None:
    for chip, colour in COLOURS.items():
        found = sorted((row for row in rows if row["chip"] == chip and row["cores"]), key=lambda row: row["neurons"])
        grown = [row for row in found if "@" in row["network"]]
        axes.plot([r["neurons"] for r in grown], [r[figure] for r in grown], color=colour, label=f"{chip}, MobileNet at 16 to 64 pixels")
        others = [row for row in found if "@" not in row["network"]]
        style = {"color": colour, "marker": MARKERS[chip], "linestyle": "none"}
        axes.plot([r["neurons"] for r in others], [r[figure] for r in others], **style, label=f"{chip}, other networks")
        axes.plot([r["neurons"] for r in grown], [r[figure] for r in grown], **style, fillstyle="none")
    highest: dict[str, tuple[int, float]] = {}
    for row in rows:
        if row["cores"] and "@" not in row["network"]:
            highest[row["network"]] = row["neurons"], max(row[figure], highest.get(row["network"], (0, 0.0))[1])
    for network, place in highest.items():
        axes.annotate(network, place, xytext=(0, 7), textcoords="offset points", ha="center", fontsize=7.5)
    axes.set_xscale("log")
    axes.set_yscale("log")
    axes.margins(x=0.09, y=0.12)
    axes.set_xlabel("neurons")
    axes.grid(alpha=0.3)


def draw(rows: Sequence[dict[str, Any]], path: Path) -> None:
    """Draw the rows of the strict model that fit."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    strict = [row for row in rows if row["model"] == "strict"]
    picture = Figure(figsize=(12.5, 5), layout="constrained")
    FigureCanvasAgg(picture)
    for axes, (figure, name, ticks, corner) in zip(picture.subplots(1, 2), PANELS, strict=True):
        _panel(axes, strict, figure)
        axes.set_ylabel(name)
        axes.set_yticks(ticks, [f"{tick:,}" for tick in ticks])
        axes.minorticks_off()
        axes.legend(fontsize=8, frameon=False, loc=corner)
    picture.savefig(path, dpi=110)
