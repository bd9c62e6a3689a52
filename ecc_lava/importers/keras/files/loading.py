"""Open a Keras model file without running anything from it."""

from __future__ import annotations

import json
import zipfile
from collections.abc import Mapping
from importlib import import_module
from pathlib import Path
from typing import Any

from ecc_lava.common import require_file
from ecc_lava.errors import FileError, InvalidInput, UnsupportedModel
from ecc_lava.importers.keras.files.scan import layers_of, offences_of, packages_of
from ecc_lava.importers.keras.table import HANDLERS

__all__ = ["described_layers", "load_model", "with_input_shapes"]

_NEITHER = "neither a .keras archive nor an HDF5 model, or one cut short; save it again with model.save('name.keras')"

CONFIG_BYTES_MAX = 2**26
"""Largest model description that is read, bytes."""


def load_model(path: str | Path) -> Any:
    """Load a `.keras`, `.h5` or `.hdf5` model.

    The stored description is read first, without Keras. An object that may hold more than numbers, such as a Lambda or a custom object, is
    refused before Keras builds anything, so no code of the file's author can run.

    Returns
    -------
    keras.Model

    Raises
    ------
    FileError
        If the file is missing, unreadable or not a Keras model.
    UnsupportedModel
        Naming every object of the file that is not loaded.
    """
    path = require_file(path)
    description = _config(path)
    offences = tuple(offences_of(description))
    if offences:
        raise UnsupportedModel(offences, tuple(sorted(HANDLERS)))
    import keras

    try:
        for package in packages_of(description):
            import_module(package.module)  # registers its classes with Keras
        return keras.models.load_model(path, compile=False, safe_mode=True)
    except Exception as error:  # Keras raises every kind of error on a damaged file
        raise FileError(f"{path}: Keras cannot load this model: {_first_line(error)}") from error


def described_layers(path: str | Path) -> tuple[tuple[str, str, str], ...]:
    """Return (name, class, why it is not loaded) of every layer that a file describes, without loading it; errors as for `load_model`."""
    return tuple(layers_of(_config(require_file(path))))


def with_input_shapes(model: Any, shapes: Mapping[str, tuple[int, ...]]) -> Any:
    """Return a model with the same weights whose inputs have given shapes, which fix the sizes that the model leaves open.

    Parameters
    ----------
    model : keras.Model
    shapes : mapping of input names to sizes
        Sizes are in the model's order, without the batch. The name of a single input may be "".

    Raises
    ------
    InvalidInput
        If the model does not take a shape, or a shape is missing.
    """
    import keras

    inputs = {tensor._keras_history.operation.name: tensor for tensor in getattr(model, "inputs", None) or ()}
    if set(shapes) == {""} and len(inputs) == 1:
        shapes = {next(iter(inputs)): shapes[""]}
    unknown = sorted(set(shapes) - set(inputs))
    if unknown or not inputs:
        names = ", ".join(inputs) or "none yet"
        raise InvalidInput(
            f"an input shape is given for {', '.join(map(repr, unknown))}; the model's inputs are {names}: NAME=H,W,C for each"
        )
    sizes = {name: shapes.get(name, tuple(tensor.shape)[1:]) for name, tensor in inputs.items()}
    for name, tensor in inputs.items():
        own, given = tuple(tensor.shape)[1:], sizes[name]
        if len(own) != len(given) or any(
            size is None or size < 1 or size != (known or size) for known, size in zip(own, given, strict=True)
        ):
            raise InvalidInput(f"the input shape {given} does not fit; the model takes {own} as {name!r}, all at least 1 and known")
    if all(None not in tensor.shape[1:] for tensor in inputs.values()):
        return model
    try:
        tensors = [keras.Input(sizes[name], name=name, dtype=tensor.dtype) for name, tensor in inputs.items()]
        fixed = keras.models.clone_model(model, input_tensors=tensors if len(tensors) > 1 else tensors[0])
        fixed.set_weights(model.get_weights())
    except ValueError as error:
        raise InvalidInput(f"the model cannot take the input shape {', '.join(map(str, sizes.values()))}: {_first_line(error)}") from error
    return fixed


def _first_line(error: Exception) -> str:
    return (str(error).strip().splitlines() or [type(error).__name__])[0]


def _config(path: Path) -> Any:
    """Return as JSON values the description that Keras will read; Keras chooses the format by the file's name."""
    match path.suffix:
        case ".keras":
            return _parsed(path, _zip_description(path))
        case ".h5" | ".hdf5":
            return _parsed(path, _hdf5_description(path))
        case _:
            raise FileError(f"{path}: the name of a Keras model must end in .keras, .h5 or .hdf5")


def _zip_description(path: Path) -> bytes:
    if not zipfile.is_zipfile(path):
        raise FileError(f"{path}: {'an HDF5 file, not a .keras archive; rename it to .h5' if _is_hdf5(path) else _NEITHER}")
    try:
        with zipfile.ZipFile(path) as archive:
            size = archive.getinfo("config.json").file_size
            description = archive.read("config.json") if size <= CONFIG_BYTES_MAX else None
    except Exception as error:  # zipfile and its decompressors raise every kind of error on a damaged file
        raise FileError(f"{path}: not a Keras archive, or a damaged one: {_first_line(error)}") from error
    if description is None:
        raise FileError(f"{path}: the model description has {size} bytes; at most {CONFIG_BYTES_MAX} are read")
    return description


def _hdf5_description(path: Path) -> Any:
    import h5py

    if not _is_hdf5(path):
        raise FileError(f"{path}: {'a .keras archive; rename it to .keras' if zipfile.is_zipfile(path) else _NEITHER}")
    try:
        with h5py.File(path, "r") as file:
            stored = file.attrs.get("model_config")
    except Exception as error:  # h5py raises every kind of error on a damaged file
        raise FileError(f"{path}: an HDF5 file that cannot be read: {_first_line(error)}") from error
    if stored is None:
        raise FileError(f"{path}: an HDF5 file without a model description (weights only?); save the whole model with model.save(...)")
    return stored


def _is_hdf5(path: Path) -> bool:
    import h5py

    return bool(h5py.is_hdf5(path))


def _parsed(path: Path, text: Any) -> dict[str, Any]:
    try:
        description = json.loads(text)
    except (ValueError, TypeError, RecursionError) as error:
        raise FileError(f"{path}: the model description is not JSON: {_first_line(error)}") from error
    if not isinstance(description, dict):
        raise FileError(f"{path}: the model description is a {type(description).__name__}, not a model")
    return description
