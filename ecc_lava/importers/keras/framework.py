"""The package Keras, imported when it is first needed, or one message that says why it cannot be."""

from __future__ import annotations

import os
import sys
from types import ModuleType
from typing import Any

from ecc_lava.common import Array
from ecc_lava.errors import MissingDependency

__all__ = ["as_numpy", "keras_package"]


def keras_package() -> ModuleType:
    """Return the module keras, with whatever back end the user chose.

    Raises
    ------
    MissingDependency
        If Keras or the package of its back end cannot be imported.
    """
    try:
        import keras
    except Exception as error:  # whatever a half installed back end raises
        for name in [name for name in sys.modules if name == "keras" or name.startswith("keras.")]:
            del sys.modules[name]  # half imported; a second try would fail in another way
        named = os.environ.get("KERAS_BACKEND")
        chosen = f"KERAS_BACKEND={named}" if named else "the back end in ~/.keras/keras.json"
        raise MissingDependency(
            f"Keras does not start with {chosen}: {type(error).__name__}: {error}; set KERAS_BACKEND=tensorflow, or install what is missing"
        ) from error
    return keras


def as_numpy(variable: Any, dtype: Any) -> Array:
    """Return a variable or tensor of any back end as an array."""
    array: Array = keras_package().ops.convert_to_numpy(variable)
    return array.astype(dtype, copy=not array.flags.owndata)  # what another object owns may change
