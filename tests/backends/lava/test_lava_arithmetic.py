"""The arithmetic of cores equals `golden` for every partition; stepped in this process, without Lava."""

from __future__ import annotations

import numpy as np
import pytest

from ecc_lava.backends.activity import Recording
from ecc_lava.backends.lava.cores.planning import lava_plan
from ecc_lava.backends.stepwise import golden
from ecc_lava.errors import InvalidInput
from ecc_lava.networks.shard import Shard, whole
from tests.helpers.compare import assert_same_activity, everything
from tests.helpers.geometries import GEOMETRIES
from tests.helpers.lava import in_one_process
from tests.helpers.networks import random_images, random_network, random_sent, recoded
from tests.helpers.partitions import random_tiling, whole_cores
from tests.helpers.tiny_networks import one_projection


@pytest.mark.parametrize("seed", range(60))
def test_arithmetic_of_random_tilings_equals_golden(seed: int) -> None:
    rng = np.random.default_rng(seed)
    network = random_network(
        seed, layers=int(rng.integers(1, 7)), timesteps=5, rails=seed % 3 == 0, ranges=seed % 2 == 0, ports=seed % 5 == 0
    )
    q = random_images(network, 3, seed)
    cores = random_tiling(rng, network, int(rng.integers(1, 9)))
    assert_same_activity(golden(network, q, 5, everything(network)), in_one_process(network, cores, q, 5))


@pytest.mark.parametrize("seed", range(20))
def test_arithmetic_of_sparse_networks_equals_golden(seed: int) -> None:
    rng = np.random.default_rng(seed)
    network = random_network(seed, layers=int(rng.integers(2, 7)), timesteps=5, rails=seed % 3 == 0, ranges=seed % 2 == 0, sparse=True)
    q = random_images(network, 3, seed)
    cores = random_tiling(rng, network, int(rng.integers(1, 9)))
    assert_same_activity(golden(network, q, 5, everything(network)), in_one_process(network, cores, q, 5))


@pytest.mark.parametrize(("seed", "kinds"), [(0, ["rate"]), (1, ["poisson"]), (5, ["rate", "graded"]), (10, ["graded", "poisson"])])
def test_arithmetic_of_spiking_inputs_equals_golden(seed: int, kinds: list[str]) -> None:
    network = recoded(random_network(seed, ports=len(kinds) > 1), *kinds)
    sent = random_sent(network, 3, 6, seed)
    cores = random_tiling(np.random.default_rng(seed), network, 5)
    assert_same_activity(golden(network, sent, 6, everything(network)), in_one_process(network, cores, sent, 6))


@pytest.mark.parametrize("name", GEOMETRIES)
def test_arithmetic_of_every_geometry_equals_golden(name: str) -> None:
    network = one_projection((7, 8, 4), GEOMETRIES[name])
    q = random_images(network, 2)
    for seed in range(4):
        cores = random_tiling(np.random.default_rng(seed), network, 5)
        assert_same_activity(golden(network, q, 6, everything(network)), in_one_process(network, cores, q, 6))


def test_shards_that_do_not_tile_are_refused() -> None:
    network = one_projection((7, 8, 4), GEOMETRIES["depthwise"])
    q, good = random_images(network, 1), whole_cores(network)
    h, w, c = network.by_name["p"].shape
    for cores, message in (
        (good[1:], r"neuron \(0, 0, 0\) of population 'p' is on 0 shards"),
        ([*good, [Shard("p", (0, 1), (0, 1), (0, 1))]], "on 2 shards"),
        ([*good, []], "holds no shard"),
        ([*good, [whole("input", (7, 8, 4))]], "'input'"),
        ([[Shard("p", (0, h + 1), (0, w), (0, c))], good[1]], "outside"),
    ):
        with pytest.raises(InvalidInput, match=message):
            lava_plan(network, cores, q, 6, Recording())
