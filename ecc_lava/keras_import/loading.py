"""Open a Keras model file without running anything from it."""

from __future__ import annotations

import json
import zipfile
from pathlib import Path
from typing import Any

from ecc_lava.errors import FileError, UnsupportedModel
from ecc_lava.keras_import.handlers import HANDLERS

__all__ = ["load_model"]

_CONTAINERS = frozenset({"Sequential", "Functional", "Model", "InputLayer"})

_PARTS = frozenset({"keras.initializers", "keras.regularizers", "keras.constraints", "keras.dtype_policies"})
"""Modules of the objects that layers are made of."""

_PART_NAMES = frozenset({"DTypePolicy", "DTypePolicyMap", "function"})
"""Objects of layers that Keras writes under other modules; a function is known to Keras by name or refused by it."""

_NOT_LOADED = frozenset({"registered_name", "compile_config", "build_config"})
"""Parts of a description that nothing is built from here (`compile=False`)."""

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
    path = Path(path)
    if not path.is_file():
        raise FileError(f"{path}: there is no such file")
    config = _config(path)
    offences = tuple(_offences(config))
    if offences:
        raise UnsupportedModel(offences)
    import keras

    try:
        return keras.models.load_model(path, compile=False, safe_mode=True)
    except Exception as error:  # Keras raises every kind of error on a damaged file
        raise FileError(f"{path}: Keras cannot load this model: {_first_line(error)}") from error


def _first_line(error: Exception) -> str:
    return (str(error).strip().splitlines() or [type(error).__name__])[0]


def _config(path: Path) -> Any:
    """Return the model's description as JSON values, by what the file is, not by its name."""
    if zipfile.is_zipfile(path):
        return _zip_config(path)
    try:
        import h5py

        with h5py.File(path, "r") as file:
            stored = file.attrs.get("model_config")
    except OSError as error:
        raise FileError(f"{path}: neither a .keras archive nor an HDF5 model; save it again with model.save('name.keras')") from error
    if stored is None:
        raise FileError(f"{path}: an HDF5 file without a model description (weights only?); save the whole model with model.save(...)")
    return _parsed(path, stored)


def _zip_config(path: Path) -> Any:
    try:
        with zipfile.ZipFile(path) as archive:
            if archive.getinfo("config.json").file_size > CONFIG_BYTES_MAX:
                raise FileError(f"{path}: the model description is larger than {CONFIG_BYTES_MAX} bytes")
            return _parsed(path, archive.read("config.json"))
    except (KeyError, zipfile.BadZipFile, EOFError, NotImplementedError, RuntimeError) as error:
        raise FileError(f"{path}: not a Keras archive, or a damaged one: {_first_line(error)}") from error


def _parsed(path: Path, text: Any) -> Any:
    try:
        return json.loads(text)
    except (ValueError, TypeError, RecursionError) as error:
        raise FileError(f"{path}: the model description is not JSON: {_first_line(error)}") from error


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
        known = kind in _CONTAINERS or kind in HANDLERS
        part = module is None or module in _PARTS or kind in _PART_NAMES
        if module is not None and not str(module).startswith(("keras.", "builtins")) and module != "keras":
            offences.append((f"{owner} ({kind})", f"a custom object of module {module!r}; only Keras's own are loaded"))
        elif kind == "__lambda__":
            offences.append((f"{owner} ({kind})", "a Python function stored as code; it is never loaded. Use a named Keras activation"))
        elif not known and (layer or not part):
            offences.append((f"{owner} ({kind})", f"this layer type is not supported; supported: {', '.join(sorted(HANDLERS))}"))
        stack.extend((item, key == "layers", owner) for key, item in value.items() if key not in _NOT_LOADED)
    return offences[::-1]
