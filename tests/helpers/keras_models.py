"""Random functional Keras models over every layer and operation that `from_keras` knows: one line of a table for each."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np
from hypothesis import strategies as st

__all__ = ["LAYERS", "NOT_GENERATED", "OPERATIONS", "RECIPES", "Generated", "Recipe", "generated", "randomise"]

VECTOR, SIGNAL, IMAGE = 1, 2, 3
MAPS, ANY = (SIGNAL, IMAGE), (VECTOR, SIGNAL, IMAGE)

SHARED = "a layer called again"

SIZE_MAX = 400
"""Most numbers of a tensor that layers are added to."""


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


def _last(x: Any) -> int:
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
    groups = d.pick(1, _last(d.x))
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


def _axis(d: Drawn) -> int:
    return int(d.pick(*range(1, len(d.x.shape))))


def _normalization(d: Drawn) -> Any:
    axis = _axis(d)
    shape = [n if k == axis else 1 for k, n in enumerate(d.x.shape)][1:]
    values = np.arange(d.x.shape[axis]).reshape(shape)
    return d.layers.Normalization(axis=axis, mean=values / 3, variance=values + 0.5, invert=d.pick(True, False))(d.x)


def _custom_scale(d: Drawn) -> Any:
    from keras.src.applications.inception_resnet_v2 import CustomScaleLayer

    return CustomScaleLayer(0.3)([d.x, d.other])


def _permuted(d: Drawn) -> tuple[int, ...]:
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
        ANY, lambda d: d.layers.BatchNormalization(_axis(d), scale=d.pick(True, False), center=d.pick(True, False))(d.x)
    ),
    "CenterCrop": Line([IMAGE], lambda d: d.layers.CenterCrop(*(n - d.pick(0, 1) if n > 1 else n for n in d.x.shape[1:3]))(d.x)),
    "Concatenate": Line(ANY, lambda d: d.layers.Concatenate(_axis(d))([d.beside, d.x])),
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
    "PReLU": Line(ANY, lambda d: d.layers.PReLU(shared_axes=d.pick(None, [_axis(d)]))(d.x)),
    "Permute": Line(ANY, lambda d: d.layers.Permute(_permuted(d))(d.x)),
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


def _reduction(name: str) -> Callable[[Drawn], Any]:
    def build(d: Drawn) -> Any:
        rank = len(d.x.shape)
        axis = d.pick(1, -1, (1, -1)) if rank > 2 else 1
        return getattr(d.ops, name)(d.x, axis, keepdims=rank == 2 or d.pick(True, False))

    return build


def _of(name: str, *arguments: Any, **options: Any) -> Callable[[Drawn], Any]:
    return lambda d: getattr(d.ops, name)(d.x, *arguments, **options)


def _compared(name: str) -> Callable[[Drawn], Any]:
    return lambda d: d.ops.cast(getattr(d.ops, name)(d.x, d.pick(0.1, 0.013 + 0.37 * d.other)), "float64")


def _padded(d: Drawn) -> Any:
    widths = [(0, 0), *((d.pick(0, 1), d.pick(0, 1)) for _ in d.x.shape[1:])]
    mode = "constant" if min(d.x.shape[1:]) < 2 else d.pick("constant", "reflect")
    return d.ops.pad(d.x, widths, mode=mode, **({"constant_values": 0.5} if mode == "constant" else {}))


OPERATIONS: dict[str, Line] = {
    "Absolute": Line(ANY, _of("absolute")),
    "Add": Line(ANY, lambda d: d.x + d.pick(d.other, 0.5, np.linspace(0, 1, _last(d.x)))),
    "Amax": Line(ANY, _reduction("amax")),
    "Amin": Line(ANY, _reduction("amin")),
    "Average": Line(MAPS, lambda d: d.ops.average(d.x, axis=_axis(d))),
    "AveragePool": Line(MAPS, lambda d: d.ops.average_pool(d.x, 2, d.pick(None, 1), padding=d.pick("same", "valid"))),
    "Cast": Line(ANY, _of("cast", "float64")),
    "Clip": Line(ANY, _of("clip", -0.5, 0.8)),
    "Concatenate": Line(ANY, lambda d: d.ops.concatenate([d.x, d.beside], axis=_axis(d))),
    "Copy": Line(ANY, _of("copy")),
    "Dot": Line(ANY, lambda d: d.ops.dot(d.x, np.linspace(-1, 1, 2 * _last(d.x)).reshape(-1, 2))),
    "ExpandDims": Line([VECTOR, SIGNAL], lambda d: d.ops.expand_dims(d.x, d.pick(1, -1))),
    "Flip": Line(ANY, lambda d: d.ops.flip(d.x, _axis(d))),
    "GetItem": Line(
        ANY, lambda d: d.x[:, d.pick(slice(1, None), slice(None, None, -1))] if len(d.x.shape) == 2 else d.x[:, ::2, d.pick(0, slice(1))]
    ),
    "Greater": Line(ANY, _compared("greater")),
    "GreaterEqual": Line(ANY, _compared("greater_equal")),
    "HardShrink": Line(ANY, _of("hard_shrink", 0.317)),
    "HardSigmoid": Line(ANY, _of("hard_sigmoid")),
    "HardTanh": Line(ANY, _of("hard_tanh")),
    "Heaviside": Line(ANY, lambda d: d.ops.heaviside(d.x + 0.0117, np.asarray(0.5))),
    "LeakyRelu": Line(ANY, _of("leaky_relu", 0.3)),
    "Less": Line(ANY, _compared("less")),
    "LessEqual": Line(ANY, _compared("less_equal")),
    "LogicalNot": Line(ANY, lambda d: d.ops.cast(d.ops.logical_not(d.x > 0.2), "float64")),
    "Matmul": Line(ANY, lambda d: d.ops.matmul(d.x, np.linspace(-1, 1, 3 * _last(d.x)).reshape(-1, 3))),
    "Max": Line(ANY, _reduction("max")),
    "MaxPool": Line(MAPS, lambda d: d.ops.max_pool(d.x, 2, d.pick(None, 1), padding=d.pick("same", "valid"))),
    "Maximum": Line(ANY, lambda d: d.ops.maximum(d.x, d.pick(d.other, 0.3))),
    "Mean": Line(ANY, _reduction("mean")),
    "Min": Line(ANY, _reduction("min")),
    "Minimum": Line(ANY, lambda d: d.ops.minimum(d.pick(d.other, 0.3), d.x)),
    "Moveaxis": Line(MAPS, _of("moveaxis", 1, -1)),
    "Multiply": Line(ANY, lambda d: d.pick(0.7, np.linspace(-1, 1, _last(d.x))) * d.x),
    "Negative": Line(ANY, lambda d: -d.x),
    "Pad": Line(ANY, _padded),
    "Relu": Line(ANY, _of("relu")),
    "Relu6": Line(ANY, lambda d: d.ops.relu6(4.0 * d.x)),
    "Repeat": Line(ANY, lambda d: d.ops.repeat(d.x, 2, axis=_axis(d))),
    "Reshape": Line(ANY, lambda d: d.ops.reshape(d.x, (-1, int(np.prod(d.x.shape[2:])), d.x.shape[1]))),
    "Roll": Line(ANY, lambda d: d.ops.roll(d.x, 1, axis=_axis(d))),
    "Rot90": Line(MAPS, _of("rot90", 1, (1, 2))),
    "Sign": Line(ANY, lambda d: d.ops.sign(d.x - 0.0131)),
    "SoftShrink": Line(ANY, _of("soft_shrink", 0.211)),
    "SparseSigmoid": Line(ANY, _of("sparse_sigmoid")),
    "Split": Line(ANY, lambda d: d.pick(*d.ops.split(d.x, [1], axis=d.pick(*[k for k, n in enumerate(d.x.shape) if k and n > 1])))),
    "Squeeze": Line([VECTOR, SIGNAL], lambda d: d.ops.squeeze(d.ops.expand_dims(d.x, 1), 1)),
    "Stack": Line([VECTOR, SIGNAL], lambda d: d.ops.stack([d.x, d.other], axis=d.pick(1, -1))),
    "StopGradient": Line(ANY, _of("stop_gradient")),
    "Subtract": Line(ANY, lambda d: d.pick(d.other, 0.5) - d.x),
    "Sum": Line(ANY, _reduction("sum")),
    "Swapaxes": Line(MAPS, _of("swapaxes", 1, -1)),
    "Take": Line(ANY, lambda d: d.ops.take(d.x, [0, -1, 0], axis=_axis(d))),
    "Threshold": Line(ANY, _of("threshold", 0.293, -0.53)),
    "Tile": Line(ANY, lambda d: d.ops.tile(d.x, (1, 2) + (1,) * (len(d.x.shape) - 2))),
    "Transpose": Line(MAPS, lambda d: d.ops.transpose(d.x, (0, *_permuted(d)))),
    "TrueDivide": Line(ANY, lambda d: d.x / 1.5),
    "Where": Line(ANY, lambda d: d.ops.cast(d.ops.where(d.x > 0.107, 1.0, -0.47), "float64")),
}
"""Class of an operation of keras.ops -> how it is drawn."""

NOT_GENERATED = {
    "Abs": "older Keras's name of Absolute",
    "Divide": "keras.ops.divide; `/` makes a TrueDivide, with the same handler",
    "Masking": "layers that read its mask are refused; test_keras_wrappers has it",
    "Sigmoid": "at the output only, where Softmax is drawn",
    "Softmax": "at the output only: drawn there",
}
"""Handlers that no line draws, and why."""


class Generated(NamedTuple):
    """A random model, the same without the softmax at its outputs, and the classes of what is in it."""

    model: Any
    plain: Any
    lines: tuple[str, ...]


def _read_by(tensor: Any) -> set[int]:
    """Return the ids of all tensors that a tensor depends on, itself included."""
    found: set[int] = set()
    waiting = [tensor]
    while waiting:
        x = waiting.pop()
        if id(x) not in found:
            found.add(id(x))
            history = x._keras_history
            waiting += history.operation._inbound_nodes[history.node_index].input_tensors
    return found


def _callable_again(keras: Any, tensors: Sequence[Any], x: Any) -> list[Any]:
    """Return the layers with weights that were called on one tensor of x's shape."""
    made_by = [(t._keras_history.operation, t._keras_history.node_index) for t in tensors]
    sources = [
        (layer, layer._inbound_nodes[index].input_tensors) for layer, index in made_by if isinstance(layer, keras.Layer) and layer.weights
    ]
    return [layer for layer, read in sources if len(read) == 1 and read[0].shape == x.shape]


