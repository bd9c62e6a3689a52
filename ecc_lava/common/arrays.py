"""Array types, read-only arrays, and the outputs of networks with one or several outputs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, TypeAlias, TypeVar

import numpy as np
import numpy.typing as npt

from ecc_lava.errors import InvalidInput

__all__ = ["Array", "Float", "Images", "Int", "Outputs", "Shape", "by_output", "first_output", "joined", "only", "output_of", "read_only"]

Array: TypeAlias = npt.NDArray[Any]
Float: TypeAlias = npt.NDArray[np.float64]
Int: TypeAlias = npt.NDArray[np.int64]
Shape: TypeAlias = tuple[int, int, int]
"""Height, width, channels of one sample; a vector is (1, 1, C)."""
Images: TypeAlias = Array | Mapping[str, Array] | Sequence[Array]
"""Samples as a Keras model takes them: an array, or for a model with several inputs arrays by name or in the model's order."""
Outputs: TypeAlias = Array | Any
"""An array, or for a network with several outputs a dict of arrays by the output's name.

The dict is written as Any: a caller that knows its network has one output need not rule the dict out at every use.
"""


def read_only(array: npt.ArrayLike, dtype: npt.DTypeLike | None = None) -> Array:
    """Return a C-ordered view or copy of `array` that cannot be written to."""
    result = np.ascontiguousarray(array, dtype=dtype)
    if result.flags.writeable:
        result = result.view()
        result.flags.writeable = False
    return result


Item = TypeVar("Item")


def only(items: Sequence[Item], what: str) -> Item:
    """Return the only item of a network's items of one kind.

    Raises
    ------
    InvalidInput
        If there is another number of items.
    """
    if len(items) != 1:
        raise InvalidInput(f"this network has {len(items)} {what}s; ask for all of them by `.{what}s`")
    return items[0]


def by_output(values: Mapping[str, Array]) -> Outputs:
    """Return the array of a single output, or all arrays by the outputs' names."""
    return next(iter(values.values())) if len(values) == 1 else dict(values)


def first_output(outputs: Outputs) -> Array:
    """Return the array of the only or the first output."""
    array: Array = next(iter(outputs.values())) if isinstance(outputs, Mapping) else outputs
    return array


def output_of(outputs: Outputs, name: str) -> Array:
    """Return the array of the output of that name; a single output is an array without a name."""
    array: Array = outputs[name] if isinstance(outputs, Mapping) else outputs
    return array


def joined(parts: Sequence[Outputs]) -> Outputs:
    """Join the outputs of batches into those of all samples."""
    if isinstance(parts[0], Mapping):
        return {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}
    return np.concatenate(parts)
