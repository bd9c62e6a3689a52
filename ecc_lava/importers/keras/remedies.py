"""Why a layer type or an operation cannot be converted, and what to do about it."""

from __future__ import annotations

__all__ = ["unsupported"]

_BY_SAMPLE = "it normalises every sample by itself; train with BatchNormalization"
_CURVED = "it is not piecewise linear; train with ReLU"
_PRODUCT = "a product of two tensors is not piecewise linear; build the model without it"
_RECURRENT = "it feeds its output back; build the model feed-forward"
_VOLUME = "volumes are not supported; work on images or signals"

_REMEDIES = {
    _BY_SAMPLE: "GroupNormalization LayerNorm LayerNormalization Normalize RMSNorm RMSNormalization UnitNormalization",
    _CURVED: "Celu ELU Elu Erf Exp Gelu HardSilu Log LogSigmoid LogSoftmax Power Selu Silu Softplus Softsign SparsePlus Sqrt Square "
    "Squareplus Std Tanh TanhShrink Var",
    _PRODUCT: "Dot Einsum Multiply",
    "attention multiplies tensors, which is not piecewise linear; build the model without it": "AdditiveAttention Attention "
    "DotProductAttention GroupQueryAttention MultiHeadAttention",
    _RECURRENT: "Bidirectional ConvLSTM1D ConvLSTM2D GRU LSTM RNN SimpleRNN",
    _VOLUME: "AveragePooling3D Conv3D Conv3DTranspose Cropping3D GlobalAveragePooling3D GlobalMaxPooling3D MaxPooling3D UpSampling3D "
    "ZeroPadding3D",
    "it looks numbers up; give the model its vectors": "Embedding",
    "it holds code of its own; use Keras's layers": "Lambda TFSMLayer TorchModuleWrapper JaxLayer FlaxLayer",
    "Dense works on the last axis without it; convolutions take the axis as rows": "TimeDistributed",
    "prepare images before the model": "CategoryEncoding CenterCrop Discretization Hashing IntegerLookup Resizing "
    "StringLookup TextVectorization",
    "it rounds; train with ReLU, or with sign for binarised networks": "Ceil Floor Round Trunc",
}
"""Reason and remedy -> classes of Keras's layers and operations."""

_BY_KIND = {kind: why for why, kinds in _REMEDIES.items() for kind in kinds.split()}


def unsupported(kind: str) -> str:
    """Return why a layer of class `kind` is refused, and what to do instead."""
    return f"this layer type is not supported; {_BY_KIND.get(kind, 'replace it by supported layers')}"
