"""A network of a CNN with every node type, and its file."""

from __future__ import annotations

import numpy as np
import pytest

import ecc_lava
from ecc_lava.common.arrays import Array
from ecc_lava.geometry import Conv, Dense
from ecc_lava.graph.graph import Graph
from ecc_lava.graph.nodes import Add, Input, Linear, Maximum, MaxPool, Relu, Reshape, Scale, Softmax
from tests.helpers.network_files import CALIBRATION, Triple


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


@pytest.fixture(scope="session")
def images() -> Array:
    return np.random.default_rng(0).integers(0, 256, (6, 6, 6, 2)).astype(np.uint8)


@pytest.fixture(scope="session")
def made(images: Array) -> Triple:
    graph = _graph()
    snn = ecc_lava.convert(graph, calibration=images, timesteps=8)
    return ecc_lava.quantise(snn), snn, graph


@pytest.fixture(scope="session")
def sealed(made: Triple, tmp_path_factory: pytest.TempPathFactory) -> bytes:
    path = tmp_path_factory.mktemp("sealed") / "net.h5"
    net, snn, graph = made
    ecc_lava.save(path, net, snn=snn, graph=graph, calibration=CALIBRATION)
    return path.read_bytes()
