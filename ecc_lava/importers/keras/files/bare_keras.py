"""Keras without an engine for tensors: enough to read the wiring and the weights of a model, a tenth of the time of importing TensorFlow.

Keras runs on NumPy; what it would import beside is absent, or a stand-in where Keras insists on it. A model that needs more fails here, and
is read again with the engine. Weights are held once: a variable starts as zeros that take no memory, and is not copied when it is read.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec
from types import ModuleType
from typing import Any, Final

__all__ = ["hold_weights_once", "install"]

_ABSENT: Final = frozenset({"IPython", "PIL", "matplotlib", "pandas", "psutil", "requests", "sklearn", "tensorflow", "torch"})
"""Packages that Keras uses if they are there, and that take long to import."""

_INSISTED_ON: Final = ("jax", "keras.src.backend.jax", "rich", "scipy.linalg")
"""What Keras imports to compute and to print tables, which reading a model never does."""


class _Meta(type):
    def __getattr__(cls, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        return cls


class _StandIn(metaclass=_Meta):
    """Any class or function of a package that is not there."""

    def __init__(self, *_: Any, **__: Any) -> None:
        raise ImportError("a tensor would have to be computed, and Keras was started without an engine")


class _Module(ModuleType):
    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        return _StandIn


class _Finder(MetaPathFinder, Loader):
    def find_spec(self, name: str, path: Sequence[str] | None = None, target: ModuleType | None = None) -> ModuleSpec | None:
        """Answer for the packages that are left out."""
        if name.partition(".")[0] in _ABSENT:
            raise ModuleNotFoundError(f"{name} is left out while a model is read", name=name)
        stands_in = any(name == package or name.startswith(f"{package}.") for package in _INSISTED_ON)
        return ModuleSpec(name, self, is_package=True) if stands_in else None

    def create_module(self, spec: ModuleSpec) -> ModuleType:
        """Return a module whose every name is a stand-in."""
        return _Module(spec.name)

    def exec_module(self, module: ModuleType) -> None:
        """Nothing runs."""


def install() -> None:
    """Make the next import of Keras in this process a bare one; there is no way back, so this is for processes that only read."""
    os.environ["KERAS_BACKEND"] = "numpy"
    sys.meta_path.insert(0, _Finder())


def hold_weights_once() -> None:
    """Change a bare Keras that is imported, so that reading a model holds one copy of its weights, where Keras would hold three."""
    import numpy as np
    from keras.src import backend
    from keras.src.saving import saving_lib

    variable = backend.Variable
    initialised: Any = getattr(variable, "_initialize_with_initializer", None)  # older versions of Keras have none, and call none

    def as_zeros(self: Any, initializer: Any) -> None:
        """Start a variable as zeros, which the file replaces; of types that NumPy lacks, as the layer says."""
        try:
            zeros = np.zeros(self._shape, self._dtype)
        except TypeError:
            initialised(self, initializer)
        else:
            self._initialize(zeros)

    def as_given(self: Any, value: Any) -> None:
        """Take an array as it is: Keras has just made it from the file's."""
        self._value = value if isinstance(value, np.ndarray) and value.dtype == self._dtype else np.array(value, self._dtype)

    variable._initialize_with_initializer, variable._direct_assign = as_zeros, as_given
    backend.convert_to_numpy = np.asarray
    saving_lib.is_memory_sufficient = lambda model: False  # then weights are read from a file, not from its bytes in memory