class Recipe(NamedTuple):
    """What a model is built from; fewer layers of one seed are the first ones of the same model."""

    seed: int
    layers: int


RECIPES = st.builds(Recipe, seed=st.integers(0, 2**32 - 1), layers=st.integers(3, 12))


def generated(recipe: Recipe) -> Generated:
    """Build a model of some layers with one or two inputs and up to three outputs; tensors are read by any number of layers."""
    import keras

    rng = np.random.default_rng(recipe.seed)

    def pick(*options: Any) -> Any:
        return options[rng.integers(len(options))]

    shapes = [(4,), (5, 2), (6, 3), (4, 5, 2), (5, 3, 3)]
    shape = pick(*shapes)
    inputs = [keras.Input(shape) for _ in range(pick(1, 1, 2))]
    tensors, lines = list(inputs), []
    if len(inputs) > 1:
        lines.append(pick("Subtract", "Maximum", "Concatenate"))
        tensors.append(getattr(keras.layers, lines[0])()(inputs))
    table = [*LAYERS.items(), *OPERATIONS.items()]
    while len(lines) < recipe.layers:
        x = tensors[-1] if pick(True, True, False) else pick(*tensors)
        again = _callable_again(keras, tensors, x)
        if again and pick(True, False):
            y, name = pick(*again)(x), SHARED
        else:
            alike, beside = [t for t in tensors if t.shape == x.shape], [t for t in tensors if len(t.shape) == len(x.shape)]
            name, line = pick(*[(name, line) for name, line in table if len(x.shape) - 1 in line.axes])
            try:
                y = line.build(Drawn(pick, keras.layers, keras.ops, x, pick(*alike), pick(*beside)))
            except (ValueError, IndexError, TypeError):  # Keras's own refusal of sizes and types
                continue
        if 1 < len(y.shape) <= 4 and 0 < np.prod(y.shape[1:]) <= SIZE_MAX:
            tensors.append(y)
            lines.append(name)
    inner = tensors[len(inputs) :]
    outputs = [inner[-1], *(pick(*inner) for _ in range(pick(0, 0, 1, 2)))]
    ends = [keras.layers.Softmax()(y) if pick(True, False, False) else y for y in outputs]
    needed = set().union(*map(_read_by, outputs))
    used = [x for x in inputs if id(x) in needed]
    return Generated(keras.Model(used, ends), keras.Model(used, outputs), tuple(lines))


def randomise(model: Any) -> None:
    """Give every weight a random value that float32 holds; variances stay positive."""
    rng = np.random.default_rng(0)
    for variable in model.variables:
        if "seed" not in variable.path:
            positive = variable.name in ("moving_variance", "variance")
            values = rng.uniform(0.2, 2.0, variable.shape) if positive else rng.normal(0, 0.5, variable.shape)
            variable.assign(values.astype(np.float32))
