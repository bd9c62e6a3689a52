"""Streams on cores: equal to `golden` in every change and potential, and in the error of a sum that the potential cannot hold."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

import ecc_lava
from ecc_lava.backends.activity import ActivityOf
from ecc_lava.backends.lava.cores.clock import Clock
from ecc_lava.backends.lava.cores.planning import lava_plan
from ecc_lava.common.arrays import Array
from ecc_lava.networks import Kind, QuantisedNetwork
from tests.helpers.changed_networks import overflowing
from tests.helpers.compare import everything
from tests.helpers.lava import Cores, Run, in_one_process, needs_lava, on_lava, same_as_golden
from tests.helpers.partitions import random_tiling, whole_cores
from tests.helpers.streams import frame_by_frame, random_frame_network, random_frames, sent_by


def _same(stream: QuantisedNetwork, cores: Cores, frames: dict[str, Array], run: Run = in_one_process) -> ActivityOf | None:
    return same_as_golden(stream, cores, sent_by(stream, frames), next(iter(frames.values())).shape[1], run)


@pytest.mark.parametrize("seed", range(30))
def test_arithmetic_equals_golden(seed: int) -> None:
    rng = np.random.default_rng(seed)
    network = random_frame_network(seed, int(rng.integers(2, 7)))
    stream = ecc_lava.sigma_delta(network, {} if seed % 2 else {"input": 9, "p0": 1})
    _same(stream, random_tiling(rng, stream, int(rng.integers(1, 9))), random_frames(network, 2, 5, seed))


def test_the_first_overflow_is_told_of_any_partition() -> None:
    told = 0
    for seed in range(12):
        network, rng = replace(overflowing(seed), timesteps=1), np.random.default_rng(seed)
        stream = ecc_lava.sigma_delta(network)
        told += _same(stream, random_tiling(rng, stream, int(rng.integers(1, 9))), random_frames(network, 2, 3, seed)) is None
    assert told > 3


def test_an_output_leaves_the_chip_d_steps_after_its_frame() -> None:
    """Frame f enters at step f; the readout has the network's output of this frame after step f + D."""
    network = random_frame_network(5)
    stream, frames = ecc_lava.sigma_delta(network), random_frames(network, 1, 7)
    plan = lava_plan(stream, whole_cores(stream), sent_by(stream, frames), 7, everything(stream))
    assert plan.clock == Clock(1, 7, network.depth)
    (node,) = (k + 1 for k, core in enumerate(plan.cores) if core.shards[0].shard.population == "readout")
    cores = {k + 1: plan.arithmetic(k + 1) for k in range(len(plan.cores))}
    alone = frame_by_frame(network, frames)["readout"].potential
    for step in range(plan.clock.steps):
        sent = {0: plan.source_message(step), **{k: core.step(step) for k, core in cores.items()}}
        if step >= network.depth:
            np.testing.assert_array_equal(cores[node].potentials(), alone[step - network.depth].ravel())
        for core in cores.values():
            core.receive(step, sent)


@needs_lava
def test_lava_equals_golden_and_the_network_frame_by_frame() -> None:
    network = random_frame_network(3)
    stream, frames = ecc_lava.sigma_delta(network), random_frames(network, 2, 4)
    done = _same(stream, random_tiling(np.random.default_rng(1), stream, 4), frames, on_lava)
    assert done is not None
    alone = frame_by_frame(network, frames)
    for p in stream.populations:
        if p.kind is Kind.READOUT:
            np.testing.assert_array_equal(np.asarray(done[p.name].over_time).reshape(-1, *p.shape), alone[p.name].potential)


@needs_lava
def test_simulate_streamson_lava() -> None:
    network = random_frame_network(8)
    stream, frames = ecc_lava.sigma_delta(network, {"input": 3}), random_frames(network, 2, 3)
    golden_, lava = (ecc_lava.simulate(stream, frames, backend=backend) for backend in ("golden", "lava"))
    for what in ("readout", "synops", "graded_synops", "input_macs", "payload_bits"):
        np.testing.assert_array_equal(getattr(lava, what), getattr(golden_, what))
