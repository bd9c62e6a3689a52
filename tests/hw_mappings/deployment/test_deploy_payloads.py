"""Deployment of networks whose spikes have payloads: core by core in both runtimes, counters, and what differs."""

from __future__ import annotations

import numpy as np
import pytest

from ecc_lava.backends.lava.cores.arithmetic import CoreArithmetic
from ecc_lava.backends.simulate import simulate
from ecc_lava.common import Payload
from ecc_lava.common.arrays import Array
from ecc_lava.errors import RangeError
from hw_mappings import LOIHI2, map_network, predicted_counters
from hw_mappings.deployment.expected import expected_result, rasters_of
from hw_mappings.partition.repeaters import chip_network
from tests.helpers.changed_networks import eager, overflowing
from tests.helpers.chips import chip_with
from tests.helpers.compare import assert_deployed_alike
from tests.helpers.deployments import Case, case
from tests.helpers.faults import plant
from tests.helpers.lava import needs_lava
from tests.helpers.networks import random_images, random_network, with_payloads
from tests.helpers.partitions import random_mapping

GRADED = Payload(6, True)


@needs_lava
def test_one_process_and_a_sample_of_cores_in_lavas_runtime() -> None:
    """Cores of the sample hear a replay of payloads of both signs."""
    given = case(6, cores=5, payload=GRADED)
    found = given.deploy(runtime="one-process", sample=3)
    assert_deployed_alike(found)
    assert found.sample_vs_fast is not None and found.sample_vs_fast.equal and len(found.sampled) == 3
    assert found.result.graded_synops.sum() > 0 == found.result.synops.sum()
    assert min(raster.min() for raster in found.result.raster.values() if raster.dtype == np.int16) < 0


@needs_lava
def test_lavas_runtime() -> None:
    found = case(3, cores=4, payload=GRADED).deploy(runtime="lava")
    assert found.runtime == "lava" and found.processes == 6
    assert_deployed_alike(found)


@needs_lava
def test_repeaters_of_payloads() -> None:
    """With predicted counters of their own, and synops and bits of their own in the result."""
    network = with_payloads(random_network(54, layers=5), 0, 4, True)
    chip = chip_with(delay_max=0, compartments=10**6)
    repeaters = chip_network(network, chip).repeats
    assert len(repeaters) == 2
    mapping = random_mapping(np.random.default_rng(1), network, 5, chip)
    found = Case(network, mapping, random_images(network, 2), 6).deploy(runtime="one-process", sample=0)
    assert_deployed_alike(found)
    for name, source in repeaters.items():
        assert np.array_equal(found.result.raster[name], found.result.raster[source])
        assert np.array_equal(found.result.messages(name), found.result.messages(source))


def test_predicted_counters_count_spikes_and_not_what_they_carry() -> None:
    network = eager(with_payloads(random_network(3, sparse=True), 3, 5, True))
    x = random_images(network, 3)
    result = simulate(network, x, backend="golden", record=list(network.by_name))
    (counters,) = predicted_counters(map_network(network, LOIHI2), network, result)
    assert counters.synops == int(result.synops.sum() + result.input_macs.sum() + result.graded_synops.sum())
    fired = [p.name for p in network.populations if p.depth and p.kind.spikes]
    assert counters.spikes_out == sum(int(result.spike_counts[name].sum()) for name in fired)
    assert counters.spikes_out < sum(int(result.counts[name].sum()) for name in fired)


def test_what_repeaters_send_is_known_without_running_them() -> None:
    network = with_payloads(random_network(54, layers=5), 0, 4, True)
    on_chip = chip_network(network, chip_with(delay_max=0))
    x = random_images(network, 2)
    expected, run = expected_result(on_chip, x), simulate(on_chip.network, x, backend="golden", record=list(on_chip.network.by_name))
    sent = rasters_of(on_chip.network, expected)
    for name, raster in rasters_of(on_chip.network, run).items():
        assert np.array_equal(sent[name], raster) and np.array_equal(expected.messages(name), run.messages(name))


class _OtherValues(CoreArithmetic):
    """Sends every payload of more than 1 one smaller: as many spikes, of other values."""

    def step(self, step: int) -> Array:
        sent = super().step(step)
        self._sent = np.where(sent > 1, sent - 1, sent).astype(sent.dtype)
        return self._sent


@needs_lava
def test_other_payloads_are_found(monkeypatch: pytest.MonkeyPatch) -> None:
    plant(monkeypatch, _OtherValues)
    found = case(6, cores=4, payload=Payload(6)).deploy(runtime="one-process", sample=0)
    assert not found.ok and found.lava_vs_fast.differing_spikes > 0


def test_a_sum_that_overflows_is_one_error() -> None:
    """Before anything is deployed."""
    network = overflowing(2)
    mapping = random_mapping(np.random.default_rng(0), network, 3)
    with pytest.raises(RangeError, match="the potential holds 8388607"):
        Case(network, mapping, random_images(network, 2), 5).deploy(runtime="one-process", sample=0)
