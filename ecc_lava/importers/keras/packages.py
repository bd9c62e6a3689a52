"""Packages beside Keras whose layers convert: the one place that names their classes, and where they come from.

A file may name these classes and no others, and a package is imported by its name that stands here, never by one from a file. A text that a
package would interpret must be the name of an activation, or a quantiser of a list with plain arguments.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from importlib.util import find_spec
from typing import Any, Final

from ecc_lava.importers.keras.call import Handler
from ecc_lava.importers.keras.handlers import hgq, larq, qkeras
from ecc_lava.importers.keras.stand_ins import QUANTISERS, stand_ins

__all__ = ["PACKAGES", "Package", "package_naming", "package_of"]

_PLAIN: Final = re.compile(r"[\w\s.,=+'\"-]*")
"""Arguments of a quantiser: numbers, names and quoted words."""

_ACTIVATIONS: Final = frozenset({"hard_sigmoid", "leaky_relu", "linear", "relu", "relu6", "sigmoid", "softmax", "tanh"})
"""Activations that a text may name."""

_READS_TEXT: Final = ("activation", "quantizer", "quantizer_internal")
"""Ends of the names of settings that a package may interpret as a call."""


@dataclass(frozen=True, eq=False)
class Package:
    """One package.

    Attributes
    ----------
    module : str
        What Python imports, and the first word of the modules of its classes.
    distribution : str
        What pip installs.
    registered : str
        Name under which its classes are registered with Keras.
    handlers : mapping of class name to Handler
    parts : set of str
        Classes that stand inside layers: quantisers, constraints and initialisers.
    quantisers : set of str
        Of the parts, those that text such as ``quantized_bits(4, 0)`` may call.
    stand_ins : callable () -> layers by class name, optional
        Layers of Keras in place of the package's, which is then never imported, and need not be installed.
    """

    module: str
    distribution: str
    registered: str
    handlers: Mapping[str, Handler]
    parts: frozenset[str]
    quantisers: frozenset[str]
    stand_ins: Callable[[], Mapping[str, type]] | None = None

    @property
    def is_installed(self) -> bool:
        """Whether its classes are there: Python finds the package, which is not imported, or others stand in."""
        return self.stand_ins is not None or find_spec(self.module) is not None

    def problem(self, found: Mapping[str, Any]) -> str | None:
        """Return why an object of a file's description that names this package must not be built; None if it may be."""
        kind, registered = found.get("class_name"), found.get("registered_name")
        if not isinstance(kind, str) or (kind not in self.handlers and kind not in self.parts):
            known = ", ".join(sorted(self.handlers))
            return f"this layer type is not supported; of {self.distribution} are {known}"
        if not self.is_installed:
            return f"a layer of {self.distribution}, which is not installed; pip install {self.distribution}"
        if registered not in ((None, kind) if self.stand_ins else (f"{self.registered}>{kind}",)):
            return f"an object registered as {registered!r}, which is no class of {self.distribution}"
        config = found.get("config")
        for name, value in config.items() if isinstance(config, dict) and self.stand_ins is None else ():
            if isinstance(value, str) and name.endswith(_READS_TEXT) and not self._is_harmless(value):
                return f"its {name} is the text {value[:40]!r}, which is no known quantiser; save the model again with the quantiser itself"
        return None

    def _is_harmless(self, text: str) -> bool:
        name, bracket, rest = text.partition("(")
        if not bracket:
            return name in self.quantisers or name in _ACTIVATIONS
        return name in self.quantisers and rest.endswith(")") and _PLAIN.fullmatch(rest[:-1]) is not None


PACKAGES: Final = (
    Package(
        "qkeras",
        "qkeras-v3",
        "qkeras",
        {
            "QActivation": qkeras.activation,
            "QConv1D": qkeras.conv,
            "QConv2D": qkeras.conv,
            "QDense": qkeras.dense,
            "QDepthwiseConv2D": qkeras.depthwise_conv,
        },
        frozenset({"Clip", "QInitializer", "binary", "quantized_bits", "quantized_po2", "quantized_relu", "quantized_tanh", "ternary"}),
        frozenset({"binary", "quantized_bits", "quantized_relu", "ternary"}),
    ),
    Package(
        "hgq",
        "hgq2",
        "hgq",
        {"QConv1D": hgq.conv, "QConv2D": hgq.conv, "QDense": hgq.dense, "Quantizer": hgq.quantizer},
        frozenset({"Constant", "DefaultBitwidthMapper", "Max", "Min", "MinMax", "MonoL1", "QuantizerConfig"}),
        frozenset(),
    ),
    Package(
        "larq",
        "larq",
        "",
        {
            "QuantConv1D": larq.conv,
            "QuantConv2D": larq.conv,
            "QuantDense": larq.dense,
            "QuantDepthwiseConv2D": larq.depthwise_conv,
            "QuantSeparableConv1D": larq.separable_conv,
            "QuantSeparableConv2D": larq.separable_conv,
            **dict.fromkeys(QUANTISERS.values(), larq.quantiser),
        },
        frozenset(QUANTISERS.values()),
        frozenset(),
        stand_ins,
    ),
)
"""A new package is an entry here, and a file of handlers."""


def package_naming(found: Mapping[str, Any]) -> Package | None:
    """Return the package that an object of a file's description names, or None; older files of Larq name its classes without a module."""
    if found.get("module") is not None:
        return package_of(found["module"])
    kind = str(found.get("class_name"))
    return next((package for package in PACKAGES if package.stand_ins and (kind in package.handlers or kind in package.parts)), None)


def package_of(module: object) -> Package | None:
    """Return the package that a module of a class belongs to, or None."""
    first = module.partition(".")[0] if isinstance(module, str) else ""
    return next((package for package in PACKAGES if package.module == first), None)
