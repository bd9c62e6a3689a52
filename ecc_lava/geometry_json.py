"""Geometries in words: everything about an operator but its arrays, as JSON values."""

from __future__ import annotations

from typing import Any

from ecc_lava.arrays import Array
from ecc_lava.errors import InvalidNetwork
from ecc_lava.geometry import Conv, Dense, Geometry

__all__ = ["describe", "rebuild"]

_OPTIONAL = -2
"""Two integers, or nothing."""

_LAYOUT = {
    "strides": 2,
    "padding": 4,
    "dilation": 2,
    "groups": None,
    "input_dilation": 2,
    "reads": _OPTIONAL,
    "writes": _OPTIONAL,
}
"""Fields of a Conv besides its arrays, and how many integers each has (None: it is one)."""


def describe(geometry: Geometry) -> dict[str, Any]:
    """Return everything about the operator but its arrays, as JSON values; `rebuild` is the inverse."""
    match geometry:
        case Dense():
            return {"type": "Dense"}
        case Conv():
            return {"type": "Conv", **{field: getattr(geometry, field) for field in _LAYOUT}}


def rebuild(description: dict[str, Any], kernel: Array, gain: Array | None) -> Geometry:
    """Return the operator that `describe` described, with its arrays.

    Raises
    ------
    InvalidNetwork
        If it is not a description.
    """
    kind = description.get("type")
    layout: dict[str, Any] = {field: tuple(v) if isinstance(v, list) else v for field, v in description.items() if field != "type"}
    if kind == "Dense" and not layout:
        return Dense(kernel)
    if kind == "Conv" and layout.keys() == _LAYOUT.keys() and all(_fits(layout[field], length) for field, length in _LAYOUT.items()):
        return Conv(kernel, gain=gain, **layout)
    raise InvalidNetwork(f"unknown geometry {description!r}")


def _fits(value: object, length: int | None) -> bool:
    """Whether a value is an integer, or as many integers as a field of a Conv has."""
    if length is None:
        return type(value) is int
    if value is None:
        return length == _OPTIONAL
    return isinstance(value, tuple) and len(value) == abs(length) and all(type(v) is int for v in value)
