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
    """Return a model file as a graph; the given shape fixes what the model leaves open, and must be the model's elsewhere."""
    from ecc_lava.keras_import import from_keras, load_model
    from ecc_lava.keras_import.loading import with_input_shape

    model = load_model(path)
    if input_shape is not None:
        model = with_input_shape(model, input_shape)
    elif any(None in tensor.shape[1:] for tensor in getattr(model, "inputs", None) or ()):
        raise InvalidInput(
            f"{path}: the model leaves the size of its input open, {model.inputs[0].shape}; give it with --input-shape H W C"
        )
    graph = from_keras(model)
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
