"""What is saved is what is loaded, to the last bit, and only parts that belong together are saved."""

from __future__ import annotations

import io
import json
from dataclasses import replace
from pathlib import Path

import h5py
import numpy as np
import pytest

import ecc_lava
from ecc_lava.common import Payload
from ecc_lava.common.arrays import Array
from ecc_lava.errors import InvalidInput, InvalidNetwork
from ecc_lava.geometry import Conv, Dense, reshaping, with_kernel
from ecc_lava.geometry.description import describe
from ecc_lava.graph.graph import Graph
from ecc_lava.graph.nodes import Input, Linear, Node, Sigmoid
from ecc_lava.networks.quantisation import Quantisation
from ecc_lava.quantisation import Bits
from ecc_lava.storage.arrays import Writer
from ecc_lava.storage.graph_group import write_graph
from ecc_lava.storage.network_file import read_calibration
from tests.helpers.network_files import CALIBRATION, FLOAT, NET, Triple, assert_same, json_at, resealed
from tests.helpers.networks import random_network, with_payloads


def test_round_trip_is_exact(made: Triple, sealed: bytes, images: Array, tmp_path: Path) -> None:
    path = tmp_path / "net.h5"
    path.write_bytes(sealed)
    loaded = ecc_lava.load(path)
    assert_same(loaded, made)
    net, snn, graph = made
    assert loaded[1] is not None and loaded[2] is not None
    assert loaded[0].digest == net.digest
    assert loaded[0].trace == net.trace != ()
    x = images / 255.0
    np.testing.assert_array_equal(ecc_lava.rate_forward(loaded[1], x), ecc_lava.rate_forward(snn, x))
    np.testing.assert_array_equal(ecc_lava.forward(loaded[2], images), ecc_lava.forward(graph, images))
    a, b = (ecc_lava.simulate(n, images, backend="golden") for n in (loaded[0], net))
    np.testing.assert_array_equal(np.asarray(a.readout), np.asarray(b.readout))
    assert read_calibration(path) == CALIBRATION
    assert any(isinstance(p.geometry, Conv) and p.geometry.gain is not None for p in net.projections)


def test_a_final_sigmoid_stays_one(made: Triple, tmp_path: Path) -> None:
    network, snn, graph = made
    other = Graph((*graph.nodes[:-1], Sigmoid("softmax", "dense")))
    ecc_lava.save(tmp_path / "net.h5", network, snn=snn, graph=other)
    loaded = ecc_lava.load(tmp_path / "net.h5")[2]
    assert_same(loaded, other)
    assert other.classifiers == ()
    assert graph.classifiers == ("softmax",)


def test_weights_that_nothing_was_folded_into_stay_in_single_precision(made: Triple, tmp_path: Path) -> None:
    network, snn, _ = made
    single = replace(
        snn.projections[0], geometry=with_kernel(snn.projections[0].geometry, snn.projections[0].geometry.kernel.astype(np.float32))
    )
    mixed = replace(snn, projections=(single, *snn.projections[1:]))
    ecc_lava.save(tmp_path / "net.h5", network, snn=mixed)
    _, loaded, _ = ecc_lava.load(tmp_path / "net.h5")
    assert loaded is not None
    assert [p.geometry.kernel.dtype for p in loaded.projections] == [p.geometry.kernel.dtype for p in mixed.projections]


@pytest.mark.parametrize("bits", [5, {"relu": 3, "default": 4}])
@pytest.mark.parametrize("per", ["channel", "layer"])
def test_a_file_says_how_its_network_was_quantised(made: Triple, tmp_path: Path, bits: Bits, per: str) -> None:
    network = ecc_lava.quantise(made[1], bits=bits, per=per)
    ecc_lava.save(tmp_path / "net.h5", network)
    loaded = ecc_lava.load(tmp_path / "net.h5")[0]
    assert loaded.quantisation == network.quantisation == Quantisation(bits, per)
    assert loaded.digest == replace(network, quantisation=None).digest


def test_a_file_without_this_record_still_loads(sealed: bytes, tmp_path: Path) -> None:
    path = tmp_path / "net.h5"
    path.write_bytes(resealed(sealed, json_at(NET, lambda v: v.pop("quantisation") and None)))
    assert ecc_lava.load(path)[0].quantisation is None


def test_a_file_keeps_the_range_that_calibration_saw(made: Triple, sealed: bytes, tmp_path: Path) -> None:
    path = tmp_path / "net.h5"
    path.write_bytes(sealed)
    network, snn, _ = ecc_lava.load(path)
    assert snn is not None
    assert network.calibrated == snn.calibrated == made[0].calibrated != ()
    assert network.digest == replace(network, calibrated=()).digest
    edited = sealed
    for group in (NET, FLOAT):
        edited = resealed(edited, json_at(group, lambda v: v.pop("calibrated") and None))
    path.write_bytes(edited)
    older, snn, _ = ecc_lava.load(path)
    assert snn is not None
    assert older.calibrated == snn.calibrated == ()
    assert older.digest == network.digest


def test_loaded_arrays_are_read_only(sealed: bytes, tmp_path: Path) -> None:
    path = tmp_path / "net.h5"
    path.write_bytes(sealed)
    network = ecc_lava.load(path)[0]
    assert not any(p.geometry.kernel.flags.writeable for p in network.projections)
    assert not any(p.bias.flags.writeable for p in network.populations)


