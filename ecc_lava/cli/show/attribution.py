"""The part of `ecc-lava check` that says where accuracy goes."""

from __future__ import annotations

from ecc_lava.analysis import RUNGS, Attribution, Change, in_words
from ecc_lava.cli.show.output import as_percent, show_lines, show_table

__all__ = ["show_attribution"]


def show_attribution(found: Attribution) -> None:
    """Print the ladder, the layers and the advice."""
    rungs = [
        (
            rung.name,
            RUNGS[rung.name],
            as_percent(rung.accuracy),
            "" if rung.change is None else _points(rung.change),
            as_percent(rung.agreement),
            f"{rung.error:.4f}",
        )
        for rung in found.rungs
    ]
    columns = ("step", "what is new", "accuracy", "points lost", "agreement", "logit error")
    show_table(f"From the CNN to the integers, {found.images} images, T={found.timesteps}", columns, rungs)
    layers = [
        (
            layer.name,
            str(layer.bits),
            *(f"{change.points:.2f}" for change in (layer.clipping, layer.timesteps, layer.rounding)),
            _points(layer.alone),
            f"{layer.alone.error:.4f}",
            _points(layer.in_network),
            f"{layer.in_network.error:.4f}",
        )
        for layer in found.layers
    ]
    columns_by_layer = ("layer", "bits", "clipping", "timesteps", "rounding", "by itself", "logits", "joining the integers", "logits")
    show_table("Points lost by layer", columns_by_layer, layers)
    show_lines(*in_words(found))


def _points(change: Change) -> str:
    return f"{change.points:.2f} ± {change.flips.uncertainty:.2f}"
