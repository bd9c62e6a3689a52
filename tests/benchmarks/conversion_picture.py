"""The picture of how conversion grows: seconds and memory against calibration images, T and the width of the network."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

__all__ = ["draw"]


class Panel(NamedTuple):
    """One growth: its name in the report, the axis and where a row stands on it."""

    growth: str
    axis: str
    place: Callable[[Mapping[str, Any]], float]


WIDTHS = {"vgg16_half": 0.5, "vgg16": 1.0}
PANELS = (
    Panel("images", "calibration images (ResNet-20, T = 8)", lambda row: row["images"]),
    Panel("T", "T (ResNet-20, 256 images)", lambda row: row["timesteps"]),
    Panel("width", "width of VGG16 (8 bits a spike, T = 1)", lambda row: WIDTHS[row["model"]]),
)


def draw(growth: Mapping[str, Sequence[Mapping[str, Any]]], path: Path) -> None:
    """Draw rows of `conversion.py --growth`, each of one checkout."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    picture = Figure(figsize=(12.5, 4), layout="constrained")
    FigureCanvasAgg(picture)
    for axes, panel in zip(picture.subplots(1, 3), PANELS, strict=True):
        rows = growth[panel.growth]
        places = [panel.place(row) for row in rows]
        found = [next(iter(row["contenders"].values())) for row in rows]
        axes.plot(places, [one["seconds"] for one in found], color="#0072b2", marker="o", label="seconds")
        memory = axes.twinx()
        memory.plot(places, [one["peak_mib"] for one in found], color="#d55e00", marker="s", linestyle="--", label="MiB at most")
        axes.set_xlim(0, 1.08 * max(places))
        axes.set_xlabel(panel.axis)
        axes.set_ylabel("seconds", color="#0072b2")
        memory.set_ylabel("MiB at most", color="#d55e00")
        axes.set_ylim(0, 1.1 * max(one["seconds"] for one in found))
        memory.set_ylim(0, 1.3 * max(one["peak_mib"] for one in found))
        axes.grid(alpha=0.3)
    picture.savefig(path, dpi=110)
