"""The picture of the published results: accuracy against operations, pools against T, and ECC against T."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

__all__ = ["draw"]

BLUE, RED, GREEN, GREY = "#0072b2", "#d55e00", "#009e73", "#666666"

Rows = Sequence[Mapping[str, Any]]


def _operations(axes: Any, source: Mapping[str, Any]) -> None:
    rows, settings = [row for row in source["rows"] if row["kind"] == "operations"], source["settings"]

    def drawn(some: Rows, **style: Any) -> None:
        x = [row["synops_m"] + row["input_macs_m"] for row in some]
        y = [row["accuracy"] for row in some]
        low, high = ([row["accuracy_interval"][end] for row in some] for end in (0, 1))
        around = [[value - end for value, end in zip(y, low, strict=True)], [end - value for value, end in zip(y, high, strict=True)]]
        axes.errorbar(x, y, yerr=around, capsize=2, elinewidth=0.8, **style)

    for pool, colour, marker in (("max", BLUE, "o"), ("average", GREEN, "^")):
        binary = [row for row in rows if row["pool"] == pool and row["payload_bits"] == 1]
        if binary:
            drawn(binary, color=colour, marker=marker, label=f"binary spikes, {_span(binary)}, {pool} pools")
        macs, accuracy = settings[f"macs_m_{pool}"], settings[f"accuracy_{pool}"]
        axes.plot([macs], [accuracy], color=colour, marker="*", markersize=13, linestyle="none", label=f"CNN, its MACs, {pool} pools")
    for row in rows:
        if row["pool"] == "max" and row["payload_bits"] == 1:
            place = row["synops_m"] + row["input_macs_m"], row["accuracy"]
            axes.annotate(f"T={row['timesteps']}", place, xytext=(5, -11), textcoords="offset points", fontsize=7, color=BLUE)
    graded = [row for row in rows if row["pool"] == "max" and row["payload_bits"] > 1]
    drawn(graded, color=RED, marker="s", linestyle="none", label="graded spikes, multiplications, max pools")
    for row in graded:
        place = row["synops_m"] + row["input_macs_m"], row["accuracy"]
        spikes = f"p={row['payload_bits']}" + (f", T={row['timesteps']}" if row["timesteps"] > 1 else "")
        axes.annotate(
            spikes, place, xytext=(0, row["payload_bits"] * 5 - 34), textcoords="offset points", fontsize=7, color=RED, ha="center"
        )
    _ticks(axes, [10, 20, 50, 100, 200])
    axes.set_xlabel("operations an image, millions: synops and input MACs")
    axes.set_title("3 Inception modules, CIFAR-10", fontsize=10)


def _span(rows: Rows) -> str:
    steps = [row["timesteps"] for row in rows]
    return f"T = {steps[0]}" if len(steps) == 1 else f"T = {steps[0]} to {steps[-1]}"


def _ticks(axes: Any, ticks: Sequence[int]) -> None:
    """Make an axis logarithmic, with plain numbers."""
    axes.set_xscale("log")
    axes.margins(x=0.09)
    axes.set_xticks(ticks, [str(tick) for tick in ticks])
    axes.minorticks_off()


def _pools(axes: Any, source: Mapping[str, Any]) -> None:
    rows = [row for row in source["rows"] if row["kind"] == "pools"]
    styles = {"trees of ReLUs": (BLUE, "o"), "gates": (RED, "s"), "averages": (GREEN, "^")}
    for name, (colour, marker) in styles.items():
        some = [row for row in rows if row["pool"] == name]
        axes.plot([r["timesteps"] for r in some], [r["agreement"] for r in some], color=colour, marker=marker, label=name)
    _ticks(axes, sorted({row["timesteps"] for row in rows}))
    axes.set_xlabel("timesteps")
    axes.set_ylabel("agreement with the CNN of the same pools, %")
    axes.set_title("pools, float, not calibrated", fontsize=10)


def _ecc(axes: Any, source: Mapping[str, Any]) -> None:
    styles = {"ecc, closed form": (GREEN, "^"), "ecc, stepped, integers": (RED, "s"), "best, integers": (BLUE, "o")}
    for kind, (colour, marker) in styles.items():
        some = [row for row in source["rows"] if row["kind"] == kind and row["payload_bits"] == 1]
        axes.plot([r["timesteps"] for r in some], [r["accuracy"] for r in some], color=colour, marker=marker, label=kind)
    axes.axhline(source["settings"]["accuracy"], color=GREY, linewidth=0.8, label="CNN")
    _ticks(axes, sorted({row["timesteps"] for row in source["rows"]} - {1}))
    axes.set_xlabel("timesteps")
    axes.set_title("ECC, VGG16, CIFAR-10", fontsize=10)


PANELS = (("rueckauer", _operations), ("rueckauer", _pools), ("ecc", _ecc))


def draw(sources: Mapping[str, Any], path: Path) -> None:
    """Draw the sources that are there."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    panels = [(draws, sources[name]) for name, draws in PANELS if name in sources]
    if not any(row["kind"] == "pools" for row in sources.get("rueckauer", {"rows": ()})["rows"]):
        panels = [(draws, source) for draws, source in panels if draws is not _pools]
    picture = Figure(figsize=(5.6 * len(panels), 5), layout="constrained")
    FigureCanvasAgg(picture)
    for axes, (draws, source) in zip(picture.subplots(1, len(panels), squeeze=False)[0], panels, strict=True):
        axes.set_ylabel("accuracy, %")
        draws(axes, source)
        axes.grid(alpha=0.3)
        axes.legend(fontsize=8, frameon=False, loc="lower right")
    picture.savefig(path, dpi=110)
