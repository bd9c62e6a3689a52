"""The attribution as a picture: the ladder, and the layers."""

from __future__ import annotations

import io
import textwrap
from typing import Any

import numpy as np

from ecc_lava.analysis.attribution.advice import in_words
from ecc_lava.analysis.attribution.report import Attribution, LayerLoss

__all__ = ["PICTURES", "draw"]

PICTURES = ("png", "svg", "pdf")
"""Formats of pictures, which are also the endings of their files."""

LAYERS = 40
"""Most layers shown; a network of more shows the layers that cost most."""

LOST, WON = "#d55e00", "#0072b2"
PARTS = {"clipping": "#e69f00", "timesteps": "#0072b2", "rounding": "#cc79a7"}
"""Part of a layer's loss by itself -> its colour."""


def draw(found: Attribution, format: str = "png") -> bytes:
    """Return a picture with the ladder, the loss of every layer, and the advice, in a format of `PICTURES`."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    layers = _shown(found)
    figure = Figure(figsize=(13, max(4.8, 1.9 + 0.24 * len(layers))), layout="constrained")
    FigureCanvasAgg(figure)
    ladder, points, errors = figure.subplots(1, 3, width_ratios=(3.2, 2.6, 2.2))
    measure = found.measure
    _draw_ladder(ladder, found, measure)
    _draw_points(points, layers, measure)
    _draw_errors(errors, layers)
    lines = [textwrap.fill(line, 165) for line in in_words(found)]
    figure.suptitle("\n".join(lines), fontsize=9.5, x=0.01, ha="left")
    buffer = io.BytesIO()
    figure.savefig(buffer, format=format, dpi=110)
    return buffer.getvalue()


def _shown(found: Attribution) -> list[LayerLoss]:
    """Return the layers that cost most, in the network's order."""
    cost = sorted(found.layers, key=lambda layer: -max(layer.alone.error, layer.in_network.error))
    chosen = {layer.name for layer in cost[:LAYERS]}
    return [layer for layer in found.layers if layer.name in chosen]


def _draw_ladder(axes: Any, found: Attribution, measure: str) -> None:
    """Draw a bar from every rung's share of good predictions to the next one's, with its standard error."""
    rungs = found.rungs
    levels = [100 * rung.good for rung in rungs]
    axes.plot([levels[0], levels[0]], [-0.4, 0.4], color="0.2", linewidth=3)
    axes.annotate(f"  {levels[0]:.1f} %", (levels[0], 0), va="center", fontsize=9)
    for row, (before, after, rung) in enumerate(zip(levels, levels[1:], rungs[1:], strict=False), 1):
        change = rung.change
        assert change is not None
        axes.plot([before, before], [row - 1, row + 0.35], color="0.6", linewidth=0.8)
        axes.barh(row, after - before, left=before, height=0.7, color=LOST if after < before else WON)
        axes.plot([after, after], [row - 0.35, row + 0.35], color="0.2", linewidth=1.5)
        if change.flips.uncertainty:
            axes.errorbar(after, row, xerr=change.flips.uncertainty, color="0.2", linewidth=1, capsize=2)
        text = f"  {after - before:+.1f} ± {change.flips.uncertainty:.1f}"
        axes.annotate(text, (max(before, after + change.flips.uncertainty), row), va="center", fontsize=9)
    axes.set_yticks(range(len(rungs)), [_named(rung.name, found.timesteps) for rung in rungs])
    axes.invert_yaxis()
    errors = [0.0, *(rung.change.flips.uncertainty for rung in rungs if rung.change is not None)]
    low, high = (end(level + sign * error for level, error in zip(levels, errors, strict=True)) for end, sign in ((min, -1), (max, 1)))
    span = max(high - low, 1.0)
    axes.set_xlim(low - 0.15 * span, high + 0.45 * span)
    axes.set_xticks([tick for tick in axes.get_xticks() if low - 0.15 * span <= tick <= min(100.0, high + 0.45 * span)])
    axes.set_xlabel(f"{measure} on {found.images} images, %")
    axes.set_title("the ladder: points and standard error of each step", fontsize=10)
    axes.grid(axis="x", alpha=0.3)


def _named(name: str, timesteps: int) -> str:
    return {"ann": "CNN", "timesteps": f"timesteps, T={timesteps}"}.get(name, name)


def _draw_points(axes: Any, layers: list[LayerLoss], measure: str) -> None:
    """Draw what each layer loses: by itself as bars of its parts, losses to the right, and in the network as a dot."""
    axes.use_sticky_edges = False  # a margin beside the longest bar too
    rows = np.arange(len(layers))
    right, left = np.zeros(len(layers)), np.zeros(len(layers))
    for part, colour in PARTS.items():
        values = np.array([getattr(layer, part).points for layer in layers])
        axes.barh(rows, values, left=np.where(values > 0, right, left), height=0.7, color=colour, label=f"{part}, by itself")
        right, left = right + np.maximum(values, 0), left + np.minimum(values, 0)
    axes.plot([layer.in_network.points for layer in layers], rows, "D", markersize=4, color="0.15", label="joining the integers")
    axes.axvline(0, color="0.4", linewidth=0.8)
    axes.set_xlabel(f"{measure} lost, points")
    _finish(axes, layers)
    axes.set_yticks(rows, [f"{layer.name} ({layer.bits} bit)" for layer in layers], fontsize=7.5)


def _draw_errors(axes: Any, layers: list[LayerLoss]) -> None:
    """Draw how far each layer moves the logits."""
    rows = np.arange(len(layers))
    axes.plot([layer.alone.error for layer in layers], rows, "o", markersize=4, color=PARTS["timesteps"], label="by itself")
    axes.plot([layer.in_network.error for layer in layers], rows, "D", markersize=4, color="0.15", label="joining the integers")
    axes.axvline(0, color="0.4", linewidth=0.8)
    axes.set_xlabel("error of the logits / their variance")
    _finish(axes, layers)
    axes.set_yticks(rows, [""] * len(layers))


def _finish(axes: Any, layers: list[LayerLoss]) -> None:
    axes.set_ylim(len(layers) - 0.4, -0.6)
    axes.grid(axis="x", alpha=0.3)
    axes.legend(fontsize=7.5, loc="lower center", bbox_to_anchor=(0.5, 1.0), ncols=2, frameon=False)
