"""Trained models on real images: import, conversion, every back end."""

from __future__ import annotations

import importlib.util
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import ecc_lava
import hw_mappings
from ecc_lava.analysis.differences import compare
from ecc_lava.common.arrays import Array
from ecc_lava.conversion import calibration_subset
from ecc_lava.graph.graph import Graph
from ecc_lava.networks import QuantisedNetwork
from ecc_lava.networks.spiking import SpikingNetwork

HAS_LAVA = importlib.util.find_spec("lava") is not None
needs_lava = pytest.mark.skipif(not HAS_LAVA, reason="needs Lava")


@dataclass(frozen=True)
class Converted:
    """A model, what it became, and its test images."""

    model: Any
    graph: Graph
    snn: SpikingNetwork
    network: QuantisedNetwork
    x: Array
    y: Array


def convert(model: Any, images: Path, timesteps: int, recipe: str = "best", **options: Any) -> Converted:
    with np.load(images) as stored:
        x_train, x, y = stored["x_train"], stored["x_test"], stored["y_test"].ravel()
    if x.ndim == 3:
        x_train, x = x_train[..., None], x[..., None]
    graph = ecc_lava.from_keras(model)
    drawn = x_train[calibration_subset(len(x_train), size=64)]
    snn = ecc_lava.convert(graph, calibration=drawn, timesteps=timesteps, recipe=recipe, **options)
    return Converted(model, graph, snn, ecc_lava.quantise(snn), x, y)


def logits_of(model: Any) -> Any:
    """Return the Keras model without its final softmax."""
    import keras

    last = model.layers[-1]
    if isinstance(last, keras.layers.Dense):
        copy = keras.models.clone_model(model)
        copy.set_weights(model.get_weights())
        copy.layers[-1].activation = keras.activations.linear
        return copy
    return keras.Model(model.inputs, model.layers[-2].output)


@pytest.fixture(scope="module")
def lenet(data: Path) -> Converted:
    """Return LeNet-5 with average pooling, trained for two epochs on 20,000 of MNIST's training images."""
    import keras
    from keras import layers

    keras.utils.set_random_seed(0)
    model = keras.Sequential(
        [
            keras.Input((28, 28, 1)),
            layers.Conv2D(6, 5, padding="same", activation="relu"),
            layers.AveragePooling2D(2),
            layers.Conv2D(16, 5, activation="relu"),
            layers.AveragePooling2D(2),
            layers.Flatten(),
            layers.Dense(120, activation="relu"),
            layers.Dense(84, activation="relu"),
            layers.Dense(10, activation="softmax"),
        ]
    )
    model.compile(keras.optimizers.Adam(2e-3), "sparse_categorical_crossentropy")
    with np.load(data / "mnist.npz") as stored:
        model.fit(stored["x_train"][:20000, ..., None] / 255.0, stored["y_train"][:20000], batch_size=64, epochs=2, verbose=0)
    return convert(model, data / "mnist.npz", 32, "channel")


@pytest.fixture(scope="module")
def resnet(data: Path) -> Converted:
    return convert(ecc_lava.load_model(data / "resnet20_cifar10.keras"), data / "cifar10.npz", 8, "channel")


@pytest.fixture(scope="module")
def vgg(data: Path) -> Converted:
    return convert(ecc_lava.load_model(data / "vgg16_half_cifar10.keras"), data / "cifar10.npz", 32, "channel")


@pytest.mark.parametrize("name", ["lenet", "resnet", pytest.param("vgg", marks=pytest.mark.slow)])
def test_the_graph_and_the_ideal_network_equal_keras(name: str, request: pytest.FixtureRequest) -> None:
    converted: Converted = request.getfixturevalue(name)
    x = converted.x[:16]
    reference = logits_of(converted.model).predict(x / 255.0, verbose=0)
    scale = np.abs(reference).max()
    assert np.ptp(reference) > 0.01 * scale
    assert np.abs(ecc_lava.forward(converted.graph, x) - reference).max() <= 1e-5 * scale
    assert np.abs(ecc_lava.rate_forward(converted.snn, x) - reference).max() <= 1e-5 * scale


