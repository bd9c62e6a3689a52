"""Network files: what is saved is what is loaded, and nothing else is ever loaded."""

from __future__ import annotations

import errno
import io
import json
import os
import struct
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest

import ecc_lava
from ecc_lava.common import Payload
from ecc_lava.common.arrays import Array
from ecc_lava.common.files import check_writable, read_bytes, write_bytes
from ecc_lava.errors import EccLavaError, FileError, InvalidInput, InvalidNetwork
from ecc_lava.geometry import Conv, Dense, Sparse, from_synapses, reshaping, with_kernel
from ecc_lava.geometry.description import describe
from ecc_lava.graph.graph import Graph
from ecc_lava.graph.nodes import Add, Input, Linear, Maximum, MaxPool, Node, Relu, Reshape, Scale, Sigmoid, Softmax
from ecc_lava.networks import QuantisedNetwork
from ecc_lava.networks.quantisation import Quantisation
from ecc_lava.networks.spiking import SpikingNetwork
from ecc_lava.quantisation import Bits
from ecc_lava.storage.arrays import Writer
from ecc_lava.storage.envelope import BLOCK, seal, verify
from ecc_lava.storage.graph_group import write_graph
from ecc_lava.storage.network_file import read_calibration
from tests.helpers.networks import random_network, with_payloads

CALIBRATION = {"digest": "0" * 64, "indices": [0, 2, 5], "seed": 7, "timesteps": 8}


def _graph() -> Graph:
    """Return a CNN with every node type, two equal kernels and an average pool with a gain map."""
    rng = np.random.default_rng(3)
    kernel = rng.normal(size=(3, 3, 4, 4)).astype(np.float32) / 4
    gain = np.outer([1.5, 1.0, 1.5], [1.5, 1.0, 1.5])
    return Graph(
        (
            Input("image", (6, 6, 2)),
            Linear("conv", "image", Conv(rng.normal(size=(3, 3, 2, 4)).astype(np.float32) / 3, padding=(1, 1, 1, 1)), rng.normal(size=4)),
            Scale("bn", "conv", rng.uniform(0.5, 2, 4), rng.normal(size=4)),
            Relu("relu", "bn"),
            Linear("a", "relu", Conv(kernel, padding=(1, 1, 1, 1)), np.zeros(4)),
            Relu("a.relu", "a"),
            Linear("b", "a.relu", Conv(kernel.copy(), padding=(1, 1, 1, 1)), rng.normal(size=4).astype(np.float32)),
            Add("sum", ("b", "relu")),
            Relu("sum.relu", "sum", 3.0),
            MaxPool("largest", "sum.relu", (2, 2), (1, 1), (0, 1, 0, 1)),
            Maximum("larger", ("largest", "relu")),
            Linear("pool", "larger", Conv(np.full((3, 3, 1, 4), 1 / 9), (2, 2), (0, 1, 0, 1), groups=4, gain=gain), np.zeros(4)),
            Reshape("flatten", "pool", (1, 1, 36)),
            Linear("dense", "flatten", Dense(rng.normal(size=(36, 5)).astype(np.float32) / 6), rng.normal(size=5)),
            Softmax("softmax", "dense"),
        )
    )


@pytest.fixture(scope="module")
def images() -> Array:
    return np.random.default_rng(0).integers(0, 256, (6, 6, 6, 2)).astype(np.uint8)


Triple = tuple[QuantisedNetwork, SpikingNetwork, Graph]


@pytest.fixture(scope="module")
def made(images: Array) -> Triple:
    graph = _graph()
    snn = ecc_lava.convert(graph, calibration=images, timesteps=8)
    return ecc_lava.quantise(snn), snn, graph


@pytest.fixture(scope="module")
def sealed(made: Triple, tmp_path_factory: pytest.TempPathFactory) -> bytes:
    path = tmp_path_factory.mktemp("sealed") / "net.h5"
    net, snn, graph = made
    ecc_lava.save(path, net, snn=snn, graph=graph, calibration=CALIBRATION)
    return path.read_bytes()


