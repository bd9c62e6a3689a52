"""Networks for the mapper's benchmarks: as a model lowers, with weights of no meaning, since mapping looks at shapes alone.

A projection's integers are all 0 (1 where a weight of 0 is no synapse) and every neuron's threshold is 1, so that nothing is calibrated.
Trained models are converted for real where thresholds matter.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from ecc_lava import from_keras
from ecc_lava.formats.loihi2 import LOIHI2
from ecc_lava.formats.number_format import NumberFormat
from ecc_lava.geometry import Conv, Geometry, Sparse, with_kernel
from ecc_lava.lowering.lower import lower
from ecc_lava.networks import QuantisedNetwork, QuantisedPopulation, QuantisedProjection
from ecc_lava.networks.depths import depths
from ecc_lava.networks.spiking import SpikingNetwork
from ecc_lava.networks.wiring import Kind
from ecc_lava.quantisation.gain_maps import integer_gain

__all__ = ["blank", "lowered", "mnist_cnn", "mobilenet_cifar10", "pilotnet", "resnet50", "vgg16", "vgg16_cifar10", "xception"]


def _blank(geometry: Geometry) -> Geometry:
    match geometry:
        case Sparse():
            return with_kernel(geometry, np.ones(geometry.kernel.shape, np.int8))
        case Conv(gain=gain) if gain is not None:
            return with_kernel(geometry, np.zeros(geometry.kernel.shape, np.int8), integer_gain(gain, 127))
        case _:
            return with_kernel(geometry, np.zeros(geometry.kernel.shape, np.int8))


def blank(snn: SpikingNetwork, format: NumberFormat = LOIHI2, bits: int = 8) -> QuantisedNetwork:
    """Return the network in integers of no meaning."""
    depth = depths([p.name for p in snn.populations], [(p.source, p.target) for p in snn.projections])
    zero, one = np.zeros((1, 1, 1), np.int32), np.ones((1, 1, 1), np.int32)
    vth = {Kind.IF: one << format.weight_shift}
    populations = tuple(
        QuantisedPopulation(p.name, p.shape, p.kind, depth[p.name], zero, vth.get(p.kind, zero), zero) for p in snn.populations
    )
    projections = tuple(
        QuantisedProjection(p.source, p.target, depth[p.target] - depth[p.source] - 1, 0, _blank(p.geometry), bits) for p in snn.projections
    )
    codings = tuple(replace(coding, kind=format.default_coding) for coding in snn.codings)
    return QuantisedNetwork(populations, projections, format, bits, codings, 32, (1.0,) * len(snn.readouts))


def lowered(model: Any, format: NumberFormat = LOIHI2) -> QuantisedNetwork:
    """Return a Keras model as it lowers, blank."""
    return blank(lower(from_keras(model)).network, format)


def resnet50() -> Any:
    """Return ResNet-50 for 224x224 with random weights."""
    import keras

    return keras.applications.ResNet50(weights=None)


def vgg16() -> Any:
    """Return VGG16 for 224x224 with random weights."""
    import keras

    return keras.applications.VGG16(weights=None)


def vgg16_cifar10(width: int = 64) -> Any:
    """Return VGG16 for 32x32 with average pooling, as the trained one of half width is built."""
    from keras import Sequential
    from keras import layers as kl

    model = Sequential([kl.Input((32, 32, 3))])
    for repeats, multiple in zip((2, 2, 3, 3, 3), (1, 2, 4, 8, 8), strict=True):
        for _ in range(repeats):
            model.add(kl.Conv2D(width * multiple, 3, padding="same", activation="relu"))
        model.add(kl.AveragePooling2D(2))
    model.add(kl.Flatten())
    model.add(kl.Dense(width * 8, activation="relu"))
    model.add(kl.Dense(10, activation="softmax"))
    return model


def mobilenet_cifar10(side: int = 32) -> Any:
    """Return MobileNetV1 (alpha 1) with the first stride 1, for images of a side: for 32, 412k neurons and 3M weights."""
    from keras import Sequential
    from keras import layers as kl

    outs = (64, 128, 128, 256, 256, 512, *(512,) * 5, 1024, 1024)
    strides = (1, 2, 1, 2, 1, 2, 1, 1, 1, 1, 1, 2, 1)
    model = Sequential([kl.Input((side, side, 3)), kl.Conv2D(32, 3, padding="same", activation="relu")])
    for out, stride in zip(outs, strides, strict=True):
        model.add(kl.DepthwiseConv2D(3, strides=stride, padding="same", activation="relu"))
        model.add(kl.Conv2D(out, 1, activation="relu"))
    model.add(kl.GlobalAveragePooling2D())
    model.add(kl.Dense(10, activation="softmax"))
    return model


def mnist_cnn() -> Any:
    """Return a 4-layer CNN of 4,122 neurons for 28x28x1: 16 of 4x4 stride 2, 32 of 3x3 stride 2, 64 of 3x3 stride 2, dense 10."""
    from keras import Sequential
    from keras import layers as kl

    return Sequential(
        [
            kl.Input((28, 28, 1)),
            kl.Conv2D(16, 4, strides=2, activation="relu"),
            kl.Conv2D(32, 3, strides=2, activation="relu"),
            kl.Conv2D(64, 3, strides=2, activation="relu"),
            kl.Flatten(),
            kl.Dense(10, activation="softmax"),
        ]
    )


def pilotnet() -> Any:
    """Return PilotNet (Bojarski et al. 2016) for 66x200x3: five convolutions, four dense layers."""
    from keras import Sequential
    from keras import layers as kl

    model = Sequential([kl.Input((66, 200, 3))])
    for filters, size, stride in ((24, 5, 2), (36, 5, 2), (48, 5, 2), (64, 3, 1), (64, 3, 1)):
        model.add(kl.Conv2D(filters, size, strides=stride, activation="relu"))
    model.add(kl.Flatten())
    for units in (100, 50, 10):
        model.add(kl.Dense(units, activation="relu"))
    model.add(kl.Dense(1))
    return model


def xception() -> Any:
    """Return Xception (Chollet 2017) for 96x96x3, a quarter as wide: 1.2M neurons, 73 levels."""
    from keras import Model
    from keras import layers as kl

    image = kl.Input((96, 96, 3))
    x = kl.Conv2D(8, 3, strides=2, padding="same", activation="relu")(image)
    x = kl.Conv2D(16, 3, padding="same", activation="relu")(x)
    for filters in (32, 64, 182):
        beside = kl.Conv2D(filters, 1, strides=2, padding="same")(x)
        x = kl.SeparableConv2D(filters, 3, padding="same", activation="relu")(x)
        x = kl.SeparableConv2D(filters, 3, padding="same")(x)
        x = kl.ReLU()(kl.Add()([kl.AveragePooling2D(2, padding="same")(x), beside]))
    for _ in range(8):
        beside = x
        for _ in range(3):
            x = kl.SeparableConv2D(182, 3, padding="same", activation="relu")(x)
        x = kl.ReLU()(kl.Add()([x, beside]))
    return Model(image, kl.Dense(10, activation="softmax")(kl.GlobalAveragePooling2D()(x)))
