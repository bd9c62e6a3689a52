"""The arithmetic of cores equals `golden` for every partition; stepped in this process, without Lava."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest

from ecc_lava.backends.activity import Recording, input_activity
from ecc_lava.backends.lava import run as backend
from ecc_lava.backends.lava.cores.planning import lava_plan
from ecc_lava.backends.lava.cores.recorder import Recorder
from ecc_lava.backends.lava.host.memory import plan_layout
from ecc_lava.backends.stepwise import golden
from ecc_lava.common.arrays import Array
from ecc_lava.errors import InvalidInput
from ecc_lava.networks import QuantisedNetwork
from ecc_lava.networks.shard import Shard, whole
from tests.helpers.compare import assert_same_activity, everything
from tests.helpers.networks import GEOMETRIES, one_projection, random_images, random_network, random_sent, recoded
from tests.helpers.partitions import random_tiling, whole_cores


def in_one_process(network: QuantisedNetwork, cores: Sequence[Sequence[Shard]], q: dict[str, Array], timesteps: int) -> dict[str, Any]:
    """Step the arithmetic of every core in this process, as Lava's runtime would: the same numbers without Lava."""
    plan = lava_plan(network, cores, q, timesteps, everything(network))
    shared: dict[str, Array] = {name: np.zeros(shape, dtype) for name, (_, shape, dtype) in plan_layout(plan).arrays.items()}
    arithmetics = [core.build(node, plan.clock, plan.limit) for node, core in enumerate(plan.cores, 1)]
    recorders = [Recorder(core, plan.clock, shared) for core in plan.cores]
    for step in range(plan.clock.steps):
        messages = {0: plan.source_message(step)}
        for node, (arithmetic, recorder) in enumerate(zip(arithmetics, recorders, strict=True), 1):
            messages[node] = arithmetic.step(step)
            recorder.spikes(step, messages[node])
            report = arithmetic.report(step)
            assert (report is not None) == recorder.expects_report(step)
            if report is not None:
                recorder.report(step, report)
        for core, arithmetic in zip(plan.cores, arithmetics, strict=True):
            arithmetic.receive(step, {source: messages[source] for source in core.sources})
    results = {name: backend._activity(name, shared) for name in plan.populations}
    return {name: input_activity(x, timesteps, everything(network), name) for name, x in q.items()} | results


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
