"""Geometries in words: everything about an operator but its arrays, as JSON values."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ecc_lava.common import NEURONS_MAX, Array
from ecc_lava.errors import InvalidNetwork
from ecc_lava.geometry.types import Conv, Dense, Geometry, Sparse

__all__ = ["ARRAYS", "arrays", "describe", "rebuild"]

ARRAYS = {"gain": ("int32", "float64", "float32"), "sources": ("int32",), "starts": ("int64",)}
"""Arrays besides the kernel that an operator can have, and their types."""

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
"""Fields of a Conv besides its arrays, and the number of integers of each (None: a single one, not a list)."""

_MAPS = {"source": 3, "target": 3}
"""Fields of a Sparse besides its arrays, and the number of integers of each."""


def arrays(geometry: Geometry) -> dict[str, Array]:
    """Return the operator's arrays besides its kernel, by name."""
    match geometry:
        case Conv(gain=gain):
            return {} if gain is None else {"gain": gain}
        case Sparse(sources=sources, starts=starts):
            return {"sources": sources, "starts": starts}
        case Dense():
            return {}


def describe(geometry: Geometry) -> dict[str, Any]:
    """Return everything about the operator but its arrays, as JSON values; `rebuild` is the inverse."""
    match geometry:
        case Dense():
            return {"type": "Dense"}
        case Sparse(source=source, target=target):
            return {"type": "Sparse", "source": source, "target": target}
        case Conv():
            return {"type": "Conv", **{field: getattr(geometry, field) for field in _LAYOUT}}


def rebuild(description: dict[str, Any], kernel: Array, others: Mapping[str, Array]) -> Geometry:
    """Return the operator that `describe` described, with its kernel and its other `arrays`.

    Raises
    ------
    InvalidNetwork
        If `describe` cannot have made the description, or if the arrays do not belong to such an operator.
    """
    layout: dict[str, Any] = {field: tuple(v) if isinstance(v, list) else v for field, v in description.items() if field != "type"}
    match description.get("type"), sorted(others):
        case "Dense", [] if not layout:
            return Dense(kernel)
        case "Conv", [] | ["gain"] if _described(layout, _LAYOUT):
            return Conv(kernel, gain=others.get("gain"), **layout)
        case "Sparse", ["sources", "starts"] if _described(layout, _MAPS):
            return Sparse(kernel, others["sources"], others["starts"], **layout)
    raise InvalidNetwork(f"unknown geometry {str(description)[:200]} with arrays {sorted(others)}")


def _described(layout: dict[str, Any], fields: Mapping[str, int | None]) -> bool:
    """Whether a layout has exactly these fields, each of its length."""
    return layout.keys() == fields.keys() and all(_fits(layout[field], length) for field, length in fields.items())


def _fits(value: object, length: int | None) -> bool:
    """Whether a value is an integer, or as many integers as a field of a Conv has."""
    if length is None:
        return _bounded(value)
    if value is None:
        return length == _OPTIONAL
    return isinstance(value, tuple) and len(value) == abs(length) and all(map(_bounded, value))


def _bounded(value: object) -> bool:
    """Whether a value is an integer that a map can have as a size or a step."""
    return type(value) is int and abs(value) <= NEURONS_MAX
