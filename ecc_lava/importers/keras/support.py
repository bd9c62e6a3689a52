"""What the importer supports, as the table that the README shows."""

from __future__ import annotations

from ecc_lava.importers.keras.call import Handler
from ecc_lava.importers.keras.table import HANDLERS, OPERATORS

__all__ = ["markdown"]

_GROUPS = {
    "convolutions": ("Weights", "any strides, dilation, groups, `valid`, `same` or `causal`"),
    "pooling": ("Pooling, reductions", "not over the batch; no initial value, no weights"),
    "normalisation": ("Scales and shifts", "by stored numbers, over any axis"),
    "activations": ("Activations", "fused too, with Keras's default slopes and thresholds; Softmax and Sigmoid at outputs only"),
    "merging": ("Joins", "tensors and constants that broadcast to one of the tensors"),
    "operators": ("Arithmetic, comparisons", "products with constants only; `where` of two constants"),
    "shapes": ("Shapes, nothing at inference", "UpSampling: `nearest`"),
    "moves": ("Moving numbers", "constant slices and indices; `pad`: `constant`, `reflect`, `symmetric`"),
}
"""Module of the handlers -> what they convert, and its limits."""


def _named(table: dict[str, Handler], module: str) -> str:
    return ", ".join(sorted(name for name, handler in table.items() if handler.__module__.rpartition(".")[2] == module))


def markdown() -> str:
    """Return the table of supported layers and operations, one row for each kind."""
    lines = ["| | Layers | `keras.ops`, operators | Limits |", "|---|---|---|---|"]
    for module, (title, limits) in _GROUPS.items():
        lines.append(f"| {title} | {_named(HANDLERS, module)} | {_named(OPERATORS, module)} | {limits} |")
    return "\n".join(lines) + "\n"
