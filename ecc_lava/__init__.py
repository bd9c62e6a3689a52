"""ecc_lava: trained Keras CNNs to Loihi-style neuromorphic chips.

A Keras model becomes a graph, the graph a spiking network (ECC), that an integer network in a chip's own formats; back ends run it and
`check` shows at every stage that nothing changed, or which layer lost what. Importing this package needs numpy alone: every name below is
loaded when it is first used.
"""

from __future__ import annotations

import importlib
from importlib.metadata import PackageNotFoundError, version
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ecc_lava.attribution import Attribution, attribute
    from ecc_lava.checking import CheckReport, check
    from ecc_lava.ecc.recipes import RECIPES, convert
    from ecc_lava.errors import EccLavaError, UnsupportedModel
    from ecc_lava.graph import Graph, forward
    from ecc_lava.keras_import import from_keras, load_model
    from ecc_lava.lowering import lower
    from ecc_lava.network import SpikingNetwork
    from ecc_lava.quantisation import as_float, quantise
    from ecc_lava.quantised import QuantisedNetwork
    from ecc_lava.rates import rate_forward
    from ecc_lava.result import Result
    from ecc_lava.simulation import simulate
    from ecc_lava.storage import load, save
    from ecc_lava.studies.results import StudyResult
    from ecc_lava.studies.run import study
    from ecc_lava.studies.searching import Search

__all__ = [
    "RECIPES",
    "Attribution",
    "CheckReport",
    "EccLavaError",
    "Graph",
    "QuantisedNetwork",
    "Result",
    "Search",
    "SpikingNetwork",
    "StudyResult",
    "UnsupportedModel",
    "as_float",
    "attribute",
    "check",
    "convert",
    "forward",
    "from_keras",
    "load",
    "load_model",
    "lower",
    "quantise",
    "rate_forward",
    "save",
    "simulate",
    "study",
]

_HOME = {
    "RECIPES": "ecc.recipes",
    "Attribution": "attribution",
    "CheckReport": "checking",
    "EccLavaError": "errors",
    "Graph": "graph",
    "QuantisedNetwork": "quantised",
    "Result": "result",
    "Search": "studies.searching",
    "SpikingNetwork": "network",
    "StudyResult": "studies.results",
    "UnsupportedModel": "errors",
    "as_float": "quantisation",
    "attribute": "attribution",
    "check": "checking",
    "convert": "ecc.recipes",
    "forward": "graph",
    "from_keras": "keras_import",
    "load": "storage",
    "load_model": "keras_import",
    "lower": "lowering",
    "quantise": "quantisation",
    "rate_forward": "rates",
    "save": "storage",
    "simulate": "simulation",
    "study": "studies.run",
}
"""Public name -> the module it lives in."""

try:
    __version__ = version("ecc-lava")
except PackageNotFoundError:  # run from a source folder that is not installed
    __version__ = "0"


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module 'ecc_lava' has no attribute {name!r}")
    value = getattr(importlib.import_module(f"ecc_lava.{_HOME[name]}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted([*globals(), *_HOME])
