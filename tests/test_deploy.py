"""Deployment: any partition, in one process or in Lava's runtime, equals the unpartitioned network in every integer."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from generated import random_images, random_network
from lava_cases import assert_same, everything, needs_lava, random_tiling
from lava_faults import leaving_nothing
from layered import CHIPS, chip_with

import ecc_lava
import hw_mappings
from ecc_lava.arrays import Array, first_output
from ecc_lava.backends.lava import LAVA, ONE_PROCESS, run_counted
from ecc_lava.backends.stepwise import golden
from ecc_lava.checking import Differences
from ecc_lava.demo import data as digits
from ecc_lava.errors import InvalidInput, InvalidNetwork
from ecc_lava.quantised import QuantisedNetwork
from hw_mappings.mapping_file import to_json
from hw_mappings.processes import groups

SMALL = chip_with(compartments=200, memory_bits=None, synapse_bits=40_000, chips=1000)


@pytest.fixture
def nothing_left(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    with leaving_nothing(monkeypatch):
        yield


def _partition_equals_golden(seed: int, runtime: str) -> None:
    network = random_network(seed, rails=seed % 5 == 0, ranges=seed % 3 == 0, ports=seed % 7 == 0, sparse=seed % 4 == 0)
    q = random_images(network, 2, seed)
    tiling = random_tiling(np.random.default_rng(seed), network, 3 + seed % 9)
    run = run_counted(network, tiling, q, 4, everything(network), runtime=runtime)
    assert_same(golden(network, q, 4, everything(network)), run.activity)


@needs_lava
@pytest.mark.usefixtures("nothing_left")
@pytest.mark.parametrize("seed", range(1000, 1003))
def test_partitions_in_one_process_equal_golden(seed: int) -> None:
    _partition_equals_golden(seed, ONE_PROCESS)


@needs_lava
@pytest.mark.usefixtures("nothing_left")
@pytest.mark.parametrize("runtime", [LAVA, ONE_PROCESS])
def test_an_input_that_no_core_hears(runtime: str) -> None:
    _partition_equals_golden(1116, runtime)


@needs_lava
@pytest.mark.slow
@pytest.mark.usefixtures("nothing_left")
def test_200_partitions_in_one_process_equal_golden() -> None:
    for seed in range(1004, 1204):
        _partition_equals_golden(seed, ONE_PROCESS)


@needs_lava
@pytest.mark.slow
@pytest.mark.usefixtures("nothing_left")
def test_25_partitions_in_lavas_runtime_equal_golden() -> None:
    for seed in range(2000, 2025):
        _partition_equals_golden(seed, LAVA)


def _images(network: QuantisedNetwork, number: int) -> Array:
    (spec,) = network.input_specs
    return np.random.default_rng(0).integers(0, 256, (number, *spec.shape), np.uint8)


@needs_lava
@pytest.mark.usefixtures("nothing_left")
@pytest.mark.parametrize("runtime", [LAVA, ONE_PROCESS])
def test_a_mapping_with_repeaters_and_shared_cores_does_what_was_predicted(runtime: str) -> None:
    network = random_network(9, layers=5)
    mapping = hw_mappings.map_network(network, chip_with(compartments=60, memory_bits=None, synapse_bits=40_000, delay_max=0))
    assert len(mapping.cores) > 1
    assert any(".repeater" in name for name, _ in mapping.populations)
    assert any(len(core.shards) > 1 for core in mapping.cores)
    found = hw_mappings.deploy(network, mapping, _images(network, 2), runtime=runtime, sample=1)
    assert found.ok
    assert found.runtime == runtime
    assert found.lava_vs_fast == Differences(2, 0, 0)
    assert found.counters == found.predicted
    assert sum(core.synops for core in found.counters) > 0
    assert found.sampled == (() if runtime == LAVA else found.sampled[:1])
    assert found.processes == (1 if runtime == ONE_PROCESS else len(mapping.cores) + 2)


def test_cores_are_grouped_by_layer_where_processes_are_few() -> None:
    mapping = hw_mappings.map_network(random_network(4, layers=5), CHIPS["tiny"])
    cores = mapping.cores
    assert groups(cores, len(cores) + 2) == [(number,) for number in range(len(cores))]
    for limit in range(3, len(cores) + 2):
        found = groups(cores, limit)
        assert len(found) <= limit - 2
        assert sorted(number for group in found for number in group) == list(range(len(cores)))
    with pytest.raises(InvalidInput, match="at least 3"):
        groups(cores, 2)


def _lenet() -> tuple[QuantisedNetwork, Array]:
    """Return a LeNet with random weights in loihi1's integers, and images."""
    import keras

    keras.utils.set_random_seed(0)
    layers = keras.layers
    model = keras.Sequential(
        [
            layers.Input((28, 28, 1)),
            layers.Conv2D(6, 5, padding="same", activation="relu"),
            layers.AveragePooling2D(2),
            layers.Conv2D(16, 5, activation="relu"),
            layers.AveragePooling2D(2),
            layers.Flatten(),
            layers.Dense(120, activation="relu"),
            layers.Dense(84, activation="relu"),
            layers.Dense(10),
        ]
    )
    images = np.random.default_rng(0).integers(0, 256, (36, 28, 28, 1), np.uint8)
    graph = ecc_lava.from_keras(model)
    snn = ecc_lava.convert(graph, calibration=images[4:], timesteps=8, recipe="channel", format="loihi1")
    return ecc_lava.quantise(snn, format="loihi1"), images[:4]


