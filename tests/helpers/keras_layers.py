"""The layers of Keras, and how one call of each is drawn."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np

__all__ = ["ANY", "IMAGE", "LAYERS", "MAPS", "SHARED", "SIGNAL", "VECTOR", "Drawn", "Line", "axis_of", "last_length", "permuted"]

VECTOR, SIGNAL, IMAGE = 1, 2, 3

MAPS, ANY = (SIGNAL, IMAGE), (VECTOR, SIGNAL, IMAGE)

SHARED = "a layer called again"


class Drawn(NamedTuple):
    """What a line builds its layer from."""

    pick: Callable[..., Any]
    layers: Any
    ops: Any
    x: Any
    other: Any
    """A tensor of x's shape, or x itself."""
    beside: Any
    """A tensor of x's number of axes, or x itself."""


class Line(NamedTuple):
    """A layer or operation: the numbers of axes it takes, and how one call of it is built."""

    axes: Sequence[int]
    build: Callable[[Drawn], Any]


def last_length(x: Any) -> int:
    return int(x.shape[-1])


def _padding(d: Drawn) -> dict[str, Any]:
    """Channels come first in layers without weights only: TensorFlow cannot run all such convolutions on a CPU."""
    return {"padding": d.pick("same", "valid"), "data_format": d.pick("channels_last", "channels_last", "channels_first")}


def _window(d: Drawn) -> Any:
    return d.pick(2, 3, (3, 2), (1, 3)) if len(d.x.shape) == 4 else d.pick(2, 3)


def _strided(d: Drawn) -> dict[str, Any]:
    options = {d.pick("strides", "strides", "dilation_rate"): d.pick(1, 2), "padding": d.pick("same", "valid")}
    return {**options, "use_bias": d.pick(True, False), "activation": d.pick(None, "relu", "hard_sigmoid")}


def _square_strides(d: Drawn) -> dict[str, Any]:
    return {"strides": d.pick(1, 2), "padding": d.pick("same", "valid"), "activation": d.pick(None, "relu6")}


def _plain(name: str, *arguments: Any, **options: Any) -> Callable[[Drawn], Any]:
    return lambda d: getattr(d.layers, name)(*arguments, **options)(d.x)


def _conv(name: str) -> Callable[[Drawn], Any]:
    return lambda d: getattr(d.layers, name)(d.pick(1, 2, 4), _window(d), **_strided(d))(d.x)


def _grouped(d: Drawn) -> Any:
    groups = d.pick(1, last_length(d.x))
    return d.layers.Conv2D(2 * groups, _window(d), groups=groups, padding="same", activation=d.pick("leaky_relu", "hard_tanh"))(d.x)


def _depthwise(name: str) -> Callable[[Drawn], Any]:
    def build(d: Drawn) -> Any:
        options = {"strides": d.pick(1, 2), "depth_multiplier": d.pick(1, 2), "padding": d.pick("same", "valid")}
        return getattr(d.layers, name)(d.pick(2, 3), **options)(d.x)

    return build


def _pool(name: str) -> Callable[[Drawn], Any]:
    return lambda d: getattr(d.layers, name)(_window(d), d.pick(1, 2, None), **_padding(d))(d.x)


def _global(name: str) -> Callable[[Drawn], Any]:
    return lambda d: getattr(d.layers, name)(data_format=d.pick("channels_last", "channels_first"), keepdims=d.pick(True, False))(d.x)


def _merge(name: str) -> Callable[[Drawn], Any]:
    return lambda d: getattr(d.layers, name)()([d.x, d.other])


def axis_of(d: Drawn) -> int:
    return int(d.pick(*range(1, len(d.x.shape))))


def _normalization(d: Drawn) -> Any:
    axis = axis_of(d)
    shape = [n if k == axis else 1 for k, n in enumerate(d.x.shape)][1:]
    values = np.arange(d.x.shape[axis]).reshape(shape)
    return d.layers.Normalization(axis=axis, mean=values / 3, variance=values + 0.5, invert=d.pick(True, False))(d.x)


def _custom_scale(d: Drawn) -> Any:
    from keras.src.applications.inception_resnet_v2 import CustomScaleLayer

    return CustomScaleLayer(0.3)([d.x, d.other])


