"""Which handler converts a call, or why none does."""

from __future__ import annotations

from typing import Any

from ecc_lava.importers.keras.call import Handler, Refused
from ecc_lava.importers.keras.models import mask_of
from ecc_lava.importers.keras.packages import package_of
from ecc_lava.importers.keras.remedies import unsupported
from ecc_lava.importers.keras.table import HANDLERS, OPERATORS, QUANTISED

__all__ = ["handler", "handler_of", "tensors_only"]


def tensors_only(node: Any) -> None:
    """Refuse a layer that is called with anything but tensors of the model, such as ``training=True``."""
    tensors = {id(tensor) for tensor in node.input_tensors}
    others = [value for value in node.arguments._flat_arguments if id(value) not in tensors and value is not None and value is not False]
    if others:
        given = " ".join(str(others[0]).split())[:40]
        raise Refused(f"it is called with the constant {given}; use a Rescaling layer for a constant, and drop training=True")


def handler_of(layer: Any) -> Handler:
    """Return the handler of a layer or operation; raise `Refused` if there is none."""
    kind = type(layer).__name__
    package = package_of(type(layer).__module__)
    known = package.handlers if package else OPERATORS if _is_operation(layer) else HANDLERS
    handler = known.get(kind)
    if handler is None or not (package or type(layer).__module__.startswith("keras.")):
        raise Refused(unsupported(kind))
    if getattr(layer, "quantization_mode", None) is not None:
        handler = QUANTISED.get(kind)
        if handler is None:
            raise Refused("Keras has quantised its weights; give the model from before its quantisation")
    return handler


def _is_operation(layer: Any) -> bool:
    return type(layer).__module__.startswith("keras.src.ops.")


def handler(node: Any) -> Handler:
    """Return the handler of a call.

    Raises
    ------
    Refused
        If there is none, or the call takes more than tensors.
    """
    found = handler_of(node.operation)
    if not _is_operation(node.operation) and not type(node.operation).__module__.startswith(_PREPROCESSING):
        tensors_only(node)
    if mask_of(node) is not None and type(node.operation).__name__ not in _IGNORES_MASKS:
        raise Refused("it counts the steps that a Masking layer leaves; give the model sequences of one length, without Masking")
    return found


_PREPROCESSING = "keras.src.layers.preprocessing."
"""Layers that prepare images; Keras writes `training=True` into each of their calls, which changes nothing at inference."""

_IGNORES_MASKS = frozenset({"BatchNormalization", "TimeDistributed"})
"""Layers that take a mask and do not use it at inference."""