@needs_lava
@pytest.mark.slow
@pytest.mark.usefixtures("nothing_left")
def test_lenet_on_loihi1_over_at_least_12_cores() -> None:
    network, x = _lenet()
    mapping = hw_mappings.map_network(network, hw_mappings.LOIHI1)
    assert len(mapping.cores) >= 12
    found = hw_mappings.deploy(network, mapping, x, runtime=LAVA, max_processes=200)
    assert found.ok
    assert found.processes == len(mapping.cores) + 2


@needs_lava
@pytest.mark.usefixtures("nothing_left")
def test_the_demo_over_at_least_20_processes() -> None:
    graph = ecc_lava.from_keras(ecc_lava.load_model(digits.MODEL))
    snn = ecc_lava.convert(graph, calibration=digits.calibration_images().x[:32], timesteps=16, recipe="channel")
    network = ecc_lava.quantise(snn)
    mapping = hw_mappings.map_network(network, SMALL)
    found = hw_mappings.deploy(network, mapping, first_output(digits.test_images().x)[:4], runtime=LAVA, max_processes=100)
    assert found.ok
    assert found.processes >= 20


@needs_lava
@pytest.mark.slow
@pytest.mark.usefixtures("nothing_left")
def test_the_vgg_on_all_its_loihi1_cores_in_one_process(data: Path) -> None:
    with np.load(data / "cifar10.npz") as stored:
        x_train, x = stored["x_train"][:64], stored["x_test"][:1]
    graph = ecc_lava.from_keras(ecc_lava.load_model(data / "vgg16_half_cifar10.keras"))
    snn = ecc_lava.convert(graph, calibration=x_train, timesteps=8, recipe="channel", format="loihi1")
    network = ecc_lava.quantise(snn, format="loihi1")
    mapping = hw_mappings.map_network(network, hw_mappings.LOIHI1, placer="hilbert")
    assert len(mapping.cores) > 200
    found = hw_mappings.deploy(network, mapping, x, runtime=ONE_PROCESS, sample=3)
    assert found.ok
    assert len(found.sampled) == 3


def test_a_mapping_of_another_network_is_refused() -> None:
    mapping = hw_mappings.map_network(random_network(4))
    with pytest.raises(InvalidNetwork, match="map the network again"):
        hw_mappings.deploy(random_network(5), mapping, _images(random_network(5), 1))


def test_a_mapping_edited_into_nonsense_is_refused(tmp_path: Path) -> None:
    network = random_network(4)
    mapping = hw_mappings.map_network(network)
    told = to_json(mapping)
    told["cores"][0]["shards"][0][1][1] += 1
    path = tmp_path / "mapping.json"
    path.write_text(json.dumps(told))
    with pytest.raises(ecc_lava.EccLavaError, match="changed after it was written"):
        hw_mappings.Mapping.load(path)


@needs_lava
def test_options_that_cannot_be_are_refused() -> None:
    network = random_network(4)
    mapping, x = hw_mappings.map_network(network), _images(network, 1)
    for options, said in (({"runtime": "loihi"}, "not known"), ({"sample": -1}, "0 or more"), ({"max_processes": 2}, "at least 3")):
        with pytest.raises(InvalidInput, match=said):
            hw_mappings.deploy(network, mapping, x, **options)  # type: ignore[arg-type]
