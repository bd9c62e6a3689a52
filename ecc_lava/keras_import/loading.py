"""Open a Keras model file without running anything from it."""

from __future__ import annotations

import json
import zipfile
from pathlib import Path
from typing import Any

from ecc_lava.arrays import Shape
from ecc_lava.errors import FileError, InvalidInput, UnsupportedModel
from ecc_lava.files import require_file
from ecc_lava.keras_import.remedies import unsupported
from ecc_lava.keras_import.table import HANDLERS, OPERATORS

__all__ = ["load_model", "with_input_shape"]

_CONTAINERS = frozenset({"Sequential", "Functional", "Model", "InputLayer"})

_PARTS = frozenset({"keras.initializers", "keras.regularizers", "keras.constraints", "keras.dtype_policies"})
"""Modules of the objects that layers are made of."""

_PART_NAMES = frozenset({"DTypePolicy", "DTypePolicyMap", "function"})
"""Objects of layers that Keras writes under other modules; a function is known to Keras by name or refused by it."""

_NOT_LOADED = frozenset({"registered_name", "compile_config", "build_config"})
"""Parts of a description that nothing is built from here (`compile=False`)."""

_MODULES = (
    "keras.activations",
    "keras.constraints",
    "keras.dtype_policies",
    "keras.initializers",
    "keras.layers",
    "keras.models",
    "keras.regularizers",
    "keras.src.applications.inception_resnet_v2",  # CustomScaleLayer
    "keras.src.engine",  # Functional of Keras 2
    "keras.src.models",  # Functional of Keras 3
    "keras.src.ops.nn",
    "keras.src.ops.numpy",
)
"""Modules, with what is below them, whose objects a description may name; nothing in them reads files or runs code it is given."""

_NEITHER = "neither a .keras archive nor an HDF5 model, or one cut short; save it again with model.save('name.keras')"

_OPERATION = "an operation in an HDF5 file, from which Keras cannot load it; save the model as .keras"

CONFIG_BYTES_MAX = 2**26
"""Largest model description that is read, bytes."""


def load_model(path: str | Path) -> Any:
    """Load a `.keras`, `.h5` or `.hdf5` model.

    The stored description is read first, without Keras: layers that are not Keras's own (Lambda, custom objects) are refused before
    anything is built, so no code of the file's author can run.

    Returns
    -------
    keras.Model

    Raises
    ------
    FileError
        If the file is missing, unreadable or not a Keras model.
    UnsupportedModel
        Naming every layer of a type that is not supported.
    """
    path = require_file(path)
    config = _config(path)
    offences = tuple(_offences(config))
    if offences:
        raise UnsupportedModel(offences, tuple(sorted(HANDLERS)))
    import keras

    try:
        return keras.models.load_model(path, compile=False, safe_mode=True)
    except Exception as error:  # Keras raises every kind of error on a damaged file
        raise FileError(f"{path}: Keras cannot load this model: {_first_line(error)}") from error


def with_input_shape(model: Any, shape: Shape) -> Any:
    """Return a model whose input has a shape, with the same weights; sizes that the model leaves open are fixed.

    Parameters
    ----------
    model : keras.Model
    shape : (H, W, C)

    Raises
    ------
    InvalidInput
        If the shape is not one of those that the model takes.
    """
    import keras

    sizes = tuple(model.inputs[0].shape)[1:] if getattr(model, "inputs", None) else ()
    if len(sizes) != 3 or min(shape) < 1 or any(size not in (None, given) for size, given in zip(sizes, shape, strict=True)):
        raise InvalidInput(f"the input shape {shape} does not fit; the model takes {sizes or 'no shape yet'}, all at least 1")
    if None not in sizes:
        return model
    try:
        fixed = keras.models.clone_model(model, input_tensors=keras.Input(shape, name=model.inputs[0].name))
        fixed.set_weights(model.get_weights())
    except ValueError as error:
        raise InvalidInput(f"the model cannot take the input shape {shape}: {_first_line(error)}") from error
    return fixed


def _first_line(error: Exception) -> str:
    return (str(error).strip().splitlines() or [type(error).__name__])[0]


def _config(path: Path) -> Any:
    """Return the model's description as JSON values: the one that Keras will read, which goes by the file's name."""
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


def _offences(config: Any) -> list[tuple[str, str]]:
    """Return every object of the description that is not a supported Keras layer or part of one, walking all of it."""
    offences: list[tuple[str, str]] = []
    stack: list[tuple[Any, bool, Any]] = [(config, False, None)]
    while stack:
        value, layer, owner = stack.pop()
        if isinstance(value, list):
            stack.extend((item, layer, owner) for item in value)
        if not isinstance(value, dict):
            continue
        kind, module, inner = value.get("class_name"), value.get("module"), value.get("config")
        owner = (inner.get("name") if isinstance(inner, dict) else None) or value.get("name") or owner
        operation = isinstance(module, str) and module.startswith("keras.src.ops.")
        known = kind in OPERATORS if operation else kind in _CONTAINERS or kind in HANDLERS
        part = module is None or module in _PARTS or kind in _PART_NAMES
        if module not in (None, "keras") and not f"{module}.".startswith(tuple(f"{own}." for own in _MODULES)):
            offences.append((f"{owner} ({kind})", f"a custom object of module {module!r}; only Keras's own are loaded"))
        elif kind == "__lambda__":
            offences.append((f"{owner} ({kind})", "a Python function stored as code; it is never loaded. Use a named Keras activation"))
        elif module is None and layer and not known and kind in OPERATORS:
            offences.append((f"{owner} ({kind})", _OPERATION))
        elif not known and (layer or not part):
            offences.append((f"{owner} ({kind})", unsupported(str(kind))))
        stack.extend((item, key == "layers", owner) for key, item in value.items() if key not in _NOT_LOADED)
    return offences[::-1]
