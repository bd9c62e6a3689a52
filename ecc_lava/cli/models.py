"""Model files and network files as commands take them."""

from __future__ import annotations

from dataclasses import replace
from math import inf
from pathlib import Path

from ecc_lava.arrays import Shape
from ecc_lava.dataset import Dataset, load_dataset
from ecc_lava.encode import as_batch
from ecc_lava.errors import InvalidInput
from ecc_lava.graph import Graph
from ecc_lava.network import SpikingNetwork
from ecc_lava.storage import load

__all__ = ["import_model", "load_float", "load_images"]


def import_model(path: Path, input_shape: tuple[int, int, int] | None, input_scale: float | None = None) -> Graph:
    """Return a model file as a graph; the given shape must be the model's."""
    from ecc_lava.keras_import import from_keras, load_model

    graph = from_keras(load_model(path))
    if input_shape is not None and tuple(input_shape) != graph.input.shape:
        raise InvalidInput(f"--input-shape {input_shape}; the model's input has the fixed shape {graph.input.shape}")
    if input_scale is not None:
        if not 0 < input_scale < inf:
            raise InvalidInput(f"--input-scale {input_scale}; it must be positive and finite")
        graph = replace(graph, uint8_scale=input_scale)
    return graph


def load_float(path: Path) -> SpikingNetwork:
    """Return the float network of a network file."""
    _, snn, _ = load(path)
    if snn is None:
        raise InvalidInput(f"{path}: holds no float network; convert the model again, or use --backend fast")
    return snn


def load_images(path: Path, shape: Shape, limit: int | None) -> Dataset:
    """Return the test images of a file, as a network with inputs of `shape` takes them, and their labels."""
    stored = load_dataset(path, "test", limit)
    return replace(stored, x=as_batch(stored.x, shape, str(path)))