def _same(one: Any, other: Any) -> None:
    """Assert that two graphs, networks or parts of them are equal to the last bit."""
    assert type(one) is type(other)
    if isinstance(one, np.ndarray):
        assert one.dtype == other.dtype
        np.testing.assert_array_equal(one, other)
    elif isinstance(one, tuple):
        assert len(one) == len(other)
        for a, b in zip(one, other, strict=True):
            _same(a, b)
    elif hasattr(one, "__dataclass_fields__"):
        for field in one.__dataclass_fields__:
            _same(getattr(one, field), getattr(other, field))
    else:
        assert one == other


def test_round_trip_is_exact(made: Triple, sealed: bytes, images: Array, tmp_path: Path) -> None:
    path = tmp_path / "net.h5"
    path.write_bytes(sealed)
    loaded = ecc_lava.load(path)
    _same(loaded, made)
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
    _same(loaded, other)
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
    path.write_bytes(_edited(sealed, _json(NET, lambda v: v.pop("quantisation") and None)))
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
        edited = _edited(edited, _json(group, lambda v: v.pop("calibrated") and None))
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
    _same(loaded, network)
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
    _same(loaded, network)
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


# --- altered files -----------------------------------------------------------------------------------------------------------------


def _refused(content: bytes, folder: Path, read: Callable[[Path], object] | None = None) -> str:
    """Return the message with which a file of this content is refused; it is one line and names the file."""
    path = folder / "bad.h5"
    path.write_bytes(content)
    with pytest.raises(FileError) as caught:
        (ecc_lava.load if read is None else read)(path)
    message = str(caught.value)
    assert message.startswith(str(path))
    assert "\n" not in message
    assert len(message) < 600
    return message


def test_every_flipped_byte_is_noticed(sealed: bytes, tmp_path: Path) -> None:
    header = range(52)
    body = np.random.default_rng(0).integers(BLOCK, len(sealed), 150)
    for position in [*header, *body, len(sealed) - 1]:
        for bit in (0x01, 0x80):
            changed = bytearray(sealed)
            changed[position] ^= bit
            with pytest.raises(FileError):
                verify(bytes(changed), "net.h5")
    changed = bytearray(sealed)
    changed[-1] ^= 1
    assert "altered" in _refused(bytes(changed), tmp_path)


def test_the_unused_rest_of_the_header_may_not_be_altered_either(sealed: bytes) -> None:
    for position in range(52, BLOCK, 17):
        changed = bytearray(sealed)
        changed[position] ^= 4
        with pytest.raises(FileError):
            verify(bytes(changed), "net.h5")


def test_every_truncation_is_noticed(sealed: bytes, tmp_path: Path) -> None:
    lengths = {0, 1, 7, 8, 51, 52, 511, 512, 513, len(sealed) - 1, *np.random.default_rng(1).integers(0, len(sealed), 60).tolist()}
    for length in sorted(lengths):
        message = _refused(sealed[:length], tmp_path)
    assert "cut short" in message


@pytest.mark.parametrize("tail", [b"\0", b"more", bytes(4096)])
def test_appended_bytes_are_noticed(sealed: bytes, tail: bytes, tmp_path: Path) -> None:
    assert "added" in _refused(sealed + tail, tmp_path)


def test_other_files_are_named_as_what_they_are_not(tmp_path: Path) -> None:
    for content in (b"", b"not a network" * 99, bytes(2048), b"\x89HDF\r\n\x1a\n" + bytes(2000), b"PK\3\4" + bytes(3000)):
        assert "not a network file" in _refused(content, tmp_path)


def test_another_schema_is_named(sealed: bytes, tmp_path: Path) -> None:
    changed = sealed[:8] + struct.pack("<I", 9) + sealed[12:]
    assert "schema 9" in _refused(changed, tmp_path)


def test_missing_files_and_folders(tmp_path: Path) -> None:
    with pytest.raises(FileError, match=r"none\.h5.*no such file"):
        ecc_lava.load(tmp_path / "none.h5")
    with pytest.raises(FileError, match="folder"):
        ecc_lava.load(tmp_path)


