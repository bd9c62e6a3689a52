"""Mutants of network files: bytes, sealed bytes, and changed descriptions and arrays under a right checksum and a right digest."""

from __future__ import annotations

import io
import json
import random
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import h5py
import numpy as np

import ecc_lava
from ecc_lava.errors import EccLavaError
from ecc_lava.geometry import Conv, Dense, from_synapses
from ecc_lava.graph import Graph, Input, Linear, MaxPool, Relu, Scale, Softmax
from ecc_lava.networks import QuantisedNetwork
from ecc_lava.storage.arrays import Reader as ArrayReader
from ecc_lava.storage.envelope import BLOCK, seal
from ecc_lava.storage.network_groups import read_integer
from tests.helpers.networks import random_network, with_payloads
from tests.helpers.tiny_networks import one_projection, one_readout
from tests.hostile.mutations import mutated_bytes, mutated_json

__all__ = ["maker_of_networks"]

WEIGHTS = (6, 3, 4, 4, 4, 4, 1, 1)
"""How often each network is changed; a large one takes ten times as long."""


def _graph() -> Graph:
    rng = np.random.default_rng(3)
    return Graph(
        (
            Input("image", (4, 4, 1)),
            Linear("conv", "image", Conv(rng.normal(size=(3, 3, 1, 3)), padding=(1, 1, 1, 1)), rng.normal(size=3)),
            Scale("bn", "conv", rng.uniform(0.5, 2, 3), rng.normal(size=3)),
            Relu("relu", "bn", 6.0),
            MaxPool("pool", "relu", (2, 2), (2, 2)),
            Linear("sum", "pool", Conv(np.full((2, 2, 1, 3), 0.25), groups=3, gain=np.ones((1, 1))), np.zeros(3)),
            Linear("dense", "sum", Dense(rng.normal(size=(3, 2))), rng.normal(size=2)),
            Softmax("softmax", "dense"),
        )
    )


def maker_of_networks() -> Callable[[random.Random], bytes]:
    """Return a maker of mutants."""
    seeds = []
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "net.h5"
        for network in _integer_networks():
            ecc_lava.save(path, network)
            seeds.append(_with_names(path.read_bytes()))
        graph = _graph()
        snn = ecc_lava.convert(graph, calibration=np.random.default_rng(0).integers(0, 256, (4, 4, 4, 1)).astype(np.uint8), timesteps=4)
        ecc_lava.save(path, ecc_lava.quantise(snn), snn=snn, graph=graph)
        seeds.append(_with_names(path.read_bytes()))

    def make(rng: random.Random) -> bytes:
        content, names, described = rng.choices(seeds, WEIGHTS)[0]
        match rng.randrange(10):
            case 0:
                return mutated_bytes(rng, content)
            case 1 | 2:
                return seal(bytes(BLOCK) + mutated_bytes(rng, content[BLOCK:]))
            case _:
                return _changed(rng, content, names, described)

    return make


def _integer_networks() -> list[QuantisedNetwork]:
    conv = Conv(np.ones((3, 3, 2, 3), np.int8), padding=(1, 1, 1, 1), gain=np.full((3, 3), 2, np.int32))
    pairs = from_synapses(np.ones(18, np.int8), np.arange(18) % 7, np.arange(18), (3, 3, 2), (3, 3, 2))
    ahead = Conv(np.ones((1, 1, 1, 2), np.int8), groups=2, input_dilation=(2, 2), reads=(0, 2), writes=(1, 4))
    made = [one_projection((3, 3, 2), geometry) for geometry in (conv, pairs, ahead)]
    in_few_bits = one_projection((8, 8, 1), Dense(np.where(np.arange(4096) % 3, 1, -1).astype(np.int8).reshape(64, 64)))
    return [one_readout(), in_few_bits, *made, with_payloads(made[0], 1, 4, True), random_network(1, layers=2)]


