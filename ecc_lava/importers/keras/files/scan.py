"""Checks a model file's description against lists of what is loaded, so that no code of a file's author runs.

A description is JSON; Keras builds every object in it that has a `class_name`. One rule holds for all objects: the class is in a table or a
list of this package, and its module is a module of Keras that holds such classes. This module does not import Keras and loads nothing.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from ecc_lava.importers.keras.packages import Package, package_naming
from ecc_lava.importers.keras.remedies import LOADED_TO_REFUSE, unsupported
from ecc_lava.importers.keras.table import HANDLERS, OPERATORS

__all__ = ["layers_of", "offences_of", "packages_of"]

_CONTAINERS = frozenset({"Sequential", "Functional", "Model", "InputLayer"})

_PARTS = frozenset(
    """
    Constant GlorotNormal GlorotUniform HeNormal HeUniform Identity IdentityInitializer LecunNormal LecunUniform Ones Orthogonal
    OrthogonalInitializer RandomNormal RandomUniform TruncatedNormal VarianceScaling Zeros L1 L1L2 L2 OrthogonalRegularizer
    MaxNorm MinMaxNorm NonNeg UnitNorm DTypePolicy DTypePolicyMap FloatDTypePolicy Policy QuantizedDTypePolicy
    Int4DTypePolicy Int4QuantizationConfig Int8QuantizationConfig AbsMaxQuantizer
    """.split()  # noqa: SIM905 - one a line would hide the rest
)
"""Initializers, regularizers, constraints and policies, which stand inside layers."""

_VALUES = frozenset({"__bytes__", "__ellipsis__", "__keras_tensor__", "__numpy__", "__slice__", "__tensor__", "__tuple__"})
"""Numbers and keys as Keras writes them."""

_MODULES = (
    "keras.activations",
    "keras.constraints",
    "keras.dtype_policies",
    "keras.initializers",
    "keras.layers",
    "keras.models",
    "keras.quantizers",
    "keras.regularizers",
    "keras.src.activations",
    "keras.src.applications.inception_resnet_v2",  # CustomScaleLayer
    "keras.src.engine",  # Functional of Keras 2
    "keras.src.layers",
    "keras.src.models",  # Functional of Keras 3
    "keras.src.ops",
)
"""Modules whose objects a description may name; the modules below them count too."""

_TRAINING = (
    "builtins",
    "keras.losses",
    "keras.metrics",
    "keras.optimizers",
    "keras.src.losses",
    "keras.src.metrics",
    "keras.src.optimizers",
)
"""Further modules that stand below `compile_config`: Keras compiles inner models even with `compile=False`, with its own functions."""

_FUNCTIONS = ("keras.activations", "keras.src.activations")
"""Modules of functions that layers may name."""

_CALLED_BY_KERAS_2 = frozenset({"TFOpLambda", "SlicingOpLambda", "ClassMethod", "InstanceMethod", "InstanceProperty", "TensorFlowOpLayer"})
"""Classes of operations such as ``x + y`` in files of Keras 2."""


_OF_MASKS = frozenset({"Any", "NotEqual"})
"""Operations that Keras writes for the mask of a Masking layer."""


def _below(module: Any, modules: tuple[str, ...]) -> bool:
    return any(f"{module}.".startswith(f"{known}.") for known in modules)


def _problem(found: dict[str, Any], training: bool) -> str | None:
    """Return why an object of a description must not be built; None if it may be."""
    kind, module, inner = found.get("class_name"), found.get("module"), found.get("config")
    if kind in ("__lambda__", "Lambda"):
        return f"{unsupported('Lambda')}; it is never loaded"
    package = package_naming(found)
    if package is not None:
        return package.problem(found)
    if not isinstance(kind, str) or not isinstance(module, str | None) or (module is not None and not _allowed(module, training)):
        return f"a custom object of module {module!r}; only Keras's own are loaded"
    if kind == "function":
        named = isinstance(inner, str) and inner.isidentifier()
        return (
            None if named and (training or _below(module, _FUNCTIONS)) else "a function that is no activation of Keras; name an activation"
        )
    if kind in _CALLED_BY_KERAS_2:
        return "an operation of Keras 2, which Keras 3 cannot load from a file; use a layer such as Add or Rescaling instead"
    if module is not None and _below(module, ("keras.src.ops",)):
        return None if kind in OPERATORS or kind in _OF_MASKS else unsupported(kind)
    if training and module is not None and _below(module, _TRAINING):
        return None if kind.isidentifier() else f"{kind!r} is not the name of a class"
    known = kind in HANDLERS or kind in _CONTAINERS or kind in LOADED_TO_REFUSE or kind in _PARTS or kind in _VALUES
    layer = isinstance(inner, dict) and "trainable" in inner
    if module is None and kind in OPERATORS and not layer:
        return "an operation, which Keras cannot load from an HDF5 file; save the model as .keras"
    return None if known else unsupported(kind)


def _allowed(module: str, training: bool) -> bool:
    return module == "keras" or _below(module, _MODULES) or (training and _below(module, _TRAINING))


def _objects(description: Any) -> Iterator[tuple[str, dict[str, Any], bool]]:
    """Yield (name of its layer, object, whether it serves training alone) for every object of a description, in order."""
    stack: list[tuple[Any, str, bool]] = [(description, "the model", False)]
    while stack:
        value, owner, training = stack.pop()
        if isinstance(value, list):
            stack.extend((item, owner, training) for item in reversed(value))
        if not isinstance(value, dict):
            continue
        inner = value.get("config")
        named = (inner.get("name") if isinstance(inner, dict) else None) or value.get("name")
        owner = named if isinstance(named, str) else owner
        if "class_name" in value:
            yield owner, value, training
        if value.get("class_name") == "Lambda":
            continue  # a Lambda is refused as a whole
        inside = [(item, owner, training or key == "compile_config") for key, item in value.items()]
        stack.extend(reversed(inside if value is not description else [part for part in inside if not part[2]]))


def packages_of(description: Any) -> set[Package]:
    """Return the packages beside Keras that a description names."""
    named = (package_naming(found) for _, found, _ in _objects(description))
    return {package for package in named if package is not None}


def offences_of(description: Any) -> Iterator[tuple[str, str]]:
    """Yield (where, why) for every object of a description that must not be loaded."""
    for owner, found, training in _objects(description):
        problem = _problem(found, training)
        if problem is not None:
            yield f"{owner} ({found['class_name']})", problem


def layers_of(description: Any) -> Iterator[tuple[str, str, str]]:
    """Yield (name, class, why it or a part of it is not loaded) for every layer and operation of a description."""
    problems: dict[str, str] = {}
    layers: dict[tuple[str, str], None] = {}
    for owner, found, training in _objects(description):
        problem = _problem(found, training)
        if problem is not None:
            problems.setdefault(owner, problem)
        kind = str(found["class_name"])
        package = package_naming(found)
        parts = _PARTS | _VALUES | _CONTAINERS | {"function", "__lambda__"} | (package.parts if package else frozenset())
        if not training and kind not in parts:
            layers[owner, kind] = None
    for name, kind in layers:
        yield name, kind, problems.get(name, "")
