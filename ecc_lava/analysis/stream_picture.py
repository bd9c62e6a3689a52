"""The check of a stream as a picture: the frames of one sequence, and below them the events of every frame."""

from __future__ import annotations

import io
from typing import Any

import numpy as np

from ecc_lava.analysis.streams import StreamReport
from ecc_lava.common import Array

__all__ = ["draw_stream"]

SHOWN = 12
"""Most frames shown; a longer sequence shows some at equal distances."""

STREAM, WHOLE = "#0072b2", "0.45"


def draw_stream(report: StreamReport, frames: Array, format: str = "png") -> bytes:
    """Return a picture of a sequence and of its events.

    Parameters
    ----------
    report : StreamReport
        Its events are means over all sequences, and those of the network frame by frame are a mean over all frames.
    frames : array (F, H, W, C)
        One sequence; of channels other than 1 or 3 the mean is shown.
    format : str
        One of `PICTURES`.
    """
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    shown = np.unique(np.linspace(0, len(frames) - 1, SHOWN).round().astype(int))
    figure = Figure(figsize=(11, 4.2), layout="constrained")
    FigureCanvasAgg(figure)
    grid = figure.add_gridspec(2, len(shown), height_ratios=(1, 2.2))
    low, high = float(frames.min()), float(frames.max())
    for column, frame in enumerate(shown):
        axes = figure.add_subplot(grid[0, column])
        axes.imshow(_visible(frames[frame], low, high), cmap="gray", vmin=0, vmax=1)
        axes.set_title(f"frame {frame}", fontsize=8)
        axes.set_axis_off()
    _draw_events(figure.add_subplot(grid[1, :]), report)
    figure.suptitle(
        f"synops {100 * report.events:.1f} %, messages {100 * report.messages:.1f} % of the network frame by frame; "
        f"RMS error of the outputs {report.error:.3g} of their deviation",
        fontsize=10,
    )
    buffer = io.BytesIO()
    figure.savefig(buffer, format=format, dpi=110)
    return buffer.getvalue()


def _visible(frame: Array, low: float, high: float) -> Array:
    """Return a frame as matplotlib shows it, 0 to 1."""
    scaled: Array = (frame.astype(np.float64) - low) / max(high - low, 1e-12)
    return scaled if scaled.shape[-1] == 3 else scaled.mean(axis=-1)


def _draw_events(axes: Any, report: StreamReport) -> None:
    """Draw the synops of every frame, and the mean of the network frame by frame."""
    events = np.array(report.events_by_frame)
    whole = events.mean() / report.events if report.events else 0.0
    axes.bar(np.arange(len(events)), events, color=STREAM, label="stream")
    axes.axhline(whole, color=WHOLE, linestyle="--", label="frame by frame, mean")
    axes.set_xlabel("frame")
    axes.set_ylabel("synops of a frame")
    axes.set_xlim(-0.6, len(events) - 0.4)
    axes.legend(loc="best", fontsize=8)