def _with_names(content: bytes) -> tuple[bytes, list[str], list[str]]:
    """Return a file, the names of its arrays, and of those that hold JSON values."""
    names: list[str] = []
    described: list[str] = []

    def visit(name: str, member: Any) -> None:
        if isinstance(member, h5py.Dataset):
            names.append(name)
            described.extend([name] if member.dtype == np.uint8 and member.ndim == 1 else [])

    with h5py.File(io.BytesIO(content), "r") as file:
        file.visititems(visit)
    return content, names, described


def _changed(rng: random.Random, content: bytes, names: list[str], described: list[str]) -> bytes:
    """Return a sealed file with one description or array changed."""
    buffer = io.BytesIO(content)
    with h5py.File(buffer, "r+") as file:
        name = rng.choice(described if rng.random() < 0.8 else names)
        old = file[name][()]
        del file[name]
        match rng.randrange(12):
            case 0:
                _linked(rng, file, name, names)
            case 1:
                _odd_array(rng, file, name, old)
            case _ if name in described:
                _described(rng, file, name, old)
            case _:
                flat = old.reshape(-1).copy()
                if flat.size:
                    info = np.finfo(flat.dtype) if flat.dtype.kind == "f" else np.iinfo(flat.dtype)
                    flat[rng.randrange(flat.size)] = rng.choice((info.min, info.max, 0, 1, max(info.min, -1)))
                file[name] = flat.reshape(old.shape)
        if rng.random() < 0.8:
            _forge_digest(file, len(content))
    return seal(buffer.getvalue())


def _described(rng: random.Random, file: Any, name: str, old: Any) -> None:
    value = mutated_json(rng, json.loads(old.tobytes()))
    try:
        text = json.dumps(value).encode("utf-8", "surrogatepass")
    except RecursionError:
        text = b"[" * 100_000
    file[name] = np.frombuffer(text, np.uint8)


def _linked(rng: random.Random, file: Any, name: str, names: list[str]) -> None:
    """Put a link where an array was: to itself, elsewhere, to another file, to a group above."""
    there = [other for other in names if other != name]
    match rng.randrange(4):
        case 0:
            file[name] = h5py.SoftLink(f"/{rng.choice(there)}")
        case 1:
            file[name] = h5py.ExternalLink("/etc/passwd", "/x")
        case 2:
            file[name] = file[rng.choice(there)]
        case _:
            file[name] = file[name.rpartition("/")[0] or "/"]


def _odd_array(rng: random.Random, file: Any, name: str, old: Any) -> None:
    """Put an array that claims more than it stores, or stores it elsewhere, or packed."""
    large = (2**20, 2**10)
    match rng.randrange(5):
        case 0:
            file.create_dataset(name, large, old.dtype)
        case 1:
            file.create_dataset(name, large, old.dtype, chunks=(1024, 1024), compression="gzip")
        case 2:
            file.create_dataset(name, (8,), old.dtype, external=[("/etc/passwd", 0, h5py.h5f.UNLIMITED)])
        case 3:
            layout = h5py.VirtualLayout((8,), old.dtype)
            layout[:] = h5py.VirtualSource("/etc/passwd", "x", (8,))
            file.create_virtual_dataset(name, layout)
        case _:
            file[name] = old.astype(rng.choice(("float16", "int64", "uint8", "S4")))


class _AnyDigest:
    """Equals every digest, so that a reader comes to the end of a changed network."""

    def __ne__(self, other: object) -> bool:
        return False

    __hash__ = None  # type: ignore[assignment]


class _Lenient(ArrayReader):
    """Reads arrays as the package does, but takes any digest."""

    def json(self, group: Any, name: str) -> Any:
        value = super().json(group, name)
        return {**value, "digest": _AnyDigest()} if name == "network" and isinstance(value, dict) else value


def _forge_digest(file: Any, size: int) -> None:
    """Give a changed network its own digest, as whoever makes such a file would."""
    try:
        digest = read_integer(file["integer"], (), _Lenient(size, 2**30)).digest
        header = json.loads(file["integer/network"][()].tobytes())
        header["digest"] = digest
        text = json.dumps(header).encode()
    except (EccLavaError, OSError, LookupError, AttributeError, TypeError, ValueError, ArithmeticError, RuntimeError):
        return
    del file["integer/network"]
    file["integer/network"] = np.frombuffer(text, np.uint8)