# --- files with a right checksum and hostile content -----------------------------------------------------------------------------------


def _edited(sealed: bytes, edit: Callable[[Any], None]) -> bytes:
    buffer = io.BytesIO(bytes(BLOCK) + sealed[BLOCK:])
    with h5py.File(buffer, "r+") as file:
        edit(file)
    return seal(buffer.getvalue())


def _json(path: str, change: Callable[[Any], Any]) -> Callable[[Any], None]:
    """Return an edit that replaces the JSON at `path`."""

    def edit(file: Any) -> None:
        value = json.loads(file[path][()].tobytes())
        value = change(value) or value
        text = value if isinstance(value, bytes) else json.dumps(value).encode()
        del file[path]
        file[path] = np.frombuffer(text, np.uint8)

    return edit


def _replaced(path: str, value: Any, **options: Any) -> Callable[[Any], None]:
    def edit(file: Any) -> None:
        del file[path]
        file.create_dataset(path, data=value, **options)

    return edit


def _deleted(path: str) -> Callable[[Any], None]:
    def edit(file: Any) -> None:
        del file[path]

    return edit


def _linked(path: str, link: Any) -> Callable[[Any], None]:
    def edit(file: Any) -> None:
        if path in file:
            del file[path]
        file[path] = link

    return edit


def _claimed(path: str, dtype: str, shape: tuple[int, ...], **options: Any) -> Callable[[Any], None]:
    """Return an edit that puts an array of a claimed shape, without its data, at `path`."""

    def edit(file: Any) -> None:
        del file[path]
        file.create_dataset(path, shape, dtype, **options)

    return edit


def _virtual(file: Any) -> None:
    kernel = file["integer/projections/0/kernel"]
    layout = h5py.VirtualLayout(kernel.shape, kernel.dtype)
    layout[...] = h5py.VirtualSource("/etc/passwd", "x", kernel.shape)
    del file["integer/projections/0/kernel"]
    file.create_virtual_dataset("integer/projections/0/kernel", layout)


def _external(file: Any) -> None:
    shape = file["integer/projections/0/kernel"].shape
    del file["integer/projections/0/kernel"]
    file.create_dataset("integer/projections/0/kernel", shape, "int8", external=[("/etc/passwd", 0, int(np.prod(shape)))])


def _set(path: str, index: Any, value: Any) -> Callable[[Any], None]:
    def edit(file: Any) -> None:
        file[path][index] = value

    return edit


def _at(*keys: Any, to: Any) -> Callable[[Any], Any]:
    """Return a change of JSON values: the item under `keys` becomes `to`."""

    def change(value: Any) -> None:
        for key in keys[:-1]:
            value = value[key]
        value[keys[-1]] = to

    return change


NET, FLOAT, NODES = "integer/network", "float/network", "graph/nodes"
DEEP = b"[" * 200_000 + b"]" * 200_000

