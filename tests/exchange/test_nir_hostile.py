"""NIR files that are damaged, or made to harm: one message each, and nothing of their size is built."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest

from ecc_lava import from_nir, to_nir
from ecc_lava.errors import FileError
from tests.helpers.networks import random_network
from tests.hostile.nir_files import as_file, tree_of_graph

pytest.importorskip("nir")

Tree = dict[str, Any]


def _nodes(tree: Tree) -> Tree:
    found: Tree = tree["nodes"]
    return found


def _set(node: str, field: str, value: Any) -> Callable[[Tree], None]:
    return lambda tree: _nodes(tree)[node].__setitem__(field, value)


FAULTS: dict[str, Callable[[Tree], Any]] = {
    "it holds no NIRGraph": lambda tree: tree.pop("nodes"),
    "is not finite": _set("p0", "v_threshold", np.array([np.nan])),
    "vth and lambda of population 'p0' must be positive": _set("p0", "v_threshold", np.array([-1.0])),
    "names 'nowhere', which is no node": lambda tree: tree["edges"].append(["nowhere", "p0"]),
    "stands twice": lambda tree: tree["edges"].append(tree["edges"][0]),
    "at least one": lambda tree: tree["edges"].pop(0),
    "cycle": lambda tree: tree["edges"].append(["p0", "p0_from_input"]),
    "it must be numbers of 4 dimensions": _set("p0_from_input", "weight", np.ones((2, 2))),
    "a map of": _set("p0_from_input", "weight", np.ones((2, 9, 3, 3))),
    "a shape is (C, H, W)": _set("input", "shape", np.array([1, 2, 3, 4])),
    "a network has at most": _set("input", "shape", np.array([2**20, 2**20, 2**20])),
    "arrives": _set("input", "shape", np.array([1, 1, 1])),
    "2 whole numbers": _set("p0_from_input", "stride", np.array([0, 1])),
    "has v_reset or several r": _set("p0", "v_reset", np.array([1.0])),
    "lacks weight": lambda tree: _nodes(tree)["p0_from_input"].pop("weight"),
    "is no JSON": lambda tree: tree["metadata"]["ecc_lava"].__setitem__("json", "{" * 10_000),
    "holds |V2": _set("p0", "r", np.zeros(3, "V2")),
    "has no type": _set("p0", "type", {}),
}


@pytest.mark.parametrize("message", FAULTS)
def test_a_bad_graph_is_one_message(message: str, tmp_path: Path) -> None:
    tree = tree_of_graph(to_nir(random_network(0, layers=2)))
    FAULTS[message](tree)
    (tmp_path / "bad.nir").write_bytes(as_file(tree))
    with pytest.raises(FileError) as caught:
        from_nir(tmp_path / "bad.nir")
    assert message in str(caught.value)
    assert str(caught.value).startswith(str(tmp_path / "bad.nir"))


def _huge(file: h5py.File) -> None:
    file.create_dataset("node/nodes/p0/weight", (2**20, 2**20), "f8", chunks=(2**10, 2**10), compression="gzip")


def _external(file: h5py.File) -> None:
    file["node/nodes/p0"] = h5py.ExternalLink("/etc/passwd", "/")


def _soft(file: h5py.File) -> None:
    file["node/nodes/p0"] = h5py.SoftLink("/node")


def _ring(file: h5py.File) -> None:
    file["node/nodes/p0"] = file["node"]


def _objects(file: h5py.File) -> None:
    file["node/nodes/p0"] = np.array([h5py.Reference()], h5py.ref_dtype)


def _elsewhere(file: h5py.File) -> None:
    file.create_dataset("node/nodes/p0", (4,), "f8", external=[("/etc/passwd", 0, 32)])


def _texts(file: h5py.File) -> None:
    file.create_dataset("node/edges", (2**17, 2), h5py.string_dtype(), compression="gzip")


STRUCTURES: dict[str, Callable[[h5py.File], None]] = {
    "unpacks to": _huge,
    "points elsewhere": _external,
    "points elsewhere ": _soft,
    "deep": _ring,
    "numbers and texts are read": _objects,
    "is not an array stored in this file": _elsewhere,
    "texts; at most": _texts,
    "/node is missing": lambda file: None,
    "/node is not a group": lambda file: file.create_dataset("node", data=1),
}


@pytest.mark.parametrize("message", STRUCTURES)
def test_a_bad_file_is_one_message(message: str, tmp_path: Path) -> None:
    with h5py.File(tmp_path / "bad.nir", "w") as file:
        if "/node" not in message:
            file.create_group("node/nodes")
        STRUCTURES[message](file)
    with pytest.raises(FileError) as caught:
        from_nir(tmp_path / "bad.nir")
    assert message.strip() in str(caught.value)


def test_a_file_cut_short_is_refused(tmp_path: Path) -> None:
    to_nir(random_network(0, layers=2), tmp_path / "net.nir")
    content = (tmp_path / "net.nir").read_bytes()
    (tmp_path / "cut.nir").write_bytes(content[: len(content) // 2])
    with pytest.raises(FileError, match="not a NIR file"):
        from_nir(tmp_path / "cut.nir")


def test_memory_has_a_limit(tmp_path: Path) -> None:
    to_nir(random_network(0, layers=2), tmp_path / "net.nir")
    with pytest.raises(FileError, match="unpacks"):
        from_nir(tmp_path / "net.nir", max_memory=1000)
