"""Layers of Keras in place of those of Larq, whose package needs Keras 2: they hold a file's weights and settings, and run nothing.

They bear Larq's names, so that Keras finds their weights in a file. `handlers/larq.py` converts them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any, Final, cast

from ecc_lava.importers.keras.framework import keras_package

__all__ = ["LAYERS", "QUANTISERS", "Quantiser", "quantiser_of", "stand_ins"]

LAYERS: Final = {
    "QuantConv1D": "Conv1D",
    "QuantConv2D": "Conv2D",
    "QuantDense": "Dense",
    "QuantDepthwiseConv2D": "DepthwiseConv2D",
    "QuantSeparableConv1D": "SeparableConv1D",
    "QuantSeparableConv2D": "SeparableConv2D",
}
"""Class of Larq -> class of Keras whose weights it has."""

QUANTISERS: Final = {
    "approx_sign": "ApproxSign",
    "dorefa_quantizer": "DoReFa",
    "magnitude_aware_sign": "MagnitudeAwareSign",
    "no_op": "NoOp",
    "ste_heaviside": "SteHeaviside",
    "ste_sign": "SteSign",
    "ste_tern": "SteTern",
    "swish_sign": "SwishSign",
}
"""Name that a text may give a quantiser -> its class."""


@dataclass(frozen=True)
class Quantiser:
    """A quantiser as a file describes it: the name of its class, and its settings."""

    kind: str
    settings: Mapping[str, Any]


def quantiser_of(described: Any) -> Quantiser | None:
    """Return the quantiser that a setting describes by an object or a name, whose class an unknown name is; None if there is none."""
    if isinstance(described, dict):
        kind, settings = described.get("class_name"), described.get("config")
        return Quantiser(str(kind), settings if isinstance(settings, dict) else {})
    return None if described is None else Quantiser(QUANTISERS.get(str(described), str(described)), {})


@cache
def stand_ins() -> dict[str, type]:
    """Return the layers by their names."""
    layers = keras_package().layers
    made = {name: _with_quantisers(name, getattr(layers, base)) for name, base in LAYERS.items()}
    return made | {name: _alone(name, layers.Layer) for name in QUANTISERS.values()}


def _with_quantisers(name: str, base: Any) -> type:
    def begin(
        self: Any,
        *,
        input_quantizer: Any = None,
        kernel_quantizer: Any = None,
        depthwise_quantizer: Any = None,
        pointwise_quantizer: Any = None,
        pad_values: float = 0.0,
        activation: Any = None,
        **settings: Any,
    ) -> None:
        own = activation if _is_larqs(activation) else None
        base.__init__(self, activation=None if own else activation, **settings)
        self.described = {"input_quantizer": input_quantizer, "pad_values": pad_values, **({"activation": own} if own else {})}
        weights = {"kernel": kernel_quantizer, "depthwise": depthwise_quantizer, "pointwise": pointwise_quantizer}
        self.described |= {f"{of}_quantizer": described for of, described in weights.items() if described is not None}
        self.quantisers = {of: quantiser_of(described) for of, described in {"input": input_quantizer, **weights}.items()}
        self.own_activation, self.pad_values = quantiser_of(own), pad_values

    return _made(name, base, begin)


def _alone(name: str, base: Any) -> type:
    def begin(self: Any, *, name: str | None = None, dtype: Any = None, trainable: bool = True, **settings: Any) -> None:
        base.__init__(self, name=name, dtype=dtype, trainable=trainable)
        self.described, self.quantiser = settings, Quantiser(type(self).__name__, settings)

    made: Any = _made(name, base, begin)
    made.compute_output_shape = lambda self, input_shape: input_shape
    return cast(type, made)


def _made(name: str, base: Any, begin: Any) -> type:
    def get_config(self: Any) -> dict[str, Any]:
        return {**base.get_config(self), **self.described}

    return type(name, (base,), {"__init__": begin, "call": _refuse_to_run, "get_config": get_config, "__module__": "larq.layers"})


def _refuse_to_run(self: Any, inputs: Any) -> Any:
    raise NotImplementedError(f"{type(self).__name__} is read from a file of Larq and not run; ecc_lava.forward runs the graph")


def _is_larqs(activation: Any) -> bool:
    named = activation.get("class_name") if isinstance(activation, dict) else activation
    return isinstance(named, str) and (named in QUANTISERS or named in QUANTISERS.values())
