"""Small Keras networks with one construct each, all the way to integers: golden equals fast, and real Lava equals both."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any

import numpy as np
import pytest

import ecc_lava
from ecc_lava.analysis.differences import compare
from ecc_lava.backends.lava.run import run_counted
from ecc_lava.backends.stepwise import golden
from ecc_lava.common.arrays import Array
from ecc_lava.inputs.encoding import encode_all
from ecc_lava.networks import QuantisedNetwork
from tests.helpers.changed_networks import side_by_side
from tests.helpers.compare import assert_same_activity, everything
from tests.helpers.lava import needs_lava
from tests.helpers.partitions import whole_cores

SHAPE = (8, 7, 3)


def _conv(x: Any, channels: int = 4, **options: Any) -> Any:
    from keras import layers

    return layers.Conv2D(channels, 3, padding="same", **options)(x)


def _construct(make: Callable[[Any, Any], Any]) -> Callable[[Any, Any], Any]:
    return lambda layers, x: make(layers, _conv(x, activation="relu"))


def _residual(layers: Any, x: Any) -> Any:
    return layers.ReLU()(layers.Add()([x, _conv(_conv(x, activation="relu"))]))


def _bottleneck(layers: Any, x: Any) -> Any:
    """Return MobileNetV2's block: expand, depthwise, linear projection, residual."""
    y = layers.ReLU(6.0)(layers.BatchNormalization()(layers.Conv2D(12, 1)(x)))
    y = layers.ReLU(6.0)(layers.BatchNormalization()(layers.DepthwiseConv2D(3, padding="same")(y)))
    return layers.Add()([x, layers.BatchNormalization()(layers.Conv2D(4, 1)(y))])


def _concat(layers: Any, x: Any) -> Any:
    return layers.Concatenate()([x, _conv(x, 3, activation="relu"), layers.MaxPooling2D(3, strides=1, padding="same")(x)])


CONSTRUCTS: dict[str, Callable[[Any, Any], Any]] = {
    "average pool": _construct(lambda layers, x: layers.AveragePooling2D(2)(x)),
    "average pool, same": _construct(lambda layers, x: layers.AveragePooling2D(3, strides=2, padding="same")(x)),
    "max pool": _construct(lambda layers, x: layers.MaxPooling2D(2)(x)),
    "max pool of signed values, same": lambda layers, x: layers.MaxPooling2D(3, strides=2, padding="same")(_conv(x)),
    "global average": _construct(lambda layers, x: layers.GlobalAveragePooling2D()(x)),
    "global maximum": _construct(lambda layers, x: layers.GlobalMaxPooling2D()(x)),
    "ReLU6": lambda layers, x: layers.ReLU(6.0)(_conv(x)),
    "leaky": lambda layers, x: layers.LeakyReLU(negative_slope=0.1)(_conv(x)),
    "PReLU": lambda layers, x: layers.PReLU(shared_axes=[1, 2], alpha_initializer="glorot_uniform")(_conv(x)),
    "transposed convolution": _construct(lambda layers, x: layers.Conv2DTranspose(3, 3, strides=2, activation="relu")(x)),
    "grouped": _construct(lambda layers, x: layers.Conv2D(6, 3, groups=2, activation="relu")(x)),
    "dilated": _construct(lambda layers, x: layers.Conv2D(6, 2, dilation_rate=(2, 3), activation="relu")(x)),
    "strided depthwise": _construct(lambda layers, x: layers.DepthwiseConv2D((3, 2), strides=2, padding="same", activation="relu")(x)),
    "separable": _construct(lambda layers, x: layers.SeparableConv2D(5, 3, activation="relu")(x)),
    "concatenation": _construct(_concat),
    "residual": _construct(_residual),
    "linear bottleneck": _construct(_bottleneck),
    "hard sigmoid": lambda layers, x: layers.Activation("hard_sigmoid")(_conv(x)),
    "maximum": _construct(lambda layers, x: layers.Maximum()([_conv(x), _conv(x)])),
    "upsampling": _construct(lambda layers, x: _conv(layers.UpSampling2D(2)(x), activation="relu")),
}

TIMESTEPS = 12
CORES = 6


SPIKES: dict[str, dict[str, Any]] = {
    "binary": {"timesteps": TIMESTEPS},
    "payloads": {"timesteps": 6, "payload_bits": 4, "signed_spikes": True},
}


@cache
def _network(name: str, spikes: str) -> tuple[QuantisedNetwork, Array]:
    """Return a network with random weights and statistics, and images."""
    import keras
    from keras import layers

    keras.utils.set_random_seed(len(name))
    inputs = keras.Input(SHAPE)
    y = layers.Dense(5)(layers.Flatten()(CONSTRUCTS[name](layers, inputs)))
    model = keras.Model(inputs, y)
    rng = np.random.default_rng(len(name))
    for weight in model.weights:  # biases and statistics that are not trivial
        if weight.path.endswith(("bias", "beta", "moving_mean")):
            weight.assign(rng.normal(0, 0.1, weight.shape))
    x = rng.integers(0, 256, (24, *SHAPE)).astype(np.uint8)
    snn = ecc_lava.convert(ecc_lava.from_keras(model), calibration=x, recipe="channel", **SPIKES[spikes])
    return ecc_lava.quantise(snn), x


def _assert_alive(network: QuantisedNetwork, x: Array) -> None:
    counts = ecc_lava.simulate(network, x).spike_counts
    silent = [p.name for p in network.populations if p.kind.spikes and not counts[p.name].any()]
    assert not silent, "a comparison of silence"


@pytest.mark.parametrize("spikes", SPIKES)
@pytest.mark.parametrize("name", CONSTRUCTS)
def test_golden_equals_fast(name: str, spikes: str) -> None:
    network, x = _network(name, spikes)
    _assert_alive(network, x[:4])
    assert compare(network, x[:4], "golden").equal


@needs_lava
@pytest.mark.parametrize("spikes", SPIKES)
def test_lava_equals_golden(spikes: str) -> None:
    """All constructs side by side in one run; populations are whole, and share few cores."""
    made = {name: _network(name, spikes) for name in CONSTRUCTS}
    network = side_by_side({name: network for name, (network, _) in made.items()})
    images = {f"{name}:{population.name}": x[:2] for name, (single, x) in made.items() for population in single.inputs}
    q = encode_all(images, network.codings)
    held = whole_cores(network)
    cores = [[shard for core in held[first::CORES] for shard in core] for first in range(CORES)]
    expected = golden(network, q, 6, everything(network))
    assert_same_activity(expected, run_counted(network, cores, q, 6, everything(network)).activity)
