"""Read what a model file holds and how it describes its model, without Keras; the content decides, not the file's name."""

from __future__ import annotations

import json
import os
import zipfile
from pathlib import Path
from typing import Any, NamedTuple

from ecc_lava.common import require_file
from ecc_lava.errors import FileError

__all__ = ["ARCHIVE", "HDF5", "Stored", "line_of", "stored"]

ARCHIVE, HDF5 = ".keras", ".h5"
"""What a file holds, named by the ending that Keras wants for it."""

DESCRIPTION_BYTES_MAX = 2**26
"""Largest model description that is read, bytes."""

LINE_CHARACTERS_MAX = 300
"""Most characters of another package's message that are shown."""

_NEITHER = "neither a .keras archive nor an HDF5 model, or one cut short; save it again with model.save('name.keras')"

_SAVED_MODEL = (
    "a SavedModel, which holds a program of TensorFlow and is not opened; where it was made, run "
    "tf.keras.models.load_model('{name}').save('{name}.h5') with TensorFlow 2.15 or older, or with TF_USE_LEGACY_KERAS=1 and tf_keras"
)


class Stored(NamedTuple):
    """A model file's kind, ARCHIVE or HDF5, its description, and the version of Keras that wrote it, empty if the file does not say."""

    kind: str
    description: dict[str, Any]
    version: str


def stored(path: Path) -> Stored:
    """Return what a file holds.

    Raises
    ------
    FileError
        If it is missing, unreadable or not a Keras model.
    """
    if path.is_dir() and any((path / name).is_file() for name in ("saved_model.pb", "saved_model.pbtxt")):
        raise FileError(f"{path}: {_SAVED_MODEL.format(name=path.name)}")
    path = require_file(path)
    if _is_hdf5(path):
        text, version = _of_hdf5(path)
        return Stored(HDF5, _parsed(path, text), version)
    if zipfile.is_zipfile(path):
        text, version = _of_archive(path)
        return Stored(ARCHIVE, _parsed(path, text), version)
    raise FileError(f"{path}: {_NEITHER}")


def line_of(error: Exception) -> str:
    """Return the last line of a message, which says what went wrong; other packages print whole descriptions before it."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()] or [type(error).__name__]
    return lines[-1] if len(lines[-1]) <= LINE_CHARACTERS_MAX else f"{lines[-1][:LINE_CHARACTERS_MAX]}..."


def _of_archive(path: Path) -> tuple[bytes, str]:
    try:
        with zipfile.ZipFile(path) as archive:
            if "config.json" not in archive.namelist() and any(name.endswith(".npy") for name in archive.namelist()):
                raise KeyError("there is no config.json; it is an .npz of arrays, and the model's file goes in its place")
            size = archive.getinfo("config.json").file_size
            description = archive.read("config.json") if size <= DESCRIPTION_BYTES_MAX else None
            version = _version(archive)
    except Exception as error:  # zipfile and its decompressors raise every kind of error on a damaged file
        raise FileError(f"{path}: not a Keras archive, or a damaged one: {line_of(error)}") from error
    if description is None:
        raise FileError(f"{path}: the model description has {size} bytes; at most {DESCRIPTION_BYTES_MAX} are read")
    return description, version


def _version(archive: zipfile.ZipFile) -> str:
    if "metadata.json" not in archive.namelist() or archive.getinfo("metadata.json").file_size > DESCRIPTION_BYTES_MAX:
        return ""
    try:
        found = json.loads(archive.read("metadata.json"))
    except (ValueError, RecursionError):
        return ""
    return str(found.get("keras_version") or "") if isinstance(found, dict) else ""


def _of_hdf5(path: Path) -> tuple[Any, str]:
    import h5py

    try:
        with h5py.File(path, "r") as file:
            description, version = file.attrs.get("model_config"), file.attrs.get("keras_version")
            converted = "integer" in file
    except Exception as error:  # h5py raises every kind of error on a damaged file
        raise FileError(f"{path}: an HDF5 file that cannot be read: {line_of(error)}") from error
    if description is None and converted:
        raise FileError(f"{path}: a network that is converted already; the Keras model's file is needed here")
    if description is None:
        raise FileError(f"{path}: an HDF5 file without a model description (weights only?); save the whole model with model.save(...)")
    return description, version.decode("utf-8", "replace") if isinstance(version, bytes) else str(version or "")


def _is_hdf5(path: Path) -> bool:
    import h5py

    try:
        return bool(h5py.is_hdf5(path))
    except OSError as error:
        raise FileError(f"{path}: cannot be read: {os.strerror(error.errno) if error.errno else line_of(error)}") from error


def _parsed(path: Path, text: Any) -> dict[str, Any]:
    try:
        description = json.loads(text)
    except (ValueError, TypeError, RecursionError) as error:
        raise FileError(f"{path}: the model description is not JSON: {line_of(error)}") from error
    if not isinstance(description, dict):
        raise FileError(f"{path}: the model description is a {type(description).__name__}, not a model")
    return description