HOSTILE: dict[str, Callable[[Any], None]] = {
    "no integer group": _deleted("integer"),
    "no populations": _deleted("integer/populations"),
    "a population missing": _deleted("integer/populations/2"),
    "a bias missing": _deleted("integer/populations/1/bias"),
    "a kernel missing": _deleted("integer/projections/1/kernel"),
    "no trace": _deleted("trace"),
    "no calibration": _deleted("calibration"),
    "no nodes": _deleted(NODES),
    "no graph arrays": _deleted("graph/arrays"),
    "a graph scale missing": _deleted("graph/arrays/2/scale"),
    "a group for an array": _linked("integer/projections/0/kernel/", h5py.SoftLink("/integer")),
    "an array for a group": _replaced("integer/projections", np.zeros(3)),
    "integer is an array": _replaced("integer", np.zeros(3)),
    "float is an array": _replaced("float", np.zeros(3)),
    "float kernel for integers": _replaced("integer/projections/0/kernel", np.zeros((3, 3, 2, 4))),
    "int64 bias": _replaced("integer/populations/1/bias", np.zeros((1, 1, 4), np.int64)),
    "big-endian bias": _replaced("integer/populations/1/bias", np.zeros((1, 1, 4), ">i4")),
    "text for a bias": _replaced("integer/populations/1/bias", "os.system('true')"),
    "objects for a bias": _replaced("integer/populations/1/bias", [b"a", b"bc"], dtype=h5py.special_dtype(vlen=bytes)),
    "an empty array": _replaced("integer/populations/1/bias", h5py.Empty("int32")),
    "compound bias": _replaced("integer/populations/1/bias", np.zeros(2, [("a", "i4"), ("b", "f4")])),
    "scalar bias": _replaced("integer/populations/1/bias", np.int32(1)),
    "wrong bias shape": _replaced("integer/populations/1/bias", np.zeros((1, 1, 3), np.int32)),
    "wrong kernel shape": _replaced("integer/projections/0/kernel", np.zeros((3, 3, 3, 4), np.int8)),
    "kernel of two axes for a Conv": _replaced("integer/projections/0/kernel", np.zeros((18, 4), np.int8)),
    "zero-sized kernel": _replaced("integer/projections/0/kernel", np.zeros((3, 3, 2, 0), np.int8)),
    "huge claimed contiguous": _claimed("integer/projections/0/kernel", "int8", (2**20, 2**20, 2, 4)),
    "huge claimed chunked": _claimed("integer/projections/0/kernel", "int8", (2**20, 2**20, 2, 4), chunks=(64, 64, 2, 4)),
    "huge claimed compressed": _claimed("integer/projections/0/kernel", "int8", (2**16, 2**16, 2, 4), compression="gzip"),
    "compressed": _replaced("integer/projections/0/kernel", np.zeros((3, 3, 2, 4), np.int8), compression="gzip"),
    "chunked": _replaced("integer/projections/0/kernel", np.zeros((3, 3, 2, 4), np.int8), chunks=(3, 3, 2, 4)),
    "huge compressed zeros": _replaced("integer/projections/0/kernel", np.zeros((2**12, 2**12, 1, 4), np.int8), compression="gzip"),
    "virtual": _virtual,
    "external storage": _external,
    "soft link": _linked("integer/projections/0/kernel", h5py.SoftLink("/integer/projections/1/kernel")),
    "dangling soft link": _linked("integer/projections/0/kernel", h5py.SoftLink("/nowhere")),
    "soft link to itself": _linked("integer/projections/0/kernel", h5py.SoftLink("/integer/projections/0/kernel")),
    "external link": _linked("integer/projections/0/kernel", h5py.ExternalLink("/etc/passwd", "/")),
    "external link for a group": _linked("integer", h5py.ExternalLink("/dev/zero", "/")),
    "external link for an optional group": _linked("float", h5py.ExternalLink("/etc/passwd", "/")),
    "dangling link for an optional group": _linked("graph", h5py.SoftLink("/nowhere")),
    "dangling link for a gain": _linked("integer/projections/0/gain", h5py.SoftLink("/nowhere")),
    "gain map of floats": _replaced("integer/projections/16/gain", np.ones((3, 3))),
    "gain of the wrong shape": _replaced("integer/projections/16/gain", np.ones((2, 2), np.int32)),
    "vth 0": _set("integer/populations/1/vth", ..., 0),
    "vth beyond 24 bits": _set("integer/populations/1/vth", ..., 2**23),
    "bias -2**31": _set("integer/populations/1/bias", ..., -(2**31)),
    "a changed weight": _set("integer/projections/0/kernel", (0, 0, 0, 0), 3),
    "a weight of -128": _set("integer/projections/0/kernel", (0, 0, 0, 0), -128),
    "fewer bits claimed": _json(NET, _at("bits", to=2)),
    "no bits": _json(NET, _at("bits", to=-1)),
    "bits as text": _json(NET, _at("bits", to="8.5")),
    "wrong digest": _json(NET, _at("digest", to="f" * 64)),
    "widths of another type": _json(NET, _at("quantisation", "bits", to={"relu": "8"})),
    "unknown scale axis": _json(NET, _at("quantisation", "per", to="neuron")),
    "quantisation as a list": _json(NET, _at("quantisation", to=[8, "channel"])),
    "a range of inputs out of order": _json(NET, _at("calibrated", to=[{"low": 1.0, "high": 0.0}])),
    "a range of inputs without an end": _json(NET, _at("calibrated", to=[{"low": 1.0}])),
    "ranges of more inputs than there are": _json(NET, _at("calibrated", to=[{"low": 0.0, "high": 1.0}] * 9)),
    "ranges of another type": _json(NET, _at("calibrated", to=7)),
    "digest of another type": _json(NET, _at("digest", to=None)),
    "unknown format": _json(NET, _at("format", to="tpu")),
    "format of another type": _json(NET, _at("format", to=["loihi2"])),
    "unknown coding": _json(NET, _at("codings", 0, "kind", to="morse")),
    "coding that is not a table": _json(NET, _at("codings", 0, to=[1])),
    "coding with unknown keys": _json(NET, _at("codings", 0, "code", to="import os")),
    "NaN offset": _json(NET, _at("codings", 0, "offset", to=float("nan"))),
    "scale 0": _json(NET, _at("codings", 0, "scale", to=0)),
    "text scale": _json(NET, _at("codings", 0, "scale", to="1")),
    "timesteps 0": _json(NET, _at("timesteps", to=0)),
    "timesteps infinite": _json(NET, _at("timesteps", to=float("inf"))),
    "timesteps absent": _json(NET, lambda v: v.pop("timesteps") and None),
    "logit scale 0": _json(NET, _at("logit_scales", 0, to=0)),
    "logit scale NaN": _json(NET, _at("logit_scales", 0, to=float("nan"))),
    "populations as a table": _json(NET, _at("populations", to={"a": 1})),
    "populations as text": _json(NET, _at("populations", to="ab")),
    "no population at all": _json(NET, _at("populations", to=[])),
    "no projection": _json(NET, _at("projections", to=[])),
    "population named twice": _json(NET, _at("populations", 1, "name", to="image")),
    "unknown kind": _json(NET, _at("populations", 1, "kind", to="quantum")),
    "second input": _json(NET, _at("populations", 1, "kind", to="input")),
    "shape of two": _json(NET, _at("populations", 0, "shape", to=[6, 6])),
    "shape of floats": _json(NET, _at("populations", 0, "shape", to=[6.0, 6, 2])),
    "shape of 0": _json(NET, _at("populations", 0, "shape", to=[0, 6, 2])),
    "shape huge": _json(NET, _at("populations", 0, "shape", to=[2**40, 2**40, 2])),
    "depth wrong": _json(NET, _at("populations", 1, "depth", to=5)),
    "delay wrong": _json(NET, _at("projections", 0, "delay", to=3)),
    "exponent out of range": _json(NET, _at("projections", 0, "exponent", to=99)),
    "unknown source": _json(NET, _at("projections", 0, "source", to="nobody")),
    "cyclic": _json(NET, _at("projections", 0, "source", to="sum.relu")),
    "to itself": _json(NET, _at("projections", 1, "source", to="a.relu")),
    "unknown geometry": _json("integer/projections/0/geometry", lambda v: {"type": "FFT"}),
    "geometry as a list": _json("integer/projections/0/geometry", lambda v: ["Conv"]),
    "strides 0": _json("integer/projections/0/geometry", _at("strides", to=[0, 0])),
    "groups 0": _json("integer/projections/0/geometry", _at("groups", to=0)),
    "groups negative": _json("integer/projections/0/geometry", _at("groups", to=-1)),
    "padding huge": _json("integer/projections/0/geometry", _at("padding", to=[2**60, 0, 0, 0])),
    "padding null": _json("integer/projections/0/geometry", _at("padding", to=[None, 0, 0, 0])),
    "crops everything": _json("integer/projections/0/geometry", _at("padding", to=[-9, -9, 0, 0])),
    "not JSON": _json(NET, lambda v: b"__import__('os').system('true')"),
    "JSON cut": _json(NET, lambda v: json.dumps(v).encode()[:-5]),
    "JSON null": _json(NET, lambda v: b"null"),
    "JSON list": _json(NET, lambda v: b"[]"),
    "JSON number": _json(NET, lambda v: b"7"),
    "JSON text": _json(NET, lambda v: b'"abc"'),
    "deep JSON": _json(NET, lambda v: DEEP),
    "deep trace": _json("trace", lambda v: DEEP),
    "trace null": _json("trace", lambda v: b"null"),
    "trace a table": _json("trace", lambda v: b'{"a": 1}'),
    "trace not text": _json("trace", lambda v: [1, 2]),
    "calibration a list": _json("calibration", lambda v: [1]),
    "not UTF-8": _json(NET, lambda v: b"\xff\xfe\xfd"),
    "long number": _json(NET, lambda v: b'{"bits": ' + b"9" * 5000 + b"}"),
    "NaN float weight": _set("float/projections/0/kernel", (0, 0, 0, 0), np.nan),
    "infinite float bias": _set("float/populations/1/bias", ..., np.inf),
    "negative lambda": _set("float/populations/1/lambda_", ..., -1),
    "float16 float weight": _replaced("float/projections/0/kernel", np.zeros((3, 3, 2, 4), np.float16)),
    "float timesteps text": _json(FLOAT, _at("timesteps", to="many")),
    "float network of other timesteps": _json(FLOAT, _at("timesteps", to=7)),
    "float populations renamed": _json(FLOAT, lambda v: json.dumps(v).replace('"a.relu"', '"c.relu"').encode()),
    "NaN graph weight": _set("graph/arrays/1/kernel", (0, 0, 0, 0), np.nan),
    "infinite graph scale": _set("graph/arrays/2/scale", 0, np.inf),
    "graph uint8 scale NaN": _json(NODES, _at("uint8_scale", to=float("nan"))),
    "graph uint8 scale text": _json(NODES, _at("uint8_scale", to="x")),
    "graph without nodes": _json(NODES, _at("nodes", to=[])),
    "graph node of unknown type": _json(NODES, _at("nodes", 3, "type", to="Lambda")),
    "graph node without sources": _json(NODES, _at("nodes", 3, "sources", to=[])),
    "graph sum of nothing": _json(NODES, _at("nodes", 7, "sources", to=[])),
    "graph node with too many sources": _json(NODES, _at("nodes", 3, "sources", to=["bn", "conv"])),
    "graph cycle": _json(NODES, _at("nodes", 1, "sources", to=["sum"])),
    "graph node named twice": _json(NODES, _at("nodes", 3, "name", to="bn")),
    "graph input shape of another network": _json(NODES, lambda v: {"nodes": v["nodes"][:1], "uint8_scale": 1.0}),
    "graph reshape": _json(NODES, _at("nodes", 12, "shape", to=[1, 1, 35])),
    "graph input in the middle": _json(NODES, _at("nodes", 3, "type", to="Input")),
    "graph nodes as text": _json(NODES, _at("nodes", to="abc")),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_content_is_refused_in_one_line(name: str, sealed: bytes, tmp_path: Path) -> None:
    _refused(_edited(sealed, HOSTILE[name]), tmp_path, read_calibration if "calibration" in name else None)


@pytest.fixture(scope="module")
def listed() -> Triple:
    """Return a network whose first projection has its synapses listed one by one: 24, two into a neuron but the last."""
    rng = np.random.default_rng(0)
    pairs = from_synapses(rng.uniform(1, 2, 23), np.arange(23), np.arange(23) // 2, (3, 4, 2), (2, 3, 2))
    nodes = (Linear("pairs", "image", pairs, np.zeros(2)), Relu("relu", "pairs"), Reshape("flat", "relu", (1, 1, 12)))
    graph = Graph((Input("image", (3, 4, 2)), *nodes, Linear("dense", "flat", Dense(rng.normal(size=(12, 5))), np.zeros(5))))
    snn = ecc_lava.convert(graph, calibration=rng.integers(0, 256, (6, 3, 4, 2)).astype(np.uint8), timesteps=8)
    return ecc_lava.quantise(snn), snn, graph


LISTED = "integer/projections/0/"
HOSTILE_LISTS = {
    "sources missing": _deleted(LISTED + "sources"),
    "starts missing": _deleted(LISTED + "starts"),
    "a gain map": lambda file: file.create_dataset(LISTED + "gain", data=np.ones((2, 3), np.int32)),
    "sources of another type": _replaced(LISTED + "sources", np.arange(23)),
    "starts of another type": _replaced(LISTED + "starts", np.arange(13, dtype=np.int32)),
    "sources beyond the map": _set(LISTED + "sources", 22, 24),
    "negative sources": _set(LISTED + "sources", 0, -1),
    "sources that descend": _set(LISTED + "sources", 1, 0),
    "starts that descend": _set(LISTED + "starts", 3, 1),
    "starts from 1": _set(LISTED + "starts", 0, 1),
    "starts beyond the synapses": _set(LISTED + "starts", 12, 2**40),
    "fewer weights than sources": _replaced(LISTED + "kernel", np.ones(22, np.int8)),
    "a weight of 0": _set(LISTED + "kernel", 0, 0),
    "another source": _set(LISTED + "sources", 22, 23),
    "other starts": _set(LISTED + "starts", 3, 5),
    "sources claimed": _claimed(LISTED + "sources", "int32", (2**40,)),
    "another map": _json(LISTED + "geometry", _at("target", to=[3, 2, 2])),
    "a map of two axes": _json(LISTED + "geometry", _at("target", to=[4, 3])),
    "a map of nothing": _json(LISTED + "geometry", _at("target", to=[0, 3, 2])),
    "a negative map": _json(LISTED + "geometry", _at("target", to=[-2, -3, 2])),
    "a huge map": _json(LISTED + "geometry", _at("source", to=[2**70, 2**70, 2])),
    "no map": _json(LISTED + "geometry", _at("source", to=None)),
    "a kernel for a list": _json(LISTED + "geometry", lambda v: {"type": "Dense"}),
    "NaN float weight": _set("float/projections/0/kernel", 0, np.nan),
    "NaN graph weight": _set("graph/arrays/1/kernel", 0, np.nan),
    "graph sources beyond the map": _set("graph/arrays/1/sources", 22, 24),
}


@pytest.mark.parametrize("name", HOSTILE_LISTS)
def test_hostile_lists_of_synapses_are_refused_in_one_line(name: str, listed: Triple, tmp_path: Path) -> None:
    net, snn, graph = listed
    path = tmp_path / "net.h5"
    ecc_lava.save(path, net, snn=snn, graph=graph)
    assert isinstance(net.projections[0].geometry, Sparse) and net.projections[0].geometry.kernel.size == 23
    _same(ecc_lava.load(path), listed)
    _refused(_edited(path.read_bytes(), HOSTILE_LISTS[name]), tmp_path)


def test_editing_itself_is_not_what_is_refused(sealed: bytes, made: Triple, tmp_path: Path) -> None:
    path = tmp_path / "net.h5"
    path.write_bytes(_edited(sealed, _json(NET, lambda v: v)))
    _same(ecc_lava.load(path), made)


def test_flipped_bytes_behind_a_right_checksum_are_refused_or_harmless(made: Triple, tmp_path: Path) -> None:
    """The file format's own structures, damaged at random: an error of ours, or the integers as they were."""
    network = random_network(1, layers=2)
    ecc_lava.save(tmp_path / "small.h5", network)
    content = (tmp_path / "small.h5").read_bytes()
    rng = np.random.default_rng(4)
    refused = 0
    for position in rng.integers(BLOCK, len(content), 250):
        changed = bytearray(content)
        changed[position] ^= 1 << int(rng.integers(8))
        (tmp_path / "changed.h5").write_bytes(seal(bytes(changed)))
        try:
            loaded = ecc_lava.load(tmp_path / "changed.h5")[0]
        except FileError:
            refused += 1
        else:
            assert loaded.digest == network.digest
    assert refused > 50


# --- files written whole or not at all -------------------------------------------------------------------------------------------------


def test_a_file_is_replaced_whole(tmp_path: Path) -> None:
    path = tmp_path / "a"
    write_bytes(path, b"old")
    write_bytes(path, b"new")
    assert read_bytes(path) == b"new"
    assert [p.name for p in tmp_path.iterdir()] == ["a"]
    assert path.stat().st_mode & 0o777 == 0o666 & ~_umask()


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask


@pytest.mark.parametrize("call", ["os.fsync", "pathlib.Path.open", "pathlib.Path.replace"])
@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EIO, errno.EROFS])
def test_a_failing_disk_leaves_the_old_file_and_nothing_else(
    call: str, number: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "net.h5"
    path.write_bytes(b"old")

    def fails(*args: object, **kwargs: object) -> None:
        raise OSError(number, os.strerror(number))

    with monkeypatch.context() as patched:
        patched.setattr(call, fails)
        with pytest.raises(FileError, match=os.strerror(number)):
            write_bytes(path, b"new")
    assert path.read_bytes() == b"old"
    assert [p.name for p in tmp_path.iterdir()] == ["net.h5"]


def test_an_interrupted_write_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(descriptor: int) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("os.fsync", interrupted)
    with pytest.raises(KeyboardInterrupt):
        write_bytes(tmp_path / "net.h5", b"new")
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("write", [check_writable, lambda path: write_bytes(path, b"x")], ids=["check", "write"])
def test_paths_that_cannot_be_written(write: Callable[[Path], None], tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"x")
    (tmp_path / "folder").mkdir()
    os.mkfifo(tmp_path / "pipe")
    for path, reason in {
        tmp_path / "none" / "net.h5": "there is no folder .*make it first",
        tmp_path / "file" / "net.h5": "Not a directory",
        tmp_path / "folder": "it is a folder",
        tmp_path / "pipe": "not a regular file",
        tmp_path / ("n" * 400): "File name too long",
    }.items():
        with pytest.raises(FileError, match=reason) as caught:
            write(path)
        assert str(caught.value).startswith(f"{path}: cannot be written")
    assert sorted(p.name for p in tmp_path.iterdir()) == ["file", "folder", "pipe"]


def test_checking_leaves_nothing_behind(tmp_path: Path) -> None:
    check_writable(tmp_path / "net.h5")
    (tmp_path / "old").write_bytes(b"old")
    check_writable(tmp_path / "old")
    assert [p.name for p in tmp_path.iterdir()] == ["old"]
    assert (tmp_path / "old").read_bytes() == b"old"


def test_read_only_folders_are_noticed_before_the_work(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fails(*args: object, **kwargs: object) -> None:
        raise OSError(errno.EROFS, os.strerror(errno.EROFS))

    monkeypatch.setattr("tempfile.mkstemp", fails)
    monkeypatch.setattr("tempfile.TemporaryFile", fails)
    with pytest.raises(FileError, match="Read-only file system"):
        check_writable(tmp_path / "net.h5")


def test_a_save_that_fails_leaves_the_old_network(made: Triple, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "net.h5"
    ecc_lava.save(path, made[0])
    old = path.read_bytes()

    def fails(descriptor: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr("os.fsync", fails)
    with pytest.raises(EccLavaError, match="No space left"):
        ecc_lava.save(path, made[0], snn=made[1])
    assert path.read_bytes() == old
    assert [p.name for p in tmp_path.iterdir()] == ["net.h5"]


def test_descriptions_of_geometries_are_json() -> None:
    for geometry in (Conv(np.ones((1, 1, 1, 1), np.int8)), Dense(np.ones((2, 2), np.int8)), reshaping((1, 2, 3), (1, 1, 6))):
        assert json.loads(json.dumps(describe(geometry)))["type"] == type(geometry).__name__
