"""Test vectors: a core replayed from its file alone, by the rules that are written beside it, does what is expected of it."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from generated import random_network
from layered import chip_with

import ecc_lava
import hw_mappings
from ecc_lava.arrays import Array
from ecc_lava.errors import FileError, InvalidNetwork
from hw_mappings.vectors import export_vectors

CHIP = chip_with(compartments=60, memory_bits=None, synapse_bits=40_000, delay_max=0)


def _images(seed: int, number: int) -> Array:
    (spec,) = random_network(seed, layers=5).input_specs
    return np.random.default_rng(0).integers(0, 256, (number, *spec.shape), np.uint8)


def _replayed(run: dict[str, Any], core: dict[str, Array]) -> tuple[list[tuple[int, int]], Array]:
    """Return spikes (step, neuron) and potentials of one core by the rules of README.txt, in plain loops."""
    timesteps, images, most = run["timesteps"], run["images"], run["potential_max"]
    neurons = len(core["bias"])
    steps = images * timesteps + run["depth"]
    arriving = np.zeros((steps + 300, neurons), np.int64)
    for step, axon, value in zip(core["in_step"], core["in_axon"], core["in_value"], strict=True):
        listed = slice(core["list_start"][core["axon_list"][axon]], core["list_start"][core["axon_list"][axon] + 1])
        targets = core["axon_target"][axon] + core["entry_target"][listed]
        amount = int(value) * core["entry_weight"][listed].astype(np.int64) << int(core["axon_shift"][axon])
        np.add.at(arriving[step + 1 + core["axon_delay"][axon]], targets, amount)
    v, fired, potentials = np.zeros(neurons, np.int64), [], np.zeros((images * timesteps, neurons), np.int64)
    for step in range(steps):
        for n in range(neurons):
            since = step - core["depth"][n]
            if since % timesteps == 0:
                v[n] = core["v_init"][n]
            if not core["keeps"][n]:
                v[n] = 0
            v[n] = np.clip(v[n] + core["bias"][n] + arriving[step, n], -most, most)
            if core["fires"][n] and v[n] >= core["vth"][n]:
                if 0 <= since < images * timesteps:
                    fired.append((step, n))
                if core["keeps"][n]:
                    v[n] = np.clip(v[n] - core["vth"][n], -most, most)
            if 0 <= since < images * timesteps:
                potentials[since, n] = v[n]
    return fired, potentials


@pytest.mark.parametrize("seed", [4, 9])
def test_every_core_alone_does_what_is_expected(tmp_path: Path, seed: int) -> None:
    network = random_network(seed, layers=5, rails=seed == 4)
    mapping = hw_mappings.map_network(network, CHIP)
    export_vectors(network, mapping, _images(seed, 2), tmp_path / "vectors", timesteps=4)
    run = json.loads((tmp_path / "vectors/vectors.json").read_text())
    assert run["network"] == network.digest
    assert len(run["cores"]) == len(mapping.cores) > 1
    total = 0
    for entry in run["cores"]:
        path = tmp_path / "vectors" / entry["file"]
        assert hashlib.sha256(path.read_bytes()).hexdigest() == entry["sha256"]
        with np.load(path, allow_pickle=False) as core:
            arrays = dict(core)
        fired, potentials = _replayed(run, arrays)
        assert fired == list(zip(arrays["out_step"].tolist(), arrays["out_neuron"].tolist(), strict=True))
        np.testing.assert_array_equal(potentials, arrays["potential"])
        total += len(fired)
    assert total > 0
    readme = (tmp_path / "vectors/README.txt").read_text()
    assert all(name in readme for name in arrays)


def test_spikes_expected_are_those_of_fast(tmp_path: Path) -> None:
    network = random_network(9, layers=5)
    mapping = hw_mappings.map_network(network, CHIP)
    export_vectors(network, mapping, _images(9, 1), tmp_path / "vectors")
    run = json.loads((tmp_path / "vectors/vectors.json").read_text())
    fast = ecc_lava.simulate(network, _images(9, 1))
    expected = sum(int(fast.spike_counts[name][0]) for name, _ in mapping.populations if name in fast.spike_counts)
    repeated = sum(int(fast.spike_counts["p0"][0]) for name, _ in mapping.populations if name.startswith("p0.repeater"))
    assert sum(core["out_events"] for core in run["cores"]) == expected + repeated


def test_a_folder_that_holds_anything_stays_as_it_is(tmp_path: Path) -> None:
    network = random_network(4, layers=5)
    mapping = hw_mappings.map_network(network, CHIP)
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine/note.txt").write_text("keep")
    with pytest.raises(FileError, match="holds other files; give a new or empty folder"):
        export_vectors(network, mapping, _images(4, 1), tmp_path / "mine")
    with pytest.raises(FileError, match="is not a folder"):
        export_vectors(network, mapping, _images(4, 1), tmp_path / "mine/note.txt")
    with pytest.raises(InvalidNetwork, match="map the network again"):
        export_vectors(random_network(5), mapping, _images(4, 1), tmp_path / "new")
    assert sorted(path.name for path in tmp_path.rglob("*")) == ["mine", "note.txt"]
