"""Layers around a layer: what they do at inference is what the inner layer does."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import Any, Final

import numpy as np

from ecc_lava.importers.keras.call import Call, Refused
from ecc_lava.importers.keras.handlers.merging import joined
from ecc_lava.importers.keras.tensors import Tensor

__all__ = ["spectral_normalization", "time_distributed"]

SUPPORT: Final = (
    "Layers around a layer",
    "around one supported layer; TimeDistributed: at most 64 steps of layers that cannot take all steps at once",
)
"""Title and limits of these layers in the table of supported layers."""

STEPS_MAX: Final = 64
"""Most steps that get nodes of their own."""

_ON_ALL_STEPS: Final = frozenset(
    """
    ActivityRegularization Activation AlphaDropout AveragePooling1D Conv1D Dense DepthwiseConv1D Dropout GaussianDropout GaussianNoise
    Identity LeakyReLU MaxPooling1D ReLU Rescaling SeparableConv1D ZeroPadding1D
    """.split()  # noqa: SIM905 - one a line would hide the rest
)
"""Layers whose handlers treat an axis before their own as the rows of a map, so that they treat every step alike."""


def _inner(call: Call) -> Any:
    layer = call.layer.layer
    if hasattr(layer, "_nodes_by_depth") or hasattr(layer, "_functional"):
        raise Refused("it holds a whole model; put every layer of the model into a wrapper of its own")
    return layer


def _of_inner(call: Call, layer: Any, x: Tensor) -> Tensor:
    results = call.handler_of(layer)(replace(call, layer=layer, inputs=(x,), arguments=(x,)))
    if not isinstance(results, Tensor):
        raise Refused("its layer makes several tensors; use layers that make one")
    return results


def spectral_normalization(call: Call) -> Tensor:
    """Convert SpectralNormalization: training has left the normalised kernel in the inner layer."""
    return _of_inner(call, _inner(call), call.input)


def time_distributed(call: Call) -> Tensor:
    """Convert TimeDistributed: on all steps at once where the inner layer can, else step by step."""
    layer, x = _inner(call), call.input
    if _takes_all_steps(layer, x):
        return _of_inner(call, layer, x)
    if x.sizes[0] > STEPS_MAX:
        raise Refused(f"it has {x.sizes[0]} steps; at most {STEPS_MAX} are supported for {type(layer).__name__}")
    results = [_of_inner(call, layer, call.moved(x, partial(_step, step=step))) for step in range(x.sizes[0])]
    return _stacked(call, results)


def _takes_all_steps(layer: Any, x: Tensor) -> bool:
    """Whether the handler of a layer treats every step of a tensor alike if it is given all of them."""
    kind = type(layer).__name__
    if kind == "BatchNormalization":
        return isinstance(layer.axis, int) and layer.axis < 0  # counted from the end, the steps' axis moves none
    channels_first = getattr(layer, "data_format", None) == "channels_first"
    return kind in _ON_ALL_STEPS and (1 if kind == "Dense" else 2) <= len(x.sizes) - 1 <= 2 and not channels_first


def _step(places: Any, step: int) -> Any:
    return places[:, step]


def _stacked(call: Call, results: list[Tensor]) -> Tensor:
    """Return tensors as the steps of one; of more than three axes, the graph keeps it as a vector."""
    sizes = (len(results), *results[0].sizes)
    flat = [call.moved(y, lambda places: places.reshape(len(places), -1)) for y in results]
    whole = joined(call, flat, 1)
    return call.moved(whole, lambda places: np.reshape(places, (len(places), *sizes)))