@pytest.mark.parametrize(("name", "images"), [("lenet", 8), ("resnet", 2), pytest.param("vgg", 1, marks=pytest.mark.slow)])
def test_golden_and_the_float_engine_on_the_integers_equal_fast(name: str, images: int, request: pytest.FixtureRequest) -> None:
    converted: Converted = request.getfixturevalue(name)
    for backend in ("golden", "float"):
        found = compare(converted.network, converted.x[:images], backend)
        assert (found.images, found.differing_spikes, found.differing_potentials) == (images, 0, 0)


@needs_lava
@pytest.mark.parametrize(("name", "images"), [("lenet", 8), ("resnet", 2)])
def test_lava_equals_fast(name: str, images: int, request: pytest.FixtureRequest) -> None:
    converted: Converted = request.getfixturevalue(name)
    found = compare(converted.network, converted.x[:images], "lava")
    assert (found.images, found.differing_spikes, found.differing_potentials) == (images, 0, 0)


@needs_lava
@pytest.mark.slow
def test_lava_equals_fast_on_the_vgg(vgg: Converted) -> None:
    found = compare(vgg.network, vgg.x[:2], "lava", timesteps=8)
    assert (found.images, found.differing_spikes, found.differing_potentials) == (2, 0, 0)


def _graded(data: Path, file: str, **options: Any) -> Converted:
    """Return a trained model with graded spikes at one timestep."""
    return convert(ecc_lava.load_model(data / file), data / "cifar10.npz", 1, "channel", **options)


@pytest.mark.slow
@pytest.mark.parametrize("file", [f"{name}_cifar10.keras" for name in ("resnet20", "mobilenet", "vgg16_half", "vgg16")])
def test_graded_spikes_of_trained_models_are_exact_everywhere(data: Path, file: str) -> None:
    converted = _graded(data, file, payload_bits=8)
    for backend in ("golden", "float", *(["lava"] if HAS_LAVA else [])):
        assert compare(converted.network, converted.x[:1], backend).equal, backend


@needs_lava
@pytest.mark.slow
def test_the_vgg_of_payloads_deployed_core_by_core(data: Path) -> None:
    """Over its mapping on Loihi 2, in one process and some cores in Lava's runtime."""
    converted = _graded(data, "vgg16_half_cifar10.keras", payload_bits=4)
    mapping = hw_mappings.map_network(converted.network, chip=hw_mappings.LOIHI2)
    done = hw_mappings.deploy(converted.network, mapping, converted.x[:1], runtime="one-process")
    assert done.ok


def test_lenet_loses_nothing_at_32_steps(lenet: Converted) -> None:
    x, y = lenet.x[:1000], lenet.y[:1000]
    ann = ecc_lava.forward(lenet.graph, x).argmax(axis=1)
    result = ecc_lava.simulate(lenet.network, x)
    assert (ann == y).mean() > 0.94
    assert (result.predictions == y).mean() >= (ann == y).mean() - 0.01
    assert (result.predictions == ann).mean() >= 0.98


@pytest.mark.slow
def test_the_vgg_runs_200_images_on_fast(vgg: Converted) -> None:
    x, y = vgg.x[:200], vgg.y[:200]
    ann = ecc_lava.forward(vgg.graph, x).argmax(axis=1)
    result = ecc_lava.simulate(vgg.network, x)
    assert (ann == y).mean() > 0.8
    assert (result.predictions == ann).mean() > 0.85
    assert result.synops.min() > 1e7
    assert not any(result.saturated_high.values())


@pytest.mark.slow
@pytest.mark.parametrize("name", ["lenet", "resnet", "vgg"])
def test_every_model_maps_onto_loihi2(name: str, request: pytest.FixtureRequest) -> None:
    converted: Converted = request.getfixturevalue(name)
    mapping = hw_mappings.map_network(converted.network, chip=hw_mappings.LOIHI2)
    mapping.check(converted.network)
    assert mapping.lower_bound_cores <= len(mapping.cores)


