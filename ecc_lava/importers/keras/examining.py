"""From a model file to its layers and its graph, read where that is cheapest."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from pathlib import Path

from ecc_lava.errors import EccLavaError, FileError, UnsupportedModel
from ecc_lava.graph import Graph
from ecc_lava.importers.keras.draft import ExaminedLayer
from ecc_lava.importers.keras.files.apart import answer_of_a_child
from ecc_lava.importers.keras.files.loading import described_layers, load_model, with_input_shapes
from ecc_lava.importers.keras.files.reading import stored
from ecc_lava.importers.keras.files.scan import packages_of
from ecc_lava.importers.keras.importer import examined

__all__ = ["examined_file", "examined_here"]

_Examined = tuple[tuple[ExaminedLayer, ...], Graph | UnsupportedModel]


def examined_file(path: str | Path, shapes: Mapping[str, tuple[int, ...]] | None = None) -> _Examined:
    """Return the layers of a model file, and its graph or the error that names every layer without a conversion.

    Unless this process has imported Keras already, a process of its own reads the file within limits of memory and time, with a Keras that
    imports no engine. What needs one (models of QKeras and HGQ2, layers that compute tensors while they are built) is read by another.

    Parameters
    ----------
    path : str or Path
    shapes : mapping of input names to sizes, optional
        Sizes of the inputs, as for `with_input_shapes`.

    Raises
    ------
    FileError, MissingDependency
        As `load_model`.
    InvalidInput, InvalidNetwork
        As `with_input_shapes` and `from_keras`.
    """
    path, shapes = Path(path), shapes or {}
    if "keras" in sys.modules:
        return examined_here(path, shapes)
    needs_engine = bool(packages_of(stored(path).description))
    answer = None if needs_engine else answer_of_a_child(path, shapes)
    if answer is None or isinstance(answer, FileError):  # Keras's own error; the engine may be what it lacks
        answer = answer_of_a_child(path, shapes, engine=True)
    if isinstance(answer, EccLavaError):
        raise answer
    layers, result = answer
    return layers, result


def examined_here(path: Path, shapes: Mapping[str, tuple[int, ...]]) -> _Examined:
    """Return what `examined_file` returns, read in this process."""
    try:
        model = load_model(path)
    except UnsupportedModel as refusal:  # the file was not loaded
        return tuple(ExaminedLayer(name, kind, (), why) for name, kind, why in described_layers(path)), refusal
    return examined(with_input_shapes(model, shapes))
