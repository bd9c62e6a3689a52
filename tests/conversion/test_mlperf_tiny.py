"""The reference networks of MLPerf Tiny, all the way: converted, equal on both engines, mapped, and deployed as the whole computes."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

import ecc_lava
import hw_mappings
from ecc_lava.analysis.differences import compare
from tests.benchmarks.mlperf_tiny import MODELS
from tests.helpers.lava import needs_lava


@needs_lava
@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "chip", "spikes"),
    [
        ("resnet8", "loihi2", {"payload_bits": 8}),
        ("wakeword", "loihi1", {"timesteps": 8}),
        ("wakeword", "loihi2", {"payload_bits": 4}),
        ("autoencoder", "loihi2", {"payload_bits": 8}),
    ],
)
def test_a_reference_network_is_deployed_as_it_computes(name: str, chip: str, spikes: dict[str, Any], data: Path) -> None:
    file, samples_of = MODELS[name]
    model = ecc_lava.load_model(data / file)
    samples = samples_of(model, data, 8)
    graph = ecc_lava.from_keras(model)
    snn = ecc_lava.convert(graph, calibration=samples.calibration[:64], format=chip, **spikes)
    network = ecc_lava.quantise(snn, format=chip)
    assert compare(network, samples.test[:2], "golden").equal
    mapping = hw_mappings.map_network(network, hw_mappings.chip(chip))
    assert hw_mappings.deploy(network, mapping, samples.test[:1], runtime="one-process").ok
