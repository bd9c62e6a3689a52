"""ecc_lava: trained Keras CNNs to Loihi-style neuromorphic chips.

A Keras model becomes a graph, the graph becomes a spiking network (ECC), and the spiking network becomes an integer network in a chip's own
formats. Back ends run the networks, and `check` shows at every stage that nothing changed or which layer lost what. Importing this package
needs numpy alone: a name below is loaded at its first use.
"""

from __future__ import annotations

TYPE_CHECKING = False  # as type checkers know it; importing it takes longer than all else here
if TYPE_CHECKING:
    import typing

    from ecc_lava.analysis import Attribution, CheckReport, StreamReport, attribute, check, check_stream
    from ecc_lava.backends import Result, simulate
    from ecc_lava.conversion import RECIPES, StreamThresholds, convert, sigma_delta, stream_thresholds
    from ecc_lava.errors import EccLavaError, UnsupportedModel
    from ecc_lava.exchange import from_nir, to_netx, to_nir
    from ecc_lava.graph import Graph, forward
    from ecc_lava.importers.keras import from_keras, load_model
    from ecc_lava.lowering import lower
    from ecc_lava.networks import QuantisedNetwork, SpikingNetwork, rate_forward
    from ecc_lava.quantisation import as_float, quantise
    from ecc_lava.storage import load, save
    from ecc_lava.studies import Search, StudyResult, study
    from ecc_lava.tracking import Siamese

    __version__: str

__all__ = [
    "RECIPES",
    "Attribution",
    "CheckReport",
    "EccLavaError",
    "Graph",
    "QuantisedNetwork",
    "Result",
    "Search",
    "Siamese",
    "SpikingNetwork",
    "StreamReport",
    "StreamThresholds",
    "StudyResult",
    "UnsupportedModel",
    "as_float",
    "attribute",
    "check",
    "check_stream",
    "convert",
    "forward",
    "from_keras",
    "from_nir",
    "load",
    "load_model",
    "lower",
    "quantise",
    "rate_forward",
    "save",
    "sigma_delta",
    "simulate",
    "stream_thresholds",
    "study",
    "to_netx",
    "to_nir",
]

_HOME = {
    "RECIPES": "conversion",
    "Attribution": "analysis",
    "CheckReport": "analysis",
    "EccLavaError": "errors",
    "Graph": "graph",
    "QuantisedNetwork": "networks",
    "Result": "backends",
    "Search": "studies",
    "Siamese": "tracking",
    "SpikingNetwork": "networks",
    "StreamReport": "analysis",
    "StreamThresholds": "conversion",
    "StudyResult": "studies",
    "UnsupportedModel": "errors",
    "as_float": "quantisation",
    "attribute": "analysis",
    "check": "analysis",
    "check_stream": "analysis",
    "convert": "conversion",
    "forward": "graph",
    "from_keras": "importers.keras",
    "from_nir": "exchange",
    "load": "storage",
    "load_model": "importers.keras",
    "lower": "lowering",
    "quantise": "quantisation",
    "rate_forward": "networks",
    "save": "storage",
    "sigma_delta": "conversion",
    "simulate": "backends",
    "stream_thresholds": "conversion",
    "study": "studies",
    "to_netx": "exchange",
    "to_nir": "exchange",
}
"""Public name -> the module it lives in."""


def __getattr__(name: str) -> typing.Any:
    home = "version" if name == "__version__" else _HOME.get(name)  # the version is read from a file of the installation
    if home is None:
        raise AttributeError(f"module 'ecc_lava' has no attribute {name!r}")
    import importlib

    value = getattr(importlib.import_module(f"ecc_lava.{home}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted([*globals(), *_HOME])
