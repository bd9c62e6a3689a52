"""What to do about a layer type that cannot be converted."""

from __future__ import annotations

__all__ = ["unsupported"]

_REMEDIES = {
    "MaxPooling2D": "use AveragePooling2D, or a stride in the convolution before it",
    "GlobalMaxPooling2D": "use GlobalAveragePooling2D",
    "SeparableConv2D": "write it as a DepthwiseConv2D and a 1x1 Conv2D",
    "LeakyReLU": "train with ReLU",
    "PReLU": "train with ReLU",
    "ELU": "train with ReLU",
    "LayerNormalization": "it normalises every sample by itself; train with BatchNormalization",
    "GroupNormalization": "it normalises every sample by itself; train with BatchNormalization",
    "Lambda": "it holds code of its own; use Keras's layers",
    "GaussianNoise": "build the model without it for inference",
}
"""Keras class name -> remedy."""


def unsupported(kind: str) -> str:
    """Return why a layer of class `kind` is refused, and what to do instead."""
    return f"this layer type is not supported; {_REMEDIES.get(kind, 'replace it by supported layers')}"
