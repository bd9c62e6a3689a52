"""Every reader of files with its mutator."""

from __future__ import annotations

import hashlib
import io
import json
import random
import tempfile
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import h5py
import numpy as np

import ecc_lava
from ecc_lava.demo.data import MODEL
from ecc_lava.formats import FORMATS
from ecc_lava.inputs import load_dataset
from ecc_lava.quantisation import as_bits, bits_of
from hw_mappings import Mapping, map_network
from hw_mappings.chips import chip_from_json, chip_to_json, load_chip
from tests.helpers.chips import TINY
from tests.helpers.networks import random_network
from tests.hostile.attack import Reader
from tests.hostile.mutations import mutated_bytes, mutated_json
from tests.hostile.networks import maker_of_networks
from tests.hostile.nir_files import NIR
from tests.hostile.studies import DATABASE, JOURNAL

__all__ = ["READERS"]

Maker = Callable[[random.Random], bytes]


def _network_read(path: Path) -> None:
    network, snn, graph = ecc_lava.load(path)
    again = path.with_name("again.h5")
    ecc_lava.save(again, network, snn=snn, graph=graph)
    read, ideal, cnn = ecc_lava.load(again)
    assert read.digest == network.digest
    assert (ideal is None) == (snn is None)
    assert (cnn and cnn.digest) == (graph and graph.digest)


def _json_of(value: Any) -> bytes:
    try:
        return json.dumps(value).encode("utf-8", "surrogatepass")
    except RecursionError:
        return b"[" * 100_000


def _mappings() -> Maker:
    seeds = []
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "mapping.json"
        for seed in range(3):
            map_network(random_network(seed), TINY).save(path)
            seeds.append(json.loads(path.read_text()))

    def make(rng: random.Random) -> bytes:
        data = rng.choice(seeds)
        if rng.random() < 0.1:
            return mutated_bytes(rng, _json_of(data))
        data = mutated_json(rng, data)
        if isinstance(data, dict) and rng.random() < 0.95:
            rest = {key: value for key, value in data.items() if key != "digest"}
            data = {**rest, "digest": hashlib.sha256(json.dumps(rest, sort_keys=True, separators=(",", ":")).encode()).hexdigest()}
        return _json_of(data)

    return make


def _mapping_read(path: Path) -> None:
    mapping = Mapping.load(path)
    mapping.save(path)
    assert Mapping.load(path) == mapping


def _of_json(*seeds: Any) -> Maker:
    """Return a maker of mutants of JSON files."""

    def make(rng: random.Random) -> bytes:
        seed, kind = rng.choice(seeds), rng.random()
        if kind < 0.01:
            return b"[" * 100_000
        return mutated_bytes(rng, _json_of(seed)) if kind < 0.1 else _json_of(mutated_json(rng, seed))

    return make


def _chips() -> Maker:
    return _of_json(*(chip_to_json(chip) for chip in (TINY, *map(_built_in, ("loihi1", "loihi2")))))


def _built_in(name: str) -> Any:
    import hw_mappings

    return hw_mappings.chip(name)


def _chip_read(path: Path) -> None:
    chip = load_chip(path)
    assert chip_from_json(chip_to_json(chip)) == chip
    assert len(chip.usable(0)) <= chip.cores_in_all


NAMES: Final = ("conv", "conv.relu", "dense", "readout")


def _widths() -> Maker:
    return _of_json({"default": 8, "conv": 4}, dict.fromkeys(NAMES, 6), {"default": 2})


def _widths_read(path: Path) -> None:
    bits = as_bits(str(path))
    widths = bits_of(bits, NAMES, FORMATS["loihi2"])
    assert set(widths) == set(NAMES)


