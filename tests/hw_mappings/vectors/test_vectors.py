"""Vectors: every core, replayed from its files alone by the description in README.txt, does what they expect."""

from __future__ import annotations

import hashlib
import json
import logging
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings

from ecc_lava.backends.result import sent_at_steps
from ecc_lava.backends.simulate import simulate
from ecc_lava.common.arrays import Array, Int
from ecc_lava.errors import FileError, InvalidNetwork
from ecc_lava.networks.wiring import Kind
from hw_mappings import export_vectors, map_network
from hw_mappings.vectors.format import FORMAT
from tests.helpers.chips import TINY
from tests.helpers.deployments import cases
from tests.helpers.networks import random_images, random_network, with_payloads
from tests.helpers.partitions import random_mapping

FEW = settings(max_examples=15, suppress_health_check=list(HealthCheck))


def replay(core: dict[str, Array], about: dict[str, Any]) -> tuple[set[tuple[int, int, int]], Int]:
    """Do what README.txt says, event by event; return spikes as (step, neuron, value) and every window's potentials step by step."""
    timesteps, limit = about["timesteps"], about["potential_max"]
    steps = about["images"] * timesteps + about["depth"]
    arriving = np.zeros((steps + 1 + int(core["axon_delay"].max(initial=0)), len(core["bias"])), np.int64)
    for step, axon, value in zip(core["in_step"].tolist(), core["in_axon"].tolist(), core["in_value"].tolist(), strict=True):
        start, stop = core["list_start"][core["axon_list"][axon]], core["list_start"][core["axon_list"][axon] + 1]
        targets = core["axon_target"][axon] + core["entry_target"][start:stop]
        weights = core["entry_weight"][start:stop].astype(np.int64) << int(core["axon_shift"][axon])
        np.add.at(arriving[step + 1 + int(core["axon_delay"][axon])], targets, value * weights)
    v, sent, most = np.zeros(len(core["bias"]), np.int64), np.zeros(len(core["bias"]), np.int64), core["payload_max"].astype(np.int64)
    spikes, potentials = set(), np.zeros((about["images"] * timesteps, len(v)), np.int64)
    for step in range(steps):
        starts = (step - core["depth"]) % timesteps == 0
        v, sent = np.where(starts, core["v_init"], v), np.where(starts, 0, sent)
        v = np.clip(np.where(core["keeps"], v, 0) + core["bias"] + arriving[step], -limit, limit)
        often = np.minimum(np.floor_divide(v, np.where(most > 1, core["vth"], 1)), most)
        k = np.where(most > 1, np.where(core["signed"], often, np.maximum(often, 0)), v >= core["vth"])
        k = np.where(core["signed"] & (most == 1) & (v < 0), -1, k)
        k = np.where(core["signed"], np.maximum(k, -np.minimum(sent, most)), k) * core["fires"]
        sent += k
        v = np.where(core["keeps"], np.clip(v - core["vth"] * k, -limit, limit), v)
        row = step - core["depth"]
        inside = (row >= 0) & (row < len(potentials))
        potentials[row[inside], np.flatnonzero(inside)] = v[inside]
        spikes |= {(step, int(neuron), int(k[neuron])) for neuron in np.flatnonzero((k != 0) & inside)}
    return spikes, potentials


def read(folder: Path, entry: dict[str, Any]) -> dict[str, Array]:
    content = (folder / entry["file"]).read_bytes()
    assert hashlib.sha256(content).hexdigest() == entry["sha256"]
    with np.load(folder / entry["file"]) as stored:
        return {name: stored[name] for name in stored.files}


@FEW
@given(cases())
def test_every_core_is_replayed_from_its_files_alone(tmp_path_factory: pytest.TempPathFactory, drawn: Any) -> None:
    _check_every_core(tmp_path_factory, drawn)


@FEW
@given(cases(payloads=True))
def test_every_core_is_replayed_with_payloads(tmp_path_factory: pytest.TempPathFactory, drawn: Any) -> None:
    _check_every_core(tmp_path_factory, drawn)


def _check_every_core(tmp_path_factory: pytest.TempPathFactory, drawn: Any) -> None:
    folder = tmp_path_factory.mktemp("vectors")
    export_vectors(drawn.network, drawn.mapping, drawn.x, folder, timesteps=drawn.timesteps)
    about = json.loads((folder / "vectors.json").read_text())
    assert (folder / "README.txt").read_text() == FORMAT
    assert len(about["cores"]) == len(drawn.mapping.cores)
    expected = simulate(drawn.network, drawn.x, timesteps=drawn.timesteps, record=list(drawn.network.by_name))
    for entry in about["cores"]:
        core = read(folder, entry)
        spikes, potentials = replay(core, about)
        assert spikes == set(zip(*(core[f"out_{what}"].tolist() for what in ("step", "neuron", "value")), strict=True))
        np.testing.assert_array_equal(potentials, core["potential"])
        for shard in (shard for shard in entry["shards"] if shard["population"] in expected.potential):
            box = tuple(slice(*shard[axis]) for axis in ("rows", "columns", "channels"))
            place = (slice(None), *box)
            whole = expected.potential[shard["population"]][place].reshape(about["images"], -1)
            own = core["potential"][about["timesteps"] - 1 :: about["timesteps"], shard["first_neuron"] :][:, : whole.shape[1]]
            np.testing.assert_array_equal(own, whole)


