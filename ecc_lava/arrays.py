"""Array types and read-only arrays."""

from __future__ import annotations

from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

__all__ = ["Array", "Float", "Int", "Shape", "read_only"]

Array: TypeAlias = npt.NDArray[Any]
Float: TypeAlias = npt.NDArray[np.float64]
Int: TypeAlias = npt.NDArray[np.int64]
Shape: TypeAlias = tuple[int, int, int]
"""Height, width, channels of one sample; a vector is (1, 1, C)."""


def read_only(array: npt.ArrayLike, dtype: npt.DTypeLike | None = None) -> Array:
    """Return a C-ordered view or copy of `array` that cannot be written to."""
    result = np.ascontiguousarray(array, dtype=dtype)
    if result.flags.writeable:
        result = result.view()
        result.flags.writeable = False
    return result
