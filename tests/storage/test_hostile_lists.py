"""Network files with a right checksum and hostile lists of synapses: refused in one line."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import ecc_lava
from ecc_lava.geometry import Dense, Sparse, from_synapses
from ecc_lava.graph.graph import Graph
from ecc_lava.graph.nodes import Input, Linear, Relu, Reshape
from tests.helpers.network_files import Triple, assert_same, at, claimed, deleted, json_at, put, refusal, replaced, resealed


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
    "sources missing": deleted(LISTED + "sources"),
    "starts missing": deleted(LISTED + "starts"),
    "a gain map": lambda file: file.create_dataset(LISTED + "gain", data=np.ones((2, 3), np.int32)),
    "sources of another type": replaced(LISTED + "sources", np.arange(23)),
    "starts of another type": replaced(LISTED + "starts", np.arange(13, dtype=np.int32)),
    "sources beyond the map": put(LISTED + "sources", 22, 24),
    "negative sources": put(LISTED + "sources", 0, -1),
    "sources that descend": put(LISTED + "sources", 1, 0),
    "starts that descend": put(LISTED + "starts", 3, 1),
    "starts from 1": put(LISTED + "starts", 0, 1),
    "starts beyond the synapses": put(LISTED + "starts", 12, 2**40),
    "fewer weights than sources": replaced(LISTED + "kernel", np.ones(22, np.int8)),
    "a weight of 0": put(LISTED + "kernel", 0, 0),
    "another source": put(LISTED + "sources", 22, 23),
    "other starts": put(LISTED + "starts", 3, 5),
    "sources claimed": claimed(LISTED + "sources", "int32", (2**40,)),
    "another map": json_at(LISTED + "geometry", at("target", to=[3, 2, 2])),
    "a map of two axes": json_at(LISTED + "geometry", at("target", to=[4, 3])),
    "a map of nothing": json_at(LISTED + "geometry", at("target", to=[0, 3, 2])),
    "a negative map": json_at(LISTED + "geometry", at("target", to=[-2, -3, 2])),
    "a huge map": json_at(LISTED + "geometry", at("source", to=[2**70, 2**70, 2])),
    "no map": json_at(LISTED + "geometry", at("source", to=None)),
    "a kernel for a list": json_at(LISTED + "geometry", lambda v: {"type": "Dense"}),
    "NaN float weight": put("float/projections/0/kernel", 0, np.nan),
    "NaN graph weight": put("graph/arrays/1/kernel", 0, np.nan),
    "graph sources beyond the map": put("graph/arrays/1/sources", 22, 24),
}


@pytest.mark.parametrize("name", HOSTILE_LISTS)
def test_hostile_lists_of_synapses_are_refused_in_one_line(name: str, listed: Triple, tmp_path: Path) -> None:
    net, snn, graph = listed
    path = tmp_path / "net.h5"
    ecc_lava.save(path, net, snn=snn, graph=graph)
    assert isinstance(net.projections[0].geometry, Sparse) and net.projections[0].geometry.kernel.size == 23
    assert_same(ecc_lava.load(path), listed)
    refusal(resealed(path.read_bytes(), HOSTILE_LISTS[name]), tmp_path)
