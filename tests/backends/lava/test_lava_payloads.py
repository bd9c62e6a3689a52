"""Cores that send payloads: equal to `golden` in every integer and in the error of a sum that the potential cannot hold."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from ecc_lava.backends.lava.cores.planning import lava_plan
from ecc_lava.backends.lava.run import ONE_PROCESS, ShardRunOptions, run_counted
from ecc_lava.backends.stepwise import golden
from ecc_lava.common import Payload
from ecc_lava.errors import InvalidInput
from ecc_lava.networks import Kind
from tests.helpers.changed_networks import eager, overflowing
from tests.helpers.compare import assert_same_activity, everything
from tests.helpers.lava import needs_lava, on_lava, same_as_golden
from tests.helpers.networks import random_images, random_network, recoded, with_payloads
from tests.helpers.partitions import random_tiling, whole_cores


@pytest.mark.parametrize("seed", range(60))
def test_arithmetic_equals_golden(seed: int) -> None:
    rng = np.random.default_rng(seed)
    options = {"rails": seed % 4 == 0, "ranges": seed % 2 == 0, "ports": seed % 5 == 0, "sparse": seed % 3 == 0}
    network = with_payloads(random_network(seed, int(rng.integers(2, 7)), 5, **options), seed)
    same_as_golden(network, random_tiling(rng, network, int(rng.integers(1, 9))), random_images(network, 3, seed))


@pytest.mark.parametrize("signed", [False, True])
@pytest.mark.parametrize("bits", range(1, 9))
def test_every_payload(bits: int, signed: bool) -> None:
    network = eager(with_payloads(random_network(6), 0, bits, signed))
    done = same_as_golden(network, random_tiling(np.random.default_rng(bits), network, 6), random_images(network, 3))
    assert done is not None
    rasters = [np.array(a.raster) for name, a in done.items() if network.by_name[name].kind is Kind.IF]
    assert max(raster.max() for raster in rasters) == 2**bits - 1
    assert (min(raster.min() for raster in rasters) < 0) == signed


@pytest.mark.parametrize("signed", [False, True])
def test_inputs_with_payloads(signed: bool) -> None:
    network = recoded(with_payloads(random_network(3), 3), "events")
    payload = Payload(7, signed)
    network = replace(network, populations=tuple(replace(p, payload=payload) if p.kind is Kind.INPUT else p for p in network.populations))
    rng = np.random.default_rng(0)
    values = rng.integers(payload.least, payload.largest + 1, (2, 5, *network.input.shape)).astype(payload.dtype)
    values[rng.random(values.shape) < 0.7] = 0
    assert same_as_golden(network, random_tiling(rng, network, 4), {"input": values}) is not None
    with pytest.raises(InvalidInput, match=f"it must be {np.dtype(payload.dtype)}"):
        run_counted(network, whole_cores(network), {"input": values.astype(np.int32)}, 5, everything(network))


def test_the_first_overflow_is_told_of_any_partition() -> None:
    """Golden's: the first population in order, then the first image, step and neuron."""
    told = 0
    for seed in range(30):
        network, rng = overflowing(seed), np.random.default_rng(seed)
        told += same_as_golden(network, random_tiling(rng, network, int(rng.integers(1, 9))), random_images(network, 3, seed)) is None
    assert told > 10


def test_messages_are_as_narrow_as_payloads_allow() -> None:
    for signed, dtype, size in ((False, np.uint8, 1), (True, np.int16, 2)):
        network = with_payloads(random_network(2), 2, 8, signed)
        plan = lava_plan(network, whole_cores(network), random_images(network, 1), 3, everything(network))
        assert plan.source_message(0).dtype == plan.arithmetic(1).step(0).dtype == dtype
        heard = sum(plan.message(node) for core in plan.cores for node in core.sources)
        recorded = sum(core.message for core in plan.cores if core.recorded)
        assert sum(plan.channels) == size * (heard + recorded) + 4 * sum(core.report for core in plan.cores)


@needs_lava
@pytest.mark.parametrize("signed", [False, True])
def test_lava_equals_golden(signed: bool) -> None:
    network = with_payloads(random_network(6, ports=True), 6, 6, signed)
    assert same_as_golden(network, random_tiling(np.random.default_rng(1), network, 4), random_images(network, 2), 4, on_lava) is not None


@needs_lava
def test_lava_tells_the_first_overflow() -> None:
    seed = next(
        seed
        for seed in range(30)
        if same_as_golden(overflowing(seed), whole_cores(overflowing(seed)), random_images(overflowing(seed), 2)) is None
    )
    network = overflowing(seed)
    assert same_as_golden(network, random_tiling(np.random.default_rng(1), network, 3), random_images(network, 2), 5, on_lava) is None


@needs_lava
def test_a_replay_sends_payloads() -> None:
    """One core alone, in both runtimes, receives what `golden` sent."""
    network = with_payloads(random_network(6), 6, 5, True)
    q = random_images(network, 2)
    expected = golden(network, q, 4, everything(network))
    (core,) = [shards for shards in whole_cores(network) if shards[0].population == "p2"]
    replay = {p.source: np.array(expected[p.source].raster) for p in network.into("p2") if p.source != "input"}
    done = run_counted(network, [core], q, 4, everything(network), ShardRunOptions(ONE_PROCESS, replay))
    assert_same_activity({"p2": expected["p2"]}, {"p2": done.activity["p2"]})
    assert done.counters[0][1] == np.array(expected["p2"].sent).sum()
