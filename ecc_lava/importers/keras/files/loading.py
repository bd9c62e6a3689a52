"""Open a Keras model file without running anything from it."""

from __future__ import annotations

import inspect
import logging
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any

from ecc_lava.errors import FileError, InvalidInput, UnsupportedModel
from ecc_lava.importers.keras.files.keras2 import in_words_of_keras_3, meant_otherwise, without_unknown_settings
from ecc_lava.importers.keras.files.opening import opened
from ecc_lava.importers.keras.files.reading import Stored, line_of, stored
from ecc_lava.importers.keras.files.scan import layers_of, offences_of
from ecc_lava.importers.keras.files.sizes import held_bytes
from ecc_lava.importers.keras.framework import keras_package
from ecc_lava.importers.keras.remedies import LOADED_TO_REFUSE
from ecc_lava.importers.keras.stand_ins import LAYERS, stand_ins
from ecc_lava.importers.keras.table import HANDLERS

__all__ = ["described_layers", "load_model", "with_input_shapes"]

_log = logging.getLogger(__name__)


def load_model(path: str | Path) -> Any:
    """Load a Keras model: a `.keras` archive or an HDF5 file, whatever its name.

    The stored description is read first, without Keras. An object that may hold more than numbers, such as a Lambda or a custom object, is
    refused before Keras builds anything, so no code of the file's author can run. What Keras 2 wrote in its words is put in the words of
    Keras 3, in a copy; one line of the log says what.

    Returns
    -------
    keras.Model

    Raises
    ------
    FileError
        If the file is missing, unreadable or not a Keras model.
    UnsupportedModel
        Naming every object of the file that is not loaded.
    MissingDependency
        If Keras does not start.
    """
    path = Path(path)
    file, changes = _translated(path)
    offences = dict.fromkeys(offences_of(file.description))
    if file.version.startswith(("1.", "2.")):
        offences.update(dict.fromkeys(meant_otherwise(file.description)))
    if offences:
        raise UnsupportedModel(tuple(offences))
    held_bytes(path, file)
    changes += without_unknown_settings(file.description, _settings)
    if changes:
        _log.warning("%s: read in the words of Keras 3: %s", path, ", ".join(changes))
    return opened(path, file, bool(changes))


def described_layers(path: str | Path) -> tuple[tuple[str, str, str], ...]:
    """Return (name, class, why it is not loaded) of every layer that a file describes, without loading it; errors as for `load_model`."""
    return tuple(layers_of(_translated(Path(path))[0].description))


def with_input_shapes(model: Any, shapes: Mapping[str, tuple[int, ...]]) -> Any:
    """Return a model with the same weights whose inputs have given shapes, which fix the sizes that the model leaves open.

    Parameters
    ----------
    model : keras.Model
    shapes : mapping of input names to sizes
        Sizes are in the model's order, without the batch. The name of a single input may be "". None are needed where no size is open.

    Raises
    ------
    InvalidInput
        If the model does not take a shape, or a shape is missing.
    """
    keras = keras_package()
    inputs = {tensor._keras_history.operation.name: tensor for tensor in getattr(model, "inputs", None) or ()}
    is_open = any(None in tensor.shape[1:] for tensor in inputs.values())
    if not shapes and not is_open:
        return model
    if not shapes:
        found = ", ".join(str(tensor.shape) for tensor in inputs.values())
        how = "H W C" if len(inputs) == 1 else "NAME=H,W,C for each"
        raise InvalidInput(f"the model leaves the size of its input open, {found}; give it with --input-shape {how}")
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
    if not is_open:
        return model
    try:
        tensors = [keras.Input(sizes[name], name=name, dtype=tensor.dtype) for name, tensor in inputs.items()]
        fixed = keras.models.clone_model(model, input_tensors=tensors if len(tensors) > 1 else tensors[0])
        fixed.set_weights(model.get_weights())
    except ValueError as error:
        raise InvalidInput(f"the model cannot take the input shape {', '.join(map(str, sizes.values()))}: {line_of(error)}") from error
    return fixed


def _translated(path: Path) -> tuple[Stored, list[str]]:
    """Return what a file holds, in the words of Keras 3 as far as these need no Keras, and what was changed."""
    file = stored(path)
    try:
        changes = in_words_of_keras_3(file.description)
    except (TypeError, ValueError, LookupError, AttributeError, RecursionError) as error:  # on lists and objects where Keras writes others
        raise FileError(f"{path}: the model description is none that Keras writes: {line_of(error)}; save the model again") from error
    return file, changes


def _settings(kind: str) -> Collection[str] | None:
    """Return the settings that Keras's layer of a name takes; None for another class."""
    known = kind in HANDLERS or kind in LOADED_TO_REFUSE or kind == "InputLayer"
    layer = getattr(keras_package().layers, kind, None) if known else stand_ins().get(kind) if kind in LAYERS else None
    if layer is None:
        return None
    names: set[str] = set()
    for owner in layer.__mro__:
        if "__init__" in vars(owner):
            taken = inspect.signature(vars(owner)["__init__"]).parameters.values()
            names.update(parameter.name for parameter in taken)
            if all(parameter.kind is not inspect.Parameter.VAR_KEYWORD for parameter in taken):
                break  # what is not named here is refused, whatever the classes below take
    return names
