"""Why a layer type or an operation cannot be converted, and what to do about it: the one place where the names of refused classes stand."""

from __future__ import annotations

from typing import Final, NamedTuple

__all__ = ["LOADED_TO_REFUSE", "PRODUCT", "unsupported"]

PRODUCT: Final = "a product of two tensors is not piecewise linear; build the model without it"
"""Reason and remedy of a product of tensors."""


class _Remedy(NamedTuple):
    """One reason, and the classes that it holds for.

    Attributes
    ----------
    why : str
        The reason, and what to do instead.
    loaded : str
        Keras's own layers that hold numbers only. A file with them is opened, so that one error names all layers that cannot be converted.
    others : str
        Operations, and layers that hold more than numbers, such as code, other layers or tables of words. A file with them is not opened.
    """

    why: str
    loaded: str = ""
    others: str = ""


_REMEDIES: Final = (
    _Remedy(
        "it normalises every sample by itself; train with BatchNormalization",
        "GroupNormalization LayerNormalization RMSNormalization UnitNormalization",
        "LayerNorm Normalize RMSNorm",
    ),
    _Remedy(
        "it is not piecewise linear; train with ReLU",
        "ELU",
        "Celu Elu Erf Exp Gelu HardSilu Log LogSigmoid LogSoftmax Power Selu Silu Softplus Softsign SparsePlus Sqrt Square "
        "Squareplus Std Tanh TanhShrink Var",
    ),
    _Remedy(PRODUCT, "Dot Multiply", "Einsum"),
    _Remedy(
        "attention multiplies tensors, which is not piecewise linear; build the model without it",
        "AdditiveAttention Attention MultiHeadAttention",
        "DotProductAttention GroupQueryAttention",
    ),
    _Remedy(
        "it feeds its output back; build the model feed-forward",
        "ConvLSTM1D ConvLSTM2D ConvLSTM3D GRU LSTM SimpleRNN",
        "Bidirectional RNN",
    ),
    _Remedy(
        "volumes are not supported; work on images or signals",
        "AveragePooling3D Conv3D Conv3DTranspose Cropping3D GlobalAveragePooling3D GlobalMaxPooling3D MaxPooling3D SpatialDropout3D "
        "UpSampling3D ZeroPadding3D",
    ),
    _Remedy("it looks numbers up; give the model its vectors", "Embedding"),
    _Remedy("it holds code of its own; use Keras's layers", "", "FlaxLayer JaxLayer Lambda TFSMLayer TorchModuleWrapper"),
    _Remedy(
        "prepare images before the model",
        "",
        "CategoryEncoding Discretization Hashing IntegerLookup StringLookup TextVectorization",
    ),
    _Remedy("it rounds; train with ReLU, or with sign for binarised networks", "", "Ceil Floor Round Trunc"),
)

LOADED_TO_REFUSE: Final = frozenset(kind for remedy in _REMEDIES for kind in remedy.loaded.split())
"""Layers that are loaded from a file, although they cannot be converted."""

_WHY: Final = {kind: remedy.why for remedy in _REMEDIES for kind in f"{remedy.loaded} {remedy.others}".split()}


def unsupported(kind: str) -> str:
    """Return why a layer of class `kind` is refused, and what to do instead."""
    return f"this layer type is not supported; {_WHY.get(kind, 'replace it by supported layers')}"