def test_the_counts_and_names_are_those_of_the_arrays(tmp_path: Path) -> None:
    network = random_network(2)
    mapping = map_network(network, TINY)
    told: list[tuple[int, int]] = []
    about = export_vectors(network, mapping, random_images(network, 2), tmp_path / "out", progress=lambda *step: told.append(step))
    assert about == json.loads((tmp_path / "out" / "vectors.json").read_text())
    assert told == [(n + 1, len(mapping.cores)) for n in range(len(mapping.cores))]
    assert (about["network"], about["chip"], about["images"]) == (network.digest, "tiny", 2)
    files = {entry["file"] for entry in about["cores"]}
    assert files | {"README.txt", "vectors.json"} == {path.name for path in (tmp_path / "out").iterdir()}
    for entry, mapped in zip(about["cores"], mapping.cores, strict=True):
        core = read(tmp_path / "out", entry)
        assert all(re.search(rf"\b{name}\b", FORMAT) for name in core)
        assert entry["neurons"] == len(core["vth"]) == sum(shard.neurons for shard in mapped.shards)
        assert (entry["axons"], entry["entries"]) == (len(core["axon_list"]), len(core["entry_weight"]))
        assert (entry["in_events"], entry["out_events"]) == (len(core["in_step"]), len(core["out_step"]))
        for axon, projection in zip(core["axon_neuron"].tolist(), core["axon_projection"].tolist(), strict=True):
            assert axon < np.prod(entry["projections"][projection]["shape"])


def test_values_of_both_signs_are_those_of_the_network(tmp_path: Path) -> None:
    network = with_payloads(random_network(6), 6, 6, True)
    x = random_images(network, 2)
    about = export_vectors(network, map_network(network, TINY), x, tmp_path / "out")
    assert about["schema"] == 2
    cores = [read(tmp_path / "out", entry) for entry in about["cores"]]
    assert min(core["in_value"].min() for core in cores) < 0 < 255 >= max(core["in_value"].max() for core in cores)
    expected = simulate(network, x, backend="golden", record=list(network.by_name))
    values = sorted(value for core in cores for value in core["out_value"].tolist())
    sent = np.concatenate([sent_at_steps(expected.raster[p.name], p.shape).ravel() for p in network.populations if p.kind is Kind.IF])
    assert values == sorted(sent[sent != 0].tolist()) and values[0] < 0
    for core, entry in zip(cores, about["cores"], strict=True):
        shard = entry["shards"][0]
        payload = network.by_name[shard["population"]].payload
        assert (core["payload_max"][0], core["signed"][0]) == (payload.largest, payload.signed)


def test_lists_are_shared_by_the_positions_of_a_convolution(tmp_path: Path) -> None:
    """The memory has fewer entries than there are synapses."""
    network = random_network(0)
    about = export_vectors(network, map_network(network), random_images(network, 1), tmp_path / "out")
    (entry,) = about["cores"]
    core = read(tmp_path / "out", entry)
    sizes = np.diff(core["list_start"])
    assert entry["entries"] == sizes.sum() < sizes[core["axon_list"]].sum()


def test_nothing_is_written_where_something_is_wrong(tmp_path: Path) -> None:
    network, x = random_network(1), random_images(random_network(1), 1)
    mapping = random_mapping(np.random.default_rng(0), network, 3)
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "mine").write_text("mine")
    (tmp_path / "file").write_text("mine")
    for folder, message in (
        ("full", "holds other files; give a new or empty folder"),
        ("file", "is not a folder"),
        ("no/such", "cannot be written: No such file"),
    ):
        with pytest.raises(FileError, match=message):
            export_vectors(network, mapping, x, tmp_path / folder)
    with pytest.raises(InvalidNetwork, match="this mapping is of the network"):
        export_vectors(random_network(2), mapping, x, tmp_path / "out")

    def stop(done: int, total: int) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        export_vectors(network, mapping, x, tmp_path / "out", progress=stop)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["file", "full"]
    assert [path.name for path in (tmp_path / "full").iterdir()] == ["mine"]


def test_clipped_inputs_are_warned_of_once(caplog: pytest.LogCaptureFixture, tmp_path: Path) -> None:
    network = random_network(0)
    outside = np.full((1, *network.input.shape), 999.0)
    with caplog.at_level(logging.WARNING):
        export_vectors(network, map_network(network), outside, tmp_path / "vectors")
    assert caplog.text.count("input values lie outside") == 1