@pytest.mark.parametrize("seed", range(16))
def test_round_trip_of_random_networks(seed: int, tmp_path: Path) -> None:
    network = random_network(seed, rails=seed % 2 == 1, ports=seed % 3 == 0, sparse=seed >= 12)
    network = with_payloads(network, seed) if seed % 4 == 2 else network
    ecc_lava.save(tmp_path / "net.h5", network)
    loaded, snn, graph = ecc_lava.load(tmp_path / "net.h5")
    assert_same(loaded, network)
    assert loaded.digest == network.digest
    assert snn is None
    assert graph is None
    assert read_calibration(tmp_path / "net.h5") == {}


def test_payloads_and_observed_sums_are_stored(made: Triple, images: Array, tmp_path: Path) -> None:
    _, _, graph = made
    snn = ecc_lava.convert(graph, calibration=images, payload_bits=4, signed_spikes=True, recipe="channel")
    network = ecc_lava.quantise(snn)
    ecc_lava.save(tmp_path / "net.h5", network, snn=snn, graph=graph)
    loaded, again, _ = ecc_lava.load(tmp_path / "net.h5")
    assert again is not None and again.payload == network.payload == Payload(4, True)
    assert_same(loaded, network)
    assert ecc_lava.quantise(again).digest == network.digest
    binary = replace(snn, populations=tuple(replace(p, payload=Payload()) for p in snn.populations))
    with pytest.raises(InvalidNetwork, match="payloads"):
        ecc_lava.save(tmp_path / "other.h5", network, snn=binary)


@pytest.mark.parametrize("parts", [("snn",), ("graph",)])
def test_either_float_part_may_be_absent(made: Triple, parts: tuple[str, ...], tmp_path: Path) -> None:
    net, snn, graph = made
    ecc_lava.save(tmp_path / "net.h5", net, snn=snn if "snn" in parts else None, graph=graph if "graph" in parts else None)
    loaded = ecc_lava.load(tmp_path / "net.h5")
    assert [part is not None for part in loaded] == [True, "snn" in parts, "graph" in parts]


def test_the_same_network_makes_the_same_bytes(made: Triple, sealed: bytes, tmp_path: Path) -> None:
    net, snn, graph = made
    ecc_lava.save(tmp_path / "again.h5", net, snn=snn, graph=graph, calibration=CALIBRATION)
    assert (tmp_path / "again.h5").read_bytes() == sealed
    ecc_lava.save(tmp_path / "third.h5", *ecc_lava.load(tmp_path / "again.h5")[:1], snn=snn, graph=graph, calibration=CALIBRATION)
    assert (tmp_path / "third.h5").read_bytes() == sealed


def test_equal_arrays_are_stored_once() -> None:
    kernel = np.random.default_rng(0).normal(size=(3, 3, 64, 64)).astype(np.float32)

    def size(count: int) -> int:
        nodes: list[Node] = [Input("x", (4, 4, 64))]
        for index in range(count):
            nodes.append(Linear(f"n{index}", nodes[-1].name, Conv(kernel.copy(), padding=(1, 1, 1, 1)), np.zeros(64)))
        buffer = io.BytesIO()
        with h5py.File(buffer, "w") as file:
            write_graph(file.create_group("graph"), Graph(tuple(nodes)), Writer())
            assert file["graph/arrays/1/kernel"] == file[f"graph/arrays/{count}/kernel"]
        return len(buffer.getvalue())

    assert size(3) - size(1) < kernel.nbytes // 8


def test_other_tools_can_read_the_file(sealed: bytes) -> None:
    with h5py.File(io.BytesIO(sealed)) as file:
        assert sorted(file) == ["calibration", "float", "graph", "integer", "trace"]
        assert json.loads(file["calibration"][()].tobytes()) == CALIBRATION


def test_parts_that_do_not_belong_together_are_not_saved(made: Triple, images: Array, tmp_path: Path) -> None:
    net, _, graph = made
    other = ecc_lava.convert(graph, calibration=images, timesteps=4)
    with pytest.raises(InvalidNetwork, match="float network"):
        ecc_lava.save(tmp_path / "net.h5", net, snn=other)
    with pytest.raises(InvalidNetwork, match="graph"):
        ecc_lava.save(tmp_path / "net.h5", random_network(0), graph=graph)
    assert not list(tmp_path.iterdir())


def test_a_format_that_no_reader_would_know_is_not_saved(made: Triple, tmp_path: Path) -> None:
    from dataclasses import replace

    net = replace(made[0], format=replace(made[0].format, payload_bits=9))
    with pytest.raises(InvalidInput, match="loihi2"):
        ecc_lava.save(tmp_path / "net.h5", net)
    assert not list(tmp_path.iterdir())


def test_descriptions_of_geometries_are_json() -> None:
    for geometry in (Conv(np.ones((1, 1, 1, 1), np.int8)), Dense(np.ones((2, 2), np.int8)), reshaping((1, 2, 3), (1, 1, 6))):
        assert json.loads(json.dumps(describe(geometry)))["type"] == type(geometry).__name__