@pytest.mark.slow
def test_the_default_recipe_loses_little_at_few_timesteps(data: Path) -> None:
    """The smallest part of tests/benchmarks/quality.py: one seed, 64 calibration images, T=8."""
    resnet = convert(ecc_lava.load_model(data / "resnet20_cifar10.keras"), data / "cifar10.npz", 8)
    reference = ecc_lava.forward(resnet.graph, resnet.x[:16])
    assert np.abs(ecc_lava.rate_forward(resnet.snn, resnet.x[:16]) - reference).max() <= 1e-5 * np.abs(reference).max()
    compared = compare(resnet.network, resnet.x[:2], "golden")
    assert (compared.differing_spikes, compared.differing_potentials) == (0, 0)
    x, labels = resnet.x[1000:2000], resnet.y[1000:2000]
    ann = ecc_lava.forward(resnet.graph, x).argmax(axis=1)
    predicted = ecc_lava.simulate(resnet.network, x).predictions
    published = ecc_lava.convert(resnet.graph, calibration=resnet.x[:64], timesteps=8, recipe="ecc")
    by_ecc = ecc_lava.simulate(ecc_lava.quantise(published), x).predictions
    correct = [float((p == labels).mean()) for p in (ann, predicted, by_ecc)]
    assert (predicted == ann).mean() >= 0.75
    assert correct[0] - correct[1] <= 0.10
    assert correct[0] - correct[2] >= 0.40


@pytest.mark.slow
def test_signs_of_a_trained_binarised_network_are_those_of_double_precision(data: Path) -> None:
    with np.load(data / "cifar10.npz") as stored:
        calibration, x = stored["x_train"][:64], stored["x_test"][:16]
    graph, widths = ecc_lava.from_keras(ecc_lava.load_model(data / "binary_cifar10.keras")), {"greater_equal": 24, "default": 16}
    snn = ecc_lava.convert(graph, calibration=calibration, timesteps=1, bits=widths)
    network = ecc_lava.quantise(snn, bits=widths)
    signs = [p.name for p in network.populations if p.kind.spikes and not p.carries_to]
    found, real = ecc_lava.simulate(network, x, record=signs), ecc_lava.simulate(snn, x, backend="float", record=signs)
    assert all(np.array_equal(found.counts[name], real.counts[name]) for name in signs)
    assert np.array_equal(np.asarray(found.predictions), np.asarray(real.predictions))


@needs_lava
@pytest.mark.slow
def test_lenet_deployed_on_the_first_loihi(lenet: Converted, data: Path) -> None:
    """In Lava's runtime, a process for every core."""
    with np.load(data / "mnist.npz") as stored:
        calibration = stored["x_train"][:64, ..., None]
    snn = ecc_lava.convert(lenet.graph, calibration=calibration, timesteps=16, recipe="channel", format="loihi1")
    network = ecc_lava.quantise(snn, format="loihi1")
    mapping = hw_mappings.map_network(network, hw_mappings.LOIHI1)
    found = hw_mappings.deploy(network, mapping, lenet.x[:4], runtime="lava", max_processes=len(mapping.cores) + 2)
    assert found.ok
    assert found.processes >= 14
    assert (found.lava_vs_fast.images, found.lava_vs_fast.differing_spikes, found.lava_vs_fast.differing_potentials) == (4, 0, 0)


@needs_lava
@pytest.mark.slow
def test_the_vgg_deployed_on_the_first_loihi(data: Path) -> None:
    """Hundreds of cores in one process, and a sample of them in Lava's runtime."""
    with np.load(data / "cifar10.npz") as stored:
        calibration, x = stored["x_train"][:64], stored["x_test"][:1]
    graph = ecc_lava.from_keras(ecc_lava.load_model(data / "vgg16_half_cifar10.keras"))
    snn = ecc_lava.convert(graph, calibration=calibration, timesteps=8, recipe="channel", format="loihi1")
    network = ecc_lava.quantise(snn, format="loihi1")
    mapping = hw_mappings.map_network(network, hw_mappings.LOIHI1)
    assert len(mapping.cores) > 200
    found = hw_mappings.deploy(network, mapping, x, runtime="one-process")
    assert found.ok
    assert (found.lava_vs_fast.differing_spikes, found.lava_vs_fast.differing_potentials) == (0, 0)
    assert found.sample_vs_fast is not None
    assert len(found.sampled) == 2