def _archives() -> Maker:
    rng = np.random.default_rng(0)
    arrays = {"x_test": rng.integers(0, 255, (4, 3, 3, 2)).astype(np.uint8), "y_test": np.arange(4), "x_train": rng.random((3, 3, 3, 2))}
    members = {}
    for name, array in arrays.items():
        content = io.BytesIO()
        np.save(content, array)
        members[name] = content.getvalue()
    shapes = ("(%d,)", "(%d, 3, 3, 2)", "(4, %d, 3, 2)", "(-%d, 3)", "(%d, 2)", "()", "(True, %d)", "(%d, 'a')")
    types = ("|u1", "<f8", "|O", "<U1000000000", "|V0", "<i8", "<M8[s]", "[('a', '<i4'), ('b', '|O')]", "'", "<c16")

    def header(rng: random.Random, content: bytes) -> bytes:
        shape = rng.choice(shapes).replace("%d", str(rng.choice((0, 1, 4, 5, 2**31, 2**40, 2**63, 10**30))))
        text = f"{{'descr': {rng.choice(types)!r}, 'fortran_order': {rng.choice((False, False, True, 3))}, 'shape': {shape}, }}\n".encode()
        return b"\x93NUMPY" + bytes((rng.choice((1, 1, 1, 2, 3, 9)), 0)) + len(text).to_bytes(2, "little") + text + content[128:]

    def make(rng: random.Random) -> bytes:
        whole = rng.choice(("bytes", "member", "header", "header", "single"))
        chosen = rng.choice(list(members))
        if whole == "single":
            return header(rng, members[chosen]) if rng.random() < 0.7 else mutated_bytes(rng, members[chosen])
        buffer = io.BytesIO()
        with zipfile.ZipFile(buffer, "w", rng.choice((zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED))) as archive:
            for name, content in members.items():
                if name == chosen and whole != "bytes":
                    content = header(rng, content) if whole == "header" else mutated_bytes(rng, content)
                archive.writestr(f"{name}.npy", content)
        return mutated_bytes(rng, buffer.getvalue()) if whole == "bytes" else buffer.getvalue()

    return make


def _archive_read(path: Path) -> None:
    read, few = load_dataset(path, "test"), load_dataset(path, "test", limit=2)
    x, first = (_single(part.x) for part in (read, few))
    stored = np.load(path, allow_pickle=False)  # NumPy's own reader must agree
    expected = stored["x_test"] if isinstance(stored, np.lib.npyio.NpzFile) else stored
    np.testing.assert_array_equal(expected, x)
    np.testing.assert_array_equal(first, x[:2])
    assert read.y is None or len(read.y) == len(x)
    assert few.y is None or len(few.y) == len(first)


def _single(x: Any) -> Any:
    return next(iter(x.values())) if isinstance(x, dict) else np.asarray(x)


def _models() -> Maker:
    content = MODEL.read_bytes()
    with zipfile.ZipFile(MODEL) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    legacy = _legacy(json.loads(members["config.json"]))

    def make(rng: random.Random) -> bytes:
        kind = rng.randrange(10)
        if kind == 0:
            return mutated_bytes(rng, content)
        if kind == 1:
            return mutated_bytes(rng, legacy)
        changed = dict(members)
        if kind < 8:
            changed["config.json"] = _json_of(mutated_json(rng, json.loads(members["config.json"])))
        else:
            changed["model.weights.h5"] = mutated_bytes(rng, members["model.weights.h5"])
        buffer = io.BytesIO()
        with zipfile.ZipFile(buffer, "w") as archive:
            for name, value in changed.items():
                archive.writestr(name, value)
        return buffer.getvalue()

    return make


def _legacy(description: dict[str, Any]) -> bytes:
    buffer = io.BytesIO()
    with h5py.File(buffer, "w") as file:
        file.attrs["model_config"], file.attrs["keras_version"] = json.dumps(description), "3.0.0"
        file.create_group("model_weights")
    return buffer.getvalue()


def _bare_models() -> Maker:
    """Confine the process as a command's child is, with a Keras that needs no engine."""
    from ecc_lava.importers.keras.files import bare_keras
    from ecc_lava.importers.keras.files.allowance import MEMORY_BYTES, Allowance, confine
    from ecc_lava.importers.keras.framework import keras_package

    bare_keras.install()
    keras_package()
    confine(Allowance(MEMORY_BYTES, 24 * 3600))
    return _models()


def _model_read(path: Path) -> None:
    from ecc_lava.importers.keras.examining import examined_here

    try:
        layers, _ = examined_here(path, {})
    except (MemoryError, RecursionError) as error:  # the child of a command tells of these
        raise ecc_lava.FileError("memory") from error
    assert layers


READERS: Final = {
    reader.name: reader
    for reader in (
        Reader("network", ".h5", maker_of_networks, _network_read),
        Reader("mapping", ".json", _mappings, _mapping_read),
        Reader("chip", ".json", _chips, _chip_read),
        Reader("widths", ".json", _widths, _widths_read),
        NIR,
        Reader("npz", ".npz", _archives, _archive_read),
        JOURNAL,
        DATABASE,
        Reader("keras", ".keras", _bare_models, _model_read),
    )
}
"""Name -> reader."""