def permuted(d: Drawn) -> tuple[int, ...]:
    orders: dict[int, list[tuple[int, ...]]] = {VECTOR: [(1,)], SIGNAL: [(2, 1)], IMAGE: [(3, 1, 2), (1, 3, 2), (2, 3, 1)]}
    order: tuple[int, ...] = d.pick(*orders[len(d.x.shape) - 1])
    return order


def _folded(d: Drawn) -> tuple[int, ...]:
    n = int(np.prod(d.x.shape[1:]))
    sizes: tuple[int, ...] = d.pick((n,), (n, 1), (1, n), (-1, d.x.shape[1]), (1, d.x.shape[1], -1))
    return sizes


def _time_distributed(d: Drawn) -> Any:
    layers = d.layers
    inner = [layers.Dense(3, activation="relu"), layers.BatchNormalization(), layers.ReLU(0.7)]
    if len(d.x.shape) == 4:
        inner += [layers.Conv1D(2, 2, padding="same"), layers.AveragePooling1D(2, padding="same"), layers.Flatten()]
    return layers.TimeDistributed(d.pick(*inner))(d.x)


LAYERS: dict[str, Line] = {
    "Activation": Line(
        ANY, lambda d: d.layers.Activation(d.pick("relu", "hard_tanh", "sparse_sigmoid", "soft_shrink", "hard_shrink"))(d.x)
    ),
    "ActivityRegularization": Line(ANY, _plain("ActivityRegularization", 0.1)),
    "Add": Line(ANY, _merge("Add")),
    "AlphaDropout": Line(ANY, _plain("AlphaDropout", 0.5)),
    "Average": Line(ANY, _merge("Average")),
    "AveragePooling1D": Line([SIGNAL], _pool("AveragePooling1D")),
    "AveragePooling2D": Line([IMAGE], _pool("AveragePooling2D")),
    "BatchNormalization": Line(
        ANY, lambda d: d.layers.BatchNormalization(axis_of(d), scale=d.pick(True, False), center=d.pick(True, False))(d.x)
    ),
    "CenterCrop": Line([IMAGE], lambda d: d.layers.CenterCrop(*(n - d.pick(0, 1) if n > 1 else n for n in d.x.shape[1:3]))(d.x)),
    "Concatenate": Line(ANY, lambda d: d.layers.Concatenate(axis_of(d))([d.beside, d.x])),
    "Conv1D": Line([SIGNAL], _conv("Conv1D")),
    "Conv1DTranspose": Line([SIGNAL], lambda d: d.layers.Conv1DTranspose(2, d.pick(2, 3), **_square_strides(d))(d.x)),
    "Conv2D": Line([IMAGE], lambda d: d.pick(_conv("Conv2D"), _grouped)(d)),
    "Conv2DTranspose": Line([IMAGE], lambda d: d.layers.Conv2DTranspose(2, _window(d), **_square_strides(d))(d.x)),
    "Cropping1D": Line([SIGNAL], _plain("Cropping1D", (1, 0))),
    "Cropping2D": Line([IMAGE], _plain("Cropping2D", ((0, 1), (1, 0)))),
    "CustomScaleLayer": Line(ANY, _custom_scale),
    "Dense": Line(ANY, lambda d: d.layers.Dense(d.pick(1, 3, 5), activation=d.pick(None, "relu"))(d.x)),
    "DepthwiseConv1D": Line([SIGNAL], _depthwise("DepthwiseConv1D")),
    "DepthwiseConv2D": Line([IMAGE], _depthwise("DepthwiseConv2D")),
    "Dropout": Line(ANY, _plain("Dropout", 0.5)),
    # as many outputs as positions would meet Keras's own mistake: TensorFlow's bias_add puts a bias (n, 1) on a last axis of length n
    "EinsumDense": Line([SIGNAL], lambda d: d.layers.EinsumDense("abc,cbd->adb", (1 + d.x.shape[1], d.x.shape[1]), bias_axes="d")(d.x)),
    "Flatten": Line(ANY, lambda d: d.layers.Flatten(d.pick("channels_last", "channels_first"))(d.x)),
    "GaussianDropout": Line(ANY, _plain("GaussianDropout", 0.5)),
    "GaussianNoise": Line(ANY, _plain("GaussianNoise", 0.5)),
    "GlobalAveragePooling1D": Line([SIGNAL], _global("GlobalAveragePooling1D")),
    "GlobalAveragePooling2D": Line([IMAGE], _global("GlobalAveragePooling2D")),
    "GlobalMaxPooling1D": Line([SIGNAL], _global("GlobalMaxPooling1D")),
    "GlobalMaxPooling2D": Line([IMAGE], _global("GlobalMaxPooling2D")),
    "Identity": Line(ANY, _plain("Identity")),
    "LeakyReLU": Line(ANY, _plain("LeakyReLU", 0.2)),
    "MaxPooling1D": Line([SIGNAL], _pool("MaxPooling1D")),
    "MaxPooling2D": Line([IMAGE], _pool("MaxPooling2D")),
    "Maximum": Line(ANY, _merge("Maximum")),
    "Minimum": Line(ANY, _merge("Minimum")),
    "Normalization": Line(ANY, _normalization),
    "PReLU": Line(ANY, lambda d: d.layers.PReLU(shared_axes=d.pick(None, [axis_of(d)]))(d.x)),
    "Permute": Line(ANY, lambda d: d.layers.Permute(permuted(d))(d.x)),
    "RandomBrightness": Line([IMAGE], _plain("RandomBrightness", 0.5)),
    "RandomContrast": Line([IMAGE], _plain("RandomContrast", 0.5)),
    "RandomFlip": Line([IMAGE], _plain("RandomFlip")),
    "RandomRotation": Line([IMAGE], _plain("RandomRotation", 0.5)),
    "RandomTranslation": Line([IMAGE], _plain("RandomTranslation", 0.5, 0.5)),
    "RandomZoom": Line([IMAGE], _plain("RandomZoom", 0.5)),
    "ReLU": Line(ANY, lambda d: d.layers.ReLU(d.pick(None, 0.9), d.pick(0.0, 0.3), d.pick(0.0, 0.4))(d.x)),
    "RepeatVector": Line([VECTOR], _plain("RepeatVector", 3)),
    "Rescaling": Line(ANY, _plain("Rescaling", 0.5, -0.1)),
    "Reshape": Line(ANY, lambda d: d.layers.Reshape(_folded(d))(d.x)),
    "Resizing": Line([IMAGE], lambda d: d.layers.Resizing(d.pick(3, 6), d.pick(2, 4), d.pick("nearest", "bilinear"))(d.x)),
    "SeparableConv1D": Line([SIGNAL], lambda d: d.layers.SeparableConv1D(3, d.pick(2, 3), **_square_strides(d))(d.x)),
    "SeparableConv2D": Line([IMAGE], lambda d: d.layers.SeparableConv2D(3, _window(d), **_square_strides(d))(d.x)),
    "SpatialDropout1D": Line([SIGNAL], _plain("SpatialDropout1D", 0.5)),
    "SpatialDropout2D": Line([IMAGE], _plain("SpatialDropout2D", 0.5)),
    "SpectralNormalization": Line(
        [VECTOR, IMAGE], lambda d: d.layers.SpectralNormalization(d.layers.Conv2D(2, 2) if len(d.x.shape) == 4 else d.layers.Dense(3))(d.x)
    ),
    "Subtract": Line(ANY, _merge("Subtract")),
    "TimeDistributed": Line(MAPS, _time_distributed),
    "UpSampling1D": Line([SIGNAL], _plain("UpSampling1D", 2)),
    "UpSampling2D": Line(
        [IMAGE], lambda d: d.layers.UpSampling2D((2, 1), _padding(d)["data_format"], interpolation=d.pick("nearest", "bilinear"))(d.x)
    ),
    "ZeroPadding1D": Line([SIGNAL], _plain("ZeroPadding1D", (1, 2))),
    "ZeroPadding2D": Line([IMAGE], lambda d: d.layers.ZeroPadding2D(((0, 1), (2, 0)), data_format=_padding(d)["data_format"])(d.x)),
}
"""Class of a Keras layer -> how it is drawn."""
