"""Small embeddings for the tracker, and a sequence that any of them can follow."""

from __future__ import annotations

import numpy as np

import ecc_lava
from ecc_lava.common import Array
from ecc_lava.geometry import Conv
from ecc_lava.graph import Add, Graph, Input, Linear, MaxPool, Node, Relu
from ecc_lava.networks import QuantisedNetwork

__all__ = ["EXEMPLAR", "SEARCH", "embedding", "integers", "moving_square", "windows"]

EXEMPLAR, SEARCH = (16, 16, 3), (24, 24, 3)


def embedding(ends: str = "relu", padding: int = 0) -> Graph:
    """Return two convolutions with random weights; the second ends in a ReLU or in nothing. A pooled one has maxima, no stride."""
    rng = np.random.default_rng(0)
    around = (padding, padding, padding, padding)
    if ends == "pooled":
        return _pooled(rng)
    nodes: list[Node] = [
        Input("x", SEARCH),
        Linear("conv1", "x", Conv(rng.normal(0, 0.2, (5, 5, 3, 6)), (2, 2), around), rng.normal(0, 0.1, 6)),
        Relu("relu1", "conv1"),
        Linear("conv2", "relu1", Conv(rng.normal(0, 0.2, (3, 3, 6, 5)), padding=around), rng.normal(0, 0.1, 5)),
    ]
    return Graph((*nodes, Relu("relu2", "conv2")) if ends == "relu" else tuple(nodes))


def _pooled(rng: np.random.Generator) -> Graph:
    """Return a convolution, a maximum over 2x2, a convolution of which a part goes around, and a ReLU."""
    return Graph(
        (
            Input("x", SEARCH),
            Linear("conv1", "x", Conv(rng.normal(0, 0.2, (5, 5, 3, 6))), rng.normal(0, 0.1, 6)),
            MaxPool("pool", "conv1", (2, 2), (2, 2)),
            Relu("relu1", "pool"),
            Linear("conv2", "relu1", Conv(rng.normal(0, 0.2, (3, 3, 6, 5))), rng.normal(0, 0.1, 5)),
            Linear("around", "relu1", Conv(rng.normal(0, 0.2, (1, 1, 6, 5)), padding=(-1, -1, -1, -1)), np.zeros(5)),
            Add("sum", ("conv2", "around")),
            Relu("relu2", "sum"),
        )
    )


def windows(number: int = 24, seed: int = 0) -> Array:
    """Return smooth random windows, uint8 (N, 24, 24, 3)."""
    coarse = np.random.default_rng(seed).integers(0, 256, (number, 8, 8, 3), np.uint8)
    return coarse.repeat(3, axis=1).repeat(3, axis=2)


def integers(graph: Graph, payload_bits: int = 8, timesteps: int = 1) -> QuantisedNetwork:
    """Return the integer network of an embedding."""
    snn = ecc_lava.convert(graph, calibration=windows(), payload_bits=payload_bits, timesteps=timesteps, recipe="channel")
    return ecc_lava.quantise(snn)


def moving_square(frames: int = 8) -> tuple[Array, Array]:
    """Return frames (F, 48, 60, 3) of a patterned square that moves two pixels a frame before grey noise, and its boxes (F, 4)."""
    rng = np.random.default_rng(1)
    video = rng.integers(100, 130, (frames, 48, 60, 3)).astype(np.uint8)
    pattern = rng.integers(0, 256, (3, 3, 3), np.uint8).repeat(4, axis=0).repeat(4, axis=1)
    boxes = np.array([(10 + 2 * at, 14 + at, 12, 12) for at in range(frames)], np.float64)
    for frame, (x, y, width, height) in zip(video, boxes.astype(int), strict=True):
        frame[y : y + height, x : x + width] = pattern
    return video, boxes
