"""What to do about a layer type that cannot be converted."""

from __future__ import annotations

__all__ = ["unsupported"]

_REMEDIES = {
    "ELU": "train with ReLU",
    "LayerNormalization": "it normalises every sample by itself; train with BatchNormalization",
    "GroupNormalization": "it normalises every sample by itself; train with BatchNormalization",
    "MultiHeadAttention": "a product of tensors is not piecewise linear; build the model without attention",
    "Multiply": "a product of two tensors is not piecewise linear; build the model without it",
    "Lambda": "it holds code of its own; use Keras's layers",
}
"""Keras class name -> remedy."""


def unsupported(kind: str) -> str:
    """Return why a layer of class `kind` is refused, and what to do instead."""
    return f"this layer type is not supported; {_REMEDIES.get(kind, 'replace it by supported layers')}"
